import type { Addon } from './addon.ts'

/** What fills less is copied, small as it is, into memory that V8 manages. */
const WORTH_A_BLOCK = 32_768
/** Bytes of the smallest block. */
export const SMALLEST_BLOCK: number = 2 * WORTH_A_BLOCK

/**
 * Memory that reads land in, a block of each size for all sockets of a thread, so that an idle socket holds none.
 * Where what was read fills half of its block it is handed out as it lies, and a new block takes that one's place; else it is
 * copied, and the block, which is warm, is read into again. So it holds at most twice its bytes, or a part of Node's own pool.
 * The addon recycles blocks that nobody holds any more.
 */
export class ReadArea {
  readonly #blocks = new Map<number, Buffer>()

  /** A block of `size` bytes, until something is taken of it. */
  block(addon: Addon, size: number): Buffer {
    let block = this.#blocks.get(size)
    if (block === undefined) {
      block = addon.slab(size)
      this.#blocks.set(size, block)
    }
    return block
  }

  /** The first `count` bytes of the block of `size` bytes. The caller owns them. */
  take(addon: Addon, size: number, count: number): Buffer {
    const block = this.block(addon, size)
    if (2 * count >= size) {
      this.#blocks.delete(size)
      return block.subarray(0, count)
    }
    return copyOut(addon, block, 0, count)
  }
}

/** A copy, in memory of at most twice its bytes, or in Node's pool of 8 KiB (64 KiB from Node 24 on). */
export function copyOut(addon: Addon, block: Buffer, from: number, count: number): Buffer {
  const own = count < WORTH_A_BLOCK ? Buffer.allocUnsafe(count) : addon.slab(blockFor(count)).subarray(0, count)
  block.copy(own, 0, from, from + count)
  return own
}

/** The size of the smallest block that holds so many bytes. */
export function blockFor(bytes: number): number {
  let size = SMALLEST_BLOCK
  while (size < bytes) size *= 2
  return size
}
