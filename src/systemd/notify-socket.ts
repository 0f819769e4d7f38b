import { invalidAddress } from '../core/address.ts'
import { withDeadline } from '../core/deadline.ts'
import { unsupported } from '../core/errors.ts'
import { connect, type DeadlineOptions, type UnixAddress } from '../index.ts'

export interface PostOptions extends DeadlineOptions {
  /** Descriptors to send with the message; the caller's own stay open. */
  readonly fds?: readonly number[]
  /** Whether a message that waits keeps the process alive. Default true. */
  readonly keepsAlive?: boolean
}

/**
 * Sends one message to the service manager: true once it is in its socket, false where there is none (NOTIFY_SOCKET is
 * not set). systemd knows the sender by its process, so nothing has to be said of it. Where the manager is busy and its
 * queue full, the message waits.
 */
export async function post(message: string, { fds, keepsAlive = true, ...options }: PostOptions): Promise<boolean> {
  const value = process.env.NOTIFY_SOCKET
  if (value === undefined || value === '') return false
  const endpoint = await connect(notifyAddress(value))
  if (!keepsAlive) endpoint.unref()
  try {
    await withDeadline(
      options,
      'notify',
      value,
      (signal) => endpoint.send(message, undefined, { signal, ...(fds !== undefined && { fds }) }),
      () => undefined,
    )
  } finally {
    await endpoint.close()
  }
  return true
}

/** A path, or `@` and an abstract name; sd_notify(3) also knows `vsock:`, for a virtual machine to tell its host. */
function notifyAddress(value: string): UnixAddress<'unixgram'> {
  if (value.startsWith('/')) return { family: 'unix', scheme: 'unixgram', path: value }
  if (value.startsWith('@')) return { family: 'unix', scheme: 'unixgram', abstract: Buffer.from(value.slice(1)) }
  if (/^vsock(-\w+)?:/.test(value)) throw unsupported(`NOTIFY_SOCKET=${value}`, 'only Unix sockets are')
  throw invalidAddress(value, 'NOTIFY_SOCKET must be an absolute path, or @ and an abstract name')
}
