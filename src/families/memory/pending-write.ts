import type { Done } from '../../core/family.ts'

/** A write whose bytes did not all fit yet; it begins at `chunks[index]`, `offset` bytes in. */
export interface PendingWrite {
  readonly chunks: readonly Uint8Array[]
  readonly done: Done
  index: number
  offset: number
  left: number
}

export function pendingWrite(chunks: readonly Uint8Array[], done: Done): PendingWrite {
  return { chunks, done, index: 0, offset: 0, left: chunks.reduce((sum, chunk) => sum + chunk.length, 0) }
}

/** Copies the next `size` bytes out of the write; no more than are left. */
export function take(write: PendingWrite, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size)
  for (let filled = 0; filled < size; ) {
    const chunk = write.chunks[write.index]
    if (chunk === undefined) break
    const part = chunk.subarray(write.offset, write.offset + size - filled)
    bytes.set(part, filled)
    filled += part.length
    write.offset += part.length
    if (write.offset === chunk.length) {
      write.index++
      write.offset = 0
    }
  }
  write.left -= size
  return bytes
}
