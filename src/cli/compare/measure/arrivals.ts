import type { Delivery } from '../result.ts'

/** Keeps account of what has arrived, by the messages' numbers in the order of sending. */
export class Arrivals {
  /** When each arrived first. */
  readonly times: (number | undefined)[]
  #delivered = 0
  #duplicated = 0
  #reordered = 0
  /** RFC 4737, 3.3: a message whose number is smaller than this one is reordered. */
  #nextExpected = 0

  constructor(sent: number) {
    this.times = new Array<number | undefined>(sent).fill(undefined)
  }

  add(number: number, time: number): void {
    if (this.times[number] !== undefined) {
      this.#duplicated++
      return
    }
    this.times[number] = time
    this.#delivered++
    if (number < this.#nextExpected) this.#reordered++
    else this.#nextExpected = number + 1
  }

  /** Of everything, copies included. */
  get count(): number {
    return this.#delivered + this.#duplicated
  }

  get isComplete(): boolean {
    return this.#delivered === this.times.length
  }

  delivery(): Delivery {
    const sent = this.times.length
    return {
      sent,
      delivered: this.#delivered,
      lost: sent - this.#delivered,
      duplicated: this.#duplicated,
      reordered: this.#reordered,
    }
  }
}
