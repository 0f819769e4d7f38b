import type { Addon } from './addon.ts'
import { copyOut } from './read-area.ts'

/**
 * Where messages land, each in a slot of its own. Slots that are mostly full are handed out as they lie: their messages share
 * memory with those of other calls, which a queue that they wait in copies them out of. What fills less than half of its
 * slots the addon has moved together, one message right after the other; it is copied out at once, so that the same warm
 * memory serves the next call.
 */
export class ReceiveArea {
  /** Bytes of one slot. */
  readonly slot: number
  /** As many as one call may ask for. */
  readonly slots: number
  #block: Buffer = Buffer.alloc(0)
  #offset = 0

  constructor(slot: number, slots: number) {
    this.slot = slot
    this.slots = slots
  }

  /** Makes sure of so many free slots in `block` from `offset` on. */
  reserve(addon: Addon, slots: number): void {
    if (this.#block.length - this.#offset >= slots * this.slot) return
    this.#block = addon.slab(this.slots * this.slot)
    this.#offset = 0
  }

  get block(): Buffer {
    return this.#block
  }

  get offset(): number {
    return this.#offset
  }

  /** Whether messages of so many bytes in all, in `count` slots, come back one right after the other; see `Addon.recvmmsg`. */
  isPacked(count: number, total: number): boolean {
    return 2 * total < count * this.slot
  }

  /** The bytes of what was received, which belong to the caller from now on. */
  take(addon: Addon, count: number, total: number): Buffer {
    if (this.isPacked(count, total)) return copyOut(addon, this.#block, this.#offset, total)
    const start = this.#offset
    this.#offset += count * this.slot
    return this.#block.subarray(start, this.#offset)
  }
}
