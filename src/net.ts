/**
 * The interface of `node:net` over our own engine.
 *
 * @module
 */
import net from 'node:net'
import { callable } from './drop-in/net/callable.ts'
import type { ConnectOptions } from './drop-in/net/connect-options.ts'
import { normalize, normalizeArguments } from './drop-in/net/normalize.ts'
import { Server as OurServer } from './drop-in/net/server.ts'
import { Socket as OurSocket } from './drop-in/net/socket.ts'
import type { SocketOptions } from './drop-in/net/socket-options.ts'

const Socket = callable(OurSocket)
const Server = callable(OurServer)

function connect(...args: unknown[]): OurSocket {
  const normalized = normalize<ConnectOptions & SocketOptions>(args)
  const [options] = normalized
  const socket = new OurSocket(options)
  if (options.timeout) socket.setTimeout(options.timeout)
  return socket.connect(normalized)
}

function createServer(...args: ConstructorParameters<typeof OurServer>): OurServer {
  return new OurServer(...args)
}

const { _setSimultaneousAccepts, _createServerHandle } = net as any

const api = {
  _createServerHandle,
  _normalizeArgs: normalizeArguments,
  _setSimultaneousAccepts,
  BlockList: net.BlockList,
  SocketAddress: net.SocketAddress,
  connect,
  createConnection: connect,
  createServer,
  isIP: net.isIP,
  isIPv4: net.isIPv4,
  isIPv6: net.isIPv6,
  Server,
  Socket,
  Stream: Socket,
  getDefaultAutoSelectFamily: net.getDefaultAutoSelectFamily,
  setDefaultAutoSelectFamily: net.setDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout: net.getDefaultAutoSelectFamilyAttemptTimeout,
  setDefaultAutoSelectFamilyAttemptTimeout: net.setDefaultAutoSelectFamilyAttemptTimeout,
}

export { api as 'module.exports', api as default }
