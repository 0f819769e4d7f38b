/**
 * What a service of systemd's needs: its sockets (socket activation), telling how it is (readiness, status, the
 * watchdog), and keeping descriptors across a restart. All of it does nothing, and says so, where systemd did not start
 * the process.
 *
 * @module
 */
import { checkDeadline } from './core/deadline.ts'
import type { DeadlineOptions } from './index.ts'
import { post } from './systemd/notify-socket.ts'
import { formatState, type NotifyState } from './systemd/state.ts'

export { barrier } from './systemd/barrier.ts'
export { removeFds, type StoreFdsOptions, storeFds } from './systemd/fd-store.ts'
export { type ListenFd, ListenFds, type ListenFdsOptions, listenFds } from './systemd/listen-fds.ts'
export type { NotifyState } from './systemd/state.ts'
export { type Watchdog, type WatchdogOptions, watchdog } from './systemd/watchdog.ts'

/**
 * Tells the service manager a state of ours, sd_notify(3): `notify('READY=1')`, `notify({ STATUS: 'loading' })`,
 * `notify({ STOPPING: 1 })`. `Type=notify-reload` wants
 * `notify({ RELOADING: 1, MONOTONIC_USEC: process.hrtime.bigint() / 1000n })`, and READY=1 afterwards.
 *
 * Resolves to true once the manager's socket has it, to false where there is none (NOTIFY_SOCKET is not set).
 * Rejects with a `TypeError` for what is no state (a value with a newline in it), the system's error (`ENOENT`,
 * `ECONNREFUSED`), `ERR_UNSUPPORTED` for `vsock:`, and on abort and timeout.
 */
export async function notify(state: NotifyState, options: DeadlineOptions = {}): Promise<boolean> {
  checkDeadline(options)
  return post(formatState(state), options)
}
