import type * as node from 'node:net'
import type { AddressInput } from '../../core/address.ts'

/** Options of `connect` for an address of ours, where `node:net` has `port` or `path`. */
export interface AddressConnectOptions extends node.SocketConstructorOpts {
  /** Text (`'rfcomm://AA:BB:CC:DD:EE:FF/3'`) or an object, of a scheme that carries a stream. */
  address: AddressInput
  /** As `setTimeout`. */
  timeout?: number | undefined
}

/** The types of Node before 24 lack it. */
interface Blocking {
  /** A server closes connections from these addresses at once; a socket fails with `ERR_IP_BLOCKED` instead of connecting. */
  blockList?: node.BlockList | undefined
}

/** Options of `listen` for an address of ours. */
export interface AddressListenOptions {
  address: AddressInput
  backlog?: number | undefined
  signal?: AbortSignal | undefined
}

/** A `net.Socket` over our engine. */
export type Socket = node.Socket & { connect(options: AddressConnectOptions, connectListener?: () => void): Socket }

/** A `net.Server` over our engine. */
export type Server = node.Server & { listen(options: AddressListenOptions, listeningListener?: () => void): Server }

type ConnectionListener = (socket: Socket) => void

export interface SocketConstructor {
  new (options?: node.SocketConstructorOpts & Blocking): Socket
  (options?: node.SocketConstructorOpts & Blocking): Socket
  readonly prototype: Socket
}

export interface ServerConstructor {
  new (connectionListener?: ConnectionListener): Server
  new (options?: node.ServerOpts & Blocking, connectionListener?: ConnectionListener): Server
  (connectionListener?: ConnectionListener): Server
  (options?: node.ServerOpts & Blocking, connectionListener?: ConnectionListener): Server
  readonly prototype: Server
}

export interface Connect {
  (options: (node.NetConnectOpts | AddressConnectOptions) & Blocking, connectionListener?: () => void): Socket
  (port: number, host?: string, connectionListener?: () => void): Socket
  /** Of a path, or of an address of ours. */
  (path: string, connectionListener?: () => void): Socket
}

export interface CreateServer {
  (connectionListener?: ConnectionListener): Server
  (options?: node.ServerOpts & Blocking, connectionListener?: ConnectionListener): Server
}

/** What `require('polysocket/net')` gives: an object whose members can be replaced, as those of `require('net')` can. */
export interface NetModule
  extends Omit<typeof node, 'Socket' | 'Server' | 'connect' | 'createConnection' | 'createServer'> {
  Socket: SocketConstructor
  Stream: SocketConstructor
  Server: ServerConstructor
  connect: Connect
  createConnection: Connect
  createServer: CreateServer
}
