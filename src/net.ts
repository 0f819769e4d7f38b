/**
 * The interface of `node:net` over our own engine.
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
