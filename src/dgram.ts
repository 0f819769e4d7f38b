/**
 * `node:dgram` over polysocket's own sockets: the same functions, events and errors, in the same order.
 *
 * @module
 */
import { _createSocketHandle, createSocket } from './drop-in/dgram/create.ts'
import { Socket } from './drop-in/dgram/socket.ts'

export type {
  SchemeSocketOptions,
  SocketOptions,
  SocketType,
  UdpSocketOptions,
} from './drop-in/dgram/create-options.ts'
export type { SendCallback } from './drop-in/dgram/send-arguments.ts'
export type { AddressInfo, BindOptions, MessageData, MessageListener, RemoteInfo } from './drop-in/dgram/socket.ts'
export { _createSocketHandle, createSocket, Socket }

const api: {
  _createSocketHandle: typeof _createSocketHandle
  createSocket: typeof createSocket
  Socket: typeof Socket
} = { _createSocketHandle, createSocket, Socket }

export default api
/** What `require('polysocket/dgram')` gives: a plain object, whose functions can be replaced as those of `node:dgram`. */
export { api as 'module.exports' }
