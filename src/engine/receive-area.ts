import type { Addon } from './addon.ts'
import { Slab } from './slab.ts'

/** Up to here what one call received is copied out, so that a small message that is kept does not keep a slab. */
const COPY_UP_TO = 4096
/** Bytes of a block that messages are copied out to. */
const KEPT_SIZE = 2_097_152

/**
 * Where messages land, each in a slot of its own. Slots that are mostly full are handed out as they lie. What fills less
 * than half of them is copied out, one message right after the other, so that the same warm memory serves the next call.
 */
export class ReceiveArea {
  /** Bytes of one slot. */
  readonly slot: number
  readonly #slots: Slab
  readonly #kept = new Slab(KEPT_SIZE)

  /** `slots`: as many as one call may ask for. */
  constructor(slot: number, slots: number) {
    this.slot = slot
    this.#slots = new Slab(slot * slots)
  }

  /** Makes sure of so many free slots in `block` from `offset` on. */
  reserve(addon: Addon, slots: number): void {
    this.#slots.reserve(addon, slots * this.slot)
  }

  get block(): Buffer {
    return this.#slots.block
  }

  get offset(): number {
    return this.#slots.offset
  }

  /** Whether messages of so many bytes in all, in `count` slots, come back one right after the other; see `Addon.recvmmsg`. */
  isPacked(count: number, total: number): boolean {
    return 2 * total < count * this.slot
  }

  /** The bytes of what was received, which belong to the caller from now on. */
  take(addon: Addon, count: number, total: number): Buffer {
    if (!this.isPacked(count, total)) return this.#slots.take(count * this.slot)
    if (total > KEPT_SIZE) return this.#slots.take(total)
    if (total <= COPY_UP_TO) return this.#slots.copy(total)
    this.#kept.reserve(addon, total)
    this.block.copy(this.#kept.block, this.#kept.offset, this.offset, this.offset + total)
    return this.#kept.take(total)
  }
}
