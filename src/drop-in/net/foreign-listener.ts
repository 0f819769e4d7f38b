import { failureOf } from '../errors/failure.ts'
import type { SocketName } from './addresses.ts'
import type { ForeignHandle } from './descriptors.ts'
import type { SocketHandle } from './socket-handle.ts'
import { listenError } from './system-errors.ts'

/** `error`: 0, or a negative errno. */
export type OnConnection = (error: number, client: SocketHandle | ForeignHandle) => void

/** Told of a connection that failed before it became a socket. */
export type OnDrop = (local: SocketName | undefined, remote: SocketName | undefined) => void

/** What a server holds while it listens, in the words of Node's own handles: one of ours, or one of theirs. */
export interface ListeningHandle {
  readonly fd?: number
  onconnection: OnConnection | null
  /** Called by our own handles only. */
  ondrop?: OnDrop
  ref?(): void
  unref?(): void
  close(onClosed?: () => void): void
  /** Fills in its address; returns an errno, or 0. */
  getsockname?(name: SocketName): number
}

/** One of Node's own handles, which is bound, and waits to be told to listen. */
export interface ForeignListener extends ListeningHandle {
  listen(backlog: number): number
}

/** Throws the error to emit, and closes the handle then. */
export function listenOnHandle(
  handle: ForeignListener,
  backlog: number,
  address: string | null,
  port: number | null,
): void {
  const result = handle.listen(backlog)
  if (result === 0) return
  handle.close()
  throw listenError(failureOf(result), address, port)
}
