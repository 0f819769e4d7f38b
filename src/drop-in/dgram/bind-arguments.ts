import type { Place, SocketKind } from './kind.ts'
import { isNodeHandle, type NodeUdpHandle } from './node-handle.ts'

/** What `bind` was asked to do. */
export type BindRequest =
  | { readonly handle: NodeUdpHandle }
  | { readonly fd: number; readonly exclusive: boolean }
  | { readonly place: Place; readonly exclusive: boolean }

/** `(port?, address?)`, `({ port, address, exclusive, fd })`, an address of ours, or a handle of Node's own. */
export function readBind(kind: SocketKind, first: unknown, second: unknown): BindRequest {
  if (isNodeHandle(first)) return { handle: first }
  const isOptions = typeof first === 'object' && first !== null && !('scheme' in first)
  if (!isOptions) {
    const address = typeof second === 'function' ? undefined : second
    return { place: kind.bindPlace(typeof first === 'function' ? undefined : first, address), exclusive: false }
  }
  const { fd, port, address, exclusive }: Partial<Record<string, unknown>> = { ...first }
  // 0 is standard input, and never meant.
  if (typeof fd === 'number' && Number.isInteger(fd) && fd > 0) return { fd, exclusive: Boolean(exclusive) }
  return { place: kind.bindPlace(port, address), exclusive: Boolean(exclusive) }
}
