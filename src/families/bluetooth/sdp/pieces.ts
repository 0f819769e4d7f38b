import { Malformed } from './bytes.ts'
import type { Element } from './element.ts'
import { decodeElement, elementLength } from './element-decoder.ts'

/** All records of a device that has many come to some 10 KiB. */
const MAX_BYTES = 256 * 1024

/** The longest header of an element. */
const HEADER = 5

/**
 * One data element that arrives in pieces. It says in its header how long it will be; that is the limit of what is
 * collected, so that a peer which never ends is found out by the first byte too many.
 */
export class Pieces {
  readonly #pieces: Uint8Array[] = []
  #received = 0
  #expected: number | undefined

  add(piece: Uint8Array): void {
    this.#pieces.push(piece)
    this.#received += piece.length
    this.#expected ??= elementLength(Buffer.concat(this.#pieces.slice(0, HEADER)))
    if (this.#expected === undefined) return
    if (this.#expected > MAX_BYTES) {
      throw new Malformed(`the answer announces ${this.#expected} bytes, and more than ${MAX_BYTES} are not taken`)
    }
    if (this.#received > this.#expected) {
      throw new Malformed(`the answer announces ${this.#expected} bytes, and ${this.#received} have come`)
    }
  }

  /** The whole. Throws `Malformed` where it is none. */
  element(): Element {
    return decodeElement(Buffer.concat(this.#pieces))
  }
}
