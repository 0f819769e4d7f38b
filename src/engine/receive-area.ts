import type { Addon } from './addon.ts'
import { blockFor, ReadArea } from './read-area.ts'

/**
 * Where messages land, each in a slot of its own. Where they fill most of their slots they are handed out as they lie; where
 * they fill less than half, the addon has moved them together, one right after the other. Either way the messages of one
 * call share memory, and with no others.
 */
export class ReceiveArea {
  /** Bytes of one slot. */
  readonly slot: number
  /** As many as one call may ask for. */
  readonly slots: number
  readonly #area = new ReadArea()
  #size = 0

  constructor(slot: number, slots: number) {
    this.slot = slot
    this.slots = slots
  }

  /** Memory of so many slots. */
  block(addon: Addon, slots: number): Buffer {
    this.#size = blockFor(slots * this.slot)
    return this.#area.block(addon, this.#size)
  }

  /** Whether messages of so many bytes in all, in `count` slots, come back one right after the other; see `Addon.recvmmsg`. */
  isPacked(count: number, total: number): boolean {
    return 2 * total < count * this.slot
  }

  /** The bytes of what was received into the block, which belong to the caller from now on. */
  take(addon: Addon, count: number, total: number): Buffer {
    return this.#area.take(addon, this.#size, this.isPacked(count, total) ? total : count * this.slot)
  }
}
