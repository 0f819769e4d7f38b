import type { EventEmitter } from 'node:events'
import { coded } from '../errors/coded.ts'
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
}

/** Named as that of `node:dgram`, for programs that look for a symbol of this name to get at `handle.fd`. */
const stateSymbol = Symbol('state symbol')

export function setState(socket: EventEmitter, state: SocketState): void {
  Object.defineProperty(socket, stateSymbol, { value: state })
}

export function stateOf(socket: EventEmitter): SocketState {
  return (socket as unknown as { [stateSymbol]: SocketState })[stateSymbol]
}

/** For what makes no sense on a socket that is closed. */
export function openHandle(socket: EventEmitter): SocketHandle {
  const { handle } = stateOf(socket)
  if (handle === null) throw coded(Error, 'ERR_SOCKET_DGRAM_NOT_RUNNING', 'Not running')
  return handle
}
