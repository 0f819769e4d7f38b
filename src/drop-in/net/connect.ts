import { channel } from 'node:diagnostics_channel'
import type { ConnectOptions } from './connect-options.ts'
import { normalize } from './normalize.ts'
import { Socket } from './socket.ts'
import type { SocketOptions } from './socket-options.ts'

const clientSockets = channel('net.client.socket')

/** `(port, host?)`, `(path)`, `(address)` or `(options)`, each with a callback: a socket that is connecting. */
export function connect(...args: unknown[]): Socket {
  const normalized = normalize<ConnectOptions & SocketOptions>(args)
  const [options] = normalized
  const socket = new Socket(options)
  if (clientSockets.hasSubscribers) clientSockets.publish({ socket })
  if (options.timeout) socket.setTimeout(options.timeout)
  return socket.connect(normalized)
}
