/** About five seconds of packets. */
const REMEMBERED = 256

/** Fewer than a second's packets say little: until then the delay is at least this. */
const FEW = 50
const AT_FIRST = 40

/** Of a hundred packets, one may be left behind: a buffer as long as the worst delay would serve a single straggler. */
const IN_TIME = 0.99

/**
 * How long packets are on their way, as far as a receiver can know: when they came, less when their timestamp says that they
 * were spoken. The two clocks are not set alike, so only differences mean anything.
 */
export class TransitTimes {
  readonly #times: Float64Array = new Float64Array(REMEMBERED)
  #count = 0

  add(transit: number): void {
    this.#times[this.#count % REMEMBERED] = transit
    this.#count++
  }

  clear(): void {
    this.#count = 0
  }

  /** The shortest of late, and how much longer nearly all others took at most. Both in milliseconds; `undefined` without any. */
  spread(): { readonly shortest: number; readonly variation: number } | undefined {
    if (this.#count === 0) return undefined
    const sorted = this.#times.slice(0, Math.min(this.#count, REMEMBERED)).sort()
    const shortest = sorted[0] as number
    const variation = (sorted[Math.ceil(IN_TIME * sorted.length) - 1] as number) - shortest
    return { shortest, variation: this.#count < FEW ? Math.max(AT_FIRST, variation) : variation }
  }
}
