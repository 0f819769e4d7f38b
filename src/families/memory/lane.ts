import type { Rates } from './faults.ts'
import type { Link } from './link.ts'
import { Random } from './random.ts'

/** A segment that was lost this many times in a row ends its connection with ETIMEDOUT: Linux' tcp_retries2, 15, and the first. */
const TRIES = 16

/** How one copy of a message crosses a link: in so many milliseconds, held back by `reorder` or not. */
export interface Crossing {
  readonly delay: number
  readonly held: boolean
}

/** One direction of one conversation over a link. Its faults do not depend on what other lanes carry. */
export class Lane {
  readonly link: Link
  readonly #number: number
  #random: Random | undefined
  #epoch = -1

  constructor(link: Link, number: number) {
    this.link = link
    this.#number = number
  }

  /** Counts what goes over a clear link, where nothing is drawn. */
  count(packets: number, bytes: number): void {
    this.link.stats.packets += packets
    this.link.stats.bytes += bytes
  }

  /** The milliseconds until a stream's segment is across; infinite when it was lost too often. */
  segment(bytes: number): number {
    this.count(1, bytes)
    if (this.link.clear) return 0
    const { rates, stats } = this.link
    const random = this.#sequence()
    if (random.next() < rates.duplicate) stats.duplicated++
    const held = random.next() < rates.reorder
    if (held) stats.reordered++
    let delay = rates.delay + random.next() * rates.jitter + (held ? roundTrip(rates) : 0)
    for (let tries = 1; random.next() < rates.loss; tries++) {
      stats.lost++
      if (tries === TRIES) return Number.POSITIVE_INFINITY
      stats.retransmitted++
      delay += roundTrip(rates)
    }
    return delay
  }

  /** When each copy of a message is across: none, one or two of them. */
  message(bytes: number): Crossing[] {
    this.count(1, bytes)
    if (this.link.clear) return [{ delay: 0, held: false }]
    const { rates, stats } = this.link
    const random = this.#sequence()
    // Always the same number of draws: whether a message is lost does not depend on the rates of the other faults.
    const lost = random.next() < rates.loss
    const twice = random.next() < rates.duplicate
    const held = random.next() < rates.reorder
    const delay = rates.delay + random.next() * rates.jitter
    const copyDelay = rates.delay + random.next() * rates.jitter
    if (!this.link.passes() || lost) {
      stats.lost++
      return []
    }
    if (held) stats.reordered++
    if (twice) stats.duplicated++
    const first = { delay: held ? delay + roundTrip(rates) : delay, held }
    return twice ? [first, { delay: copyDelay, held: false }] : [first]
  }

  #sequence(): Random {
    if (this.#random === undefined || this.#epoch !== this.link.epoch) {
      this.#epoch = this.link.epoch
      this.#random = new Random(this.link.rates.seed, this.#number)
    }
    return this.#random
  }
}

/** How long until a loss is noticed and made good, and how long a message is held back: there and back, but a moment. */
export function roundTrip(rates: Pick<Rates, 'delay' | 'jitter'>): number {
  return Math.max(2 * rates.delay + rates.jitter, 25)
}

/** The lanes that a stream's segments cross one after the other: the sender's link and the receiver's. */
export class Route {
  readonly #lanes: readonly Lane[]

  constructor(...lanes: readonly Lane[]) {
    this.#lanes = lanes
  }

  get clear(): boolean {
    return this.#lanes.every((lane) => lane.link.clear)
  }

  count(packets: number, bytes: number): void {
    for (const lane of this.#lanes) lane.count(packets, bytes)
  }

  /** The milliseconds until a segment is across; infinite when it was lost too often. */
  segment(bytes: number): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.segment(bytes), 0)
  }

  /** One way in milliseconds, when nothing happens. */
  latency(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.link.rates.delay, 0)
  }

  /** The milliseconds after which a connection ends of which nothing gets across. */
  patience(): number {
    return this.#lanes.reduce((longest, lane) => Math.max(longest, TRIES * roundTrip(lane.link.rates)), 0)
  }
}
