/** Of no type and not documented, but of every version: what `node:net` and `node:dgram` use themselves. */
interface ClusterInternals {
  readonly isWorker: boolean
  _getServer?(socket: object, wanted: object, done: (errno: number, handle: never) => void): void
}

/** Whether this process is a worker of node:cluster, whose sockets are its primary's. */
export function isWorker(): boolean {
  return cluster().isWorker
}

/**
 * Asks the primary for what it shares; the same words from two workers mean the same socket. `errno` is negative, or 0. The
 * socket's 'listening' is what the primary is told of.
 */
export function askPrimary<Wanted extends object, Handle>(
  socket: object,
  wanted: Wanted,
  done: (errno: number, handle: Handle | null | undefined) => void,
): void {
  cluster()._getServer?.(socket, wanted, done)
}

/** Loaded on first use: few programs have it. */
function cluster(): ClusterInternals {
  return process.getBuiltinModule('node:cluster') as unknown as ClusterInternals
}
