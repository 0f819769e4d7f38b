/** Times in milliseconds, as many as come. */
export class Latencies {
  #times = new Float64Array(1 << 16)
  #count = 0

  get count() {
    return this.#count
  }

  add(milliseconds) {
    if (this.#count === this.#times.length) {
      const times = new Float64Array(this.#count * 2)
      times.set(this.#times)
      this.#times = times
    }
    this.#times[this.#count++] = milliseconds
  }

  percentiles() {
    const sorted = this.#times.subarray(0, this.#count).sort()
    const at = (share) => sorted[Math.min(this.#count - 1, Math.floor(this.#count * share))]
    return { p50: at(0.5), p99: at(0.99) }
  }
}
