/**
 * `polysocket/net`: the interface and the behaviour of `node:net`, https://nodejs.org/docs/latest-v20.x/api/net.html, over
 * our own engine. `import net from 'polysocket/net'` and `require('polysocket/net')` stand where `node:net` stood; the latter
 * gives an object whose members can be replaced.
 *
 * Beyond `node:net`, an address of ours that carries a stream stands where a path does:
 *
 * - `net.connect('rfcomm://AA:BB:CC:DD:EE:FF/3')`, `server.listen('memory:name')`: text that begins with a known scheme and a
 *   colon. A path that looks so is written `./memory:name`.
 * - `net.connect({ address: 'unix:@name' })`, `server.listen({ address })`: text, or an address object. A text that is no
 *   address of ours is ignored there, so that `net.connect(server.address())` means what it means in Node.
 * - `server.address()`, `socket.remoteAddress` and `socket.localAddress` then give the address as text, without a port and
 *   family; of tcp they give what Node gives. Errors are of our families: their `address` is the text.
 * - `socket.fd` is the descriptor, which `child_process.spawn` takes as `stdio`; `listen({ reusePort })` is SO_REUSEPORT.
 *
 * Differences on purpose:
 *
 * - `instanceof` and `child.send`: our sockets and servers are no instances of Node's classes, nor Node's of ours, and
 *   cannot be sent to another process. The classes can be called without `new`, but not by `net.Socket.call(this)`.
 * - `_handle` has the common methods of Node's own, and is none of them: `new Socket({ handle })` takes one of ours or one of
 *   libuv's that has a descriptor; a `connect`, `onread` or `HTTPParser.consume` of libuv's own is not there.
 * - `fd` has to be a socket. A pipe(7) or a terminal is `ERR_INVALID_FD_TYPE`.
 * - A connect to port 0 is `ECONNREFUSED` without asking the system.
 * - A path of more than 108 bytes is `ENAMETOOLONG`; Node 20 cuts it. A socket file is removed at close only while it is ours.
 * - `connect` of a connected socket is `EISCONN`; in Node it may seem to succeed. An error that connect(2) reports at once
 *   comes as one that it reports later, with 'connectionAttemptFailed', and without `Local (…)` in its message.
 * - Without a free descriptor (EMFILE) connections wait to be accepted; Node drops them.
 * - `perf_hooks` has no entries of the type `net`; async_hooks knows no resources of our sockets.
 * - Under `tls.connect({ socket })` the socket has to be connected or connecting: one that is to be connected later fails.
 *   The TLSSocket tells no addresses then: `secure` of `polysocket` gives one that does.
 * - `BoundSocket` is Node's own; `listen` and the option `handle` refuse it.
 * - Without the native addon (see README, "Engines") `listen` is under way when it returns, so that `address()` is `null`
 *   until 'listening', and `fd` and handles cannot be taken over.
 *
 * @module
 */
import net from 'node:net'
import { callable } from './drop-in/net/callable.ts'
import { connect as open } from './drop-in/net/connect.ts'
import type * as module from './drop-in/net/module.ts'
import { Server as OurServer } from './drop-in/net/server.ts'
import { Socket as OurSocket } from './drop-in/net/socket.ts'

export type * from 'node:net'
export {
  BlockList,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  isIPv4,
  isIPv6,
  SocketAddress,
  setDefaultAutoSelectFamily,
  setDefaultAutoSelectFamilyAttemptTimeout,
} from 'node:net'
export type { AddressConnectOptions, AddressListenOptions, NetModule } from './drop-in/net/module.ts'

// What the classes do is typed where they stand; what they are for others is what Node's own types say.
export type Socket = module.Socket
export const Socket: module.SocketConstructor = callable(OurSocket) as unknown as module.SocketConstructor
export const Stream: module.SocketConstructor = Socket
export type Server = module.Server
export const Server: module.ServerConstructor = callable(OurServer) as unknown as module.ServerConstructor

export const connect: module.Connect = open as unknown as module.Connect
export const createConnection: module.Connect = connect
export const createServer: module.CreateServer = ((...args: ConstructorParameters<typeof OurServer>) =>
  new OurServer(...args)) as unknown as module.CreateServer

/** `undefined` before Node 24.22, which brought it. */
export const BoundSocket: unknown = (net as { BoundSocket?: unknown }).BoundSocket

/** With what Node's own object has besides, undocumented names included. */
const api: module.NetModule = {
  ...(net as unknown as module.NetModule),
  Socket,
  Stream,
  Server,
  connect,
  createConnection,
  createServer,
}

export { api as 'module.exports', api as default }
