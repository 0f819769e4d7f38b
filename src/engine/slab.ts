import type { Addon } from './addon.ts'

/**
 * Memory that reads land in, one block for all sockets of a thread, so that an idle socket holds none. What was read is
 * handed out as slices of it; when too little is left a new block takes its place, and the old one lives as long as its
 * slices. The addon recycles it then.
 */
export class Slab {
  readonly #size: number
  #block: Buffer = Buffer.alloc(0)
  #used = 0

  /** `size`: of a block, in bytes. */
  constructor(size: number) {
    this.#size = size
  }

  /** Makes sure of `bytes` free bytes from `offset` on. */
  reserve(addon: Addon, bytes: number): void {
    if (this.#block.length - this.#used >= bytes) return
    this.#block = addon.slab(this.#size)
    this.#used = 0
  }

  get block(): Buffer {
    return this.#block
  }

  get offset(): number {
    return this.#used
  }

  get free(): number {
    return this.#block.length - this.#used
  }

  /** The next `length` bytes, which belong to the caller from now on. */
  take(length: number): Buffer {
    const start = this.#used
    this.#used += length
    return this.#block.subarray(start, this.#used)
  }

  /** The next `length` bytes in memory of their own; the block is free to be read into again. */
  copy(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    this.#block.copy(bytes, 0, this.#used, this.#used + length)
    return bytes
  }
}
