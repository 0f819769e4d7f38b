import { createSocket } from 'node:dgram'
import type { EventEmitter } from 'node:events'
import { coded } from '../../core/coded-error.ts'
import type { BlockList } from '../block-list.ts'
import type { SocketHandle } from './handle.ts'
import type { SocketKind } from './kind.ts'

export const UNBOUND = 0
export const BINDING = 1
export const BOUND = 2

export const DISCONNECTED = 0
export const CONNECTING = 1
export const CONNECTED = 2

/** What a socket remembers. The names are those of `node:dgram`, whose deprecated properties show some of them. */
export interface SocketState {
  readonly kind: SocketKind
  /** `null` once closed. */
  handle: SocketHandle | null
  receiving: boolean
  bindState: typeof UNBOUND | typeof BINDING | typeof BOUND
  connectState: typeof DISCONNECTED | typeof CONNECTING | typeof CONNECTED
  /** What waits for the bind to end. */
  queue: (() => void)[] | undefined
  readonly reuseAddr: boolean
  readonly ipv6Only: boolean
  readonly recvBufferSize: number | undefined
  readonly sendBufferSize: number | undefined
  readonly sendBlockList: BlockList | undefined
}

/** That of `node:dgram`, for programs that get at `handle.fd` by it; a socket of its own shows it. */
const stateSymbol: symbol = symbolOfNode() ?? Symbol('state symbol')

function symbolOfNode(): symbol | undefined {
  const socket = createSocket('udp4')
  const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === 'state symbol')
  socket.close()
  return symbol
}

export function setState(socket: EventEmitter, state: SocketState): void {
  Object.defineProperty(socket, stateSymbol, { value: state })
}

export function stateOf(socket: EventEmitter): SocketState {
  return (socket as unknown as Record<symbol, SocketState>)[stateSymbol] as SocketState
}

/** For what makes no sense on a socket that is closed. */
export function openHandle(socket: EventEmitter): SocketHandle {
  const { handle } = stateOf(socket)
  if (handle === null) throw coded(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running')
  return handle
}
