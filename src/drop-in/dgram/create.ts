import type { SocketOptions, SocketType } from './create-options.ts'
import { type MessageListener, Socket } from './socket.ts'

/** A socket of UDP (`'udp4'`, `'udp6'`), or of one of polysocket's schemes: `{ scheme: 'unixgram' }`. */
export function createSocket(options: SocketType | SocketOptions, listener?: MessageListener): Socket {
  return new Socket(options, listener)
}

interface NodeInternals {
  _createSocketHandle(
    address: string | null,
    port: number | null,
    type: SocketType,
    fd?: number,
    flags?: number,
  ): unknown
}

/** Node's own, for programs that make handles to bind to. Deprecated by Node: DEP0112. */
export const _createSocketHandle: NodeInternals['_createSocketHandle'] = (...args) =>
  (process.getBuiltinModule('node:dgram') as unknown as NodeInternals)._createSocketHandle(...args)
