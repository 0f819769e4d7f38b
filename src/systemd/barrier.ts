import { checkDeadline, withDeadline } from '../core/deadline.ts'
import { type DeadlineOptions, type StreamEndpoint, socketpair } from '../index.ts'
import { post } from './notify-socket.ts'

/**
 * Waits until the service manager has dealt with everything that was told to it before: sd_notify_barrier(3). Without
 * it a process that tells something and ends may be gone before the manager looks up whose message it was.
 *
 * Resolves to true then, to false where there is no manager. Rejects as `notify` does; give it a `timeout`, as the
 * manager may never answer.
 */
export async function barrier(options: DeadlineOptions = {}): Promise<boolean> {
  checkDeadline(options)
  if (!process.env.NOTIFY_SOCKET) return false
  return withDeadline(options, 'barrier', process.env.NOTIFY_SOCKET, passBarrier, () => undefined)
}

/** The manager gets one end of a pair and closes it when it comes to it, which is the end of ours. */
async function passBarrier(signal: AbortSignal | undefined): Promise<boolean> {
  const [ours, theirs] = socketpair('unix')
  try {
    if (!(await post('BARRIER=1', { fds: [theirs.fd as number], signal }))) return false
    theirs.destroy()
    await ended(ours, signal)
    return true
  } finally {
    ours.destroy()
    theirs.destroy()
  }
}

function ended(endpoint: StreamEndpoint, signal: AbortSignal | undefined): Promise<void> {
  signal?.addEventListener('abort', () => endpoint.destroy(), { once: true })
  return new Promise((resolve) => {
    endpoint.once('close', () => resolve())
    endpoint.resume()
  })
}
