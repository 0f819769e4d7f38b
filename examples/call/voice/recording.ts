/** Samples as they come, in one array that grows up to a limit; what comes after that is not kept. */
export class Recording {
  readonly #limit: number
  #samples: Int16Array = new Int16Array(8000)
  #length = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  get samples(): Int16Array {
    return this.#samples.slice(0, this.#length)
  }

  add(samples: Int16Array): void {
    const kept = samples.subarray(0, this.#limit - this.#length)
    if (this.#length + kept.length > this.#samples.length) {
      const larger = new Int16Array(Math.max(2 * this.#samples.length, this.#length + kept.length))
      larger.set(this.#samples)
      this.#samples = larger
    }
    this.#samples.set(kept, this.#length)
    this.#length += kept.length
  }
}
