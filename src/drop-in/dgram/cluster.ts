import type { EventEmitter } from 'node:events'

/** Node's own socket, as node:cluster hands it over and `dgram._createSocketHandle` makes it. */
export interface NodeUdpHandle {
  readonly fd: number
  close(...args: unknown[]): void
  unref?(): void
}

/** What the primary is asked for: the same words from two workers mean the same socket. */
export interface SharedSocket {
  readonly address: string | null
  readonly port: number | null
  readonly addressType: string
  readonly fd: number
  /** libuv's UV_UDP_ bits; `null` for a descriptor. */
  readonly flags: number | null
}

/** Not documented, and what `node:net` and `node:dgram` use themselves. */
interface ClusterInternals {
  readonly isWorker: boolean
  _getServer?(
    socket: EventEmitter,
    wanted: SharedSocket,
    done: (errno: number, handle: NodeUdpHandle | undefined) => void,
  ): void
}

/** `libuv`'s flags of uv_udp_bind. */
export const UV_UDP_IPV6ONLY = 1
export const UV_UDP_REUSEADDR = 4

/** Whether this process is a worker of node:cluster, whose sockets are its primary's. */
export function isWorker(): boolean {
  return cluster().isWorker
}

/** `errno` is negative, or 0. The socket's 'listening' is what the primary is told of. */
export function askPrimary(
  socket: EventEmitter,
  wanted: SharedSocket,
  done: (errno: number, handle: NodeUdpHandle | undefined) => void,
): void {
  cluster()._getServer?.(socket, wanted, done)
}

export function isNodeHandle(value: unknown): value is NodeUdpHandle {
  return typeof value === 'object' && value !== null && 'recvStart' in value && 'fd' in value
}

/** Loaded on first use: few programs have it. */
function cluster(): ClusterInternals {
  return process.getBuiltinModule('node:cluster') as unknown as ClusterInternals
}
