// A pseudo-random generator of our own, so that a seed means the same operations on every machine and every Node.

/** Mulberry32: 32 bits of state, good enough to choose operations by. */
export class Random {
  #state

  /** @param {...number} seeds those who differ in one of them have nothing in common */
  constructor(...seeds) {
    this.#state = 0x9e3779b9
    for (const seed of seeds) {
      this.#state = (this.#state ^ seed) >>> 0
      this.#next()
      this.#state = Math.imul(this.#state ^ (this.#state >>> 15), 0x85ebca6b) >>> 0
    }
  }

  /** A number below 1. */
  #next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let bits = this.#state
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1)
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61)
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32
  }

  /** A whole number from 0 to below `limit`. */
  below(limit) {
    return Math.floor(this.#next() * limit)
  }

  /** A whole number from `first` to `last`. */
  between(first, last) {
    return first + this.below(last - first + 1)
  }

  /** True in one case of `cases`. */
  oneIn(cases) {
    return this.below(cases) === 0
  }

  /** @template T @param {readonly T[]} choices @returns {T} */
  pick(choices) {
    return choices[this.below(choices.length)]
  }
}
