import { clientSockets, tell } from '../diagnostics.ts'
import type { ConnectOptions } from './connect-options.ts'
import { normalize } from './normalize.ts'
import { Socket } from './socket.ts'
import type { SocketOptions } from './socket-options.ts'

/** `(port, host?)`, `(path)`, `(address)` or `(options)`, each with a callback: a socket that is connecting. */
export function connect(...args: unknown[]): Socket {
  const normalized = normalize<ConnectOptions & SocketOptions>(args)
  const [options] = normalized
  const socket = new Socket(options)
  tell(clientSockets, () => ({ socket }))
  if (options.timeout) socket.setTimeout(options.timeout)
  return socket.connect(normalized)
}
