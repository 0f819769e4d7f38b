/**
 * `node:dgram` over polysocket's own sockets: the same functions, events, errors and codes, in the same order, and workers of
 * node:cluster share a socket as they do there. Of Node 20's own test files for dgram 74 of 78 pass; `npm run test:node` runs
 * them.
 *
 * Beyond Node: `createSocket({ scheme: 'unixgram' })` makes a socket of one of polysocket's schemes for messages without a
 * connection. Its addresses stand where Node has a port and an address, as text or as objects: `bind('unixgram:/run/x')`,
 * `send(data, 'unixgram:/dev/log')`, `connect('unixgram:/dev/log')`. What `address()`, `remoteAddress()` and a message's
 * `rinfo` tell is `{ address, family, port }` with the whole address as text, the scheme, and 0, so that
 * `send(answer, rinfo.port, rinfo.address)` goes back to the sender; `address` is `''` where there is none. Without an
 * address, `bind` takes one that the system chooses. A socket of UDP takes `udp://host:port` in the same places.
 *
 * What differs from Node, on purpose:
 *
 * - The state at Node's own symbol has `handle.fd` and `queue`; its handle is ours, and not the one of libuv, whose methods
 *   three of Node's tests replace.
 * - The deprecated properties (`_handle`, `_bindState` …) can be read; setting them changes nothing.
 * - `bind` throws `ERR_SOCKET_BAD_PORT` for a port that is none, where Node takes the remainder by 65536.
 * - A socket that is closed throws `ERR_SOCKET_DGRAM_NOT_RUNNING` from every method, where some of Node's throw a `TypeError`
 *   of a null handle.
 * - `bind({ fd })` that throws leaves the socket as it was; Node's then counts as bound.
 * - `Socket` is a class, and cannot be called without `new`.
 * - libuv's `--test-udp-no-try-send` has no effect (one test): what can be sent is sent at once.
 * - Without the native addon `node:dgram` carries these sockets: `bind` is then done a few ticks later, descriptors and schemes
 *   other than `memorygram` are `ERR_UNSUPPORTED` or `ERR_FAMILY_UNAVAILABLE`, and `addMembership` needs a bound socket.
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
