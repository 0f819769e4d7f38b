import type { SchemeFacts } from '../../index.ts'

/** What is done to what crosses the link: shares from 0 to 1, times in milliseconds, each way. */
export interface LinkFaults {
  readonly loss: number
  readonly duplicate: number
  readonly reorder: number
  readonly delay: number
  readonly jitter: number
  readonly seed: number
}

/**
 * Everything that `compare` found out; `--json` prints it, the table and the page show it. Times are milliseconds, lengths are
 * bytes, shares go from 0 to 1. In JSON what is `undefined` is absent, and `NaN` is `null`.
 */
export interface Comparison {
  readonly faults: LinkFaults
  /** Whether netem was asked to disturb tcp and udp as well. */
  readonly netem: boolean
  /** Sent over each scheme, one every `interval`, each of `size` bytes; over a radio fewer (`delivery.sent`), and slower. */
  readonly messages: number
  readonly size: number
  readonly interval: number
  readonly machine: Machine
  readonly schemes: readonly Outcome[]
}

/** Where it was measured. */
export interface Machine {
  readonly node: string
  readonly system: string
  readonly processors: number
}

/** A scheme that could not be tried, and what would help. */
export interface Missing {
  readonly scheme: string
  readonly reason: string
  readonly remedy: string
}

/** A scheme that was tried and broke down; `reason` is the error. */
export interface Failed extends Missing {
  readonly failed: true
}

/** What became of one scheme. */
export type Outcome = SchemeResult | Failed | Missing

/** A number together with who counted it. `undefined`: nobody counts it here, and `source` says why. */
export interface Counted {
  readonly value: number | undefined
  readonly source: string
}

/** What was measured of one scheme. */
export interface SchemeResult {
  readonly scheme: string
  readonly address: string
  readonly engine: string
  readonly facts: SchemeFacts
  /** What disturbed it: `memory faults`, `netem`, or `nothing` where the link was as it is. */
  readonly disturbed: 'memory faults' | 'netem' | 'nothing'
  readonly setUp: SetUp
  /** From one message to the next. */
  readonly interval: number
  readonly delivery: Delivery
  readonly retransmitted: Counted
  readonly boundaries: Boundaries
  /** Bytes a message beyond its own; on a stream with the four of its length. */
  readonly overhead: Counted
  readonly latency: Latency
  /** Of each message in the order of sending; for the charts. */
  readonly journeys: readonly Journey[]
  /** The use that what was measured suits. */
  readonly suits: string
  readonly agreements: readonly Agreement[]
}

/** Of a connection; where there are none, of a socket. The median of a few. */
export interface SetUp {
  /** Until a message may be sent. */
  readonly time: number
  /** Of the link: tcp counts them, and on a link whose delay was asked for the time tells. */
  readonly roundTrips: Counted
}

/** What became of the messages sent. */
export interface Delivery {
  readonly sent: number
  /** Different messages that arrived, whole. */
  readonly delivered: number
  readonly lost: number
  /** Copies beyond the first. */
  readonly duplicated: number
  /** Messages that arrived after one that was sent later (RFC 4737). */
  readonly reordered: number
}

/** Whether the far end can tell one message from the next. */
export interface Boundaries {
  /** Every read gave one message, as it was sent. */
  readonly kept: boolean
  /** Of messages of different sizes, sent at once. */
  readonly writes: number
  readonly reads: number
}

/** One way, of the messages that arrived; `NaN` (in JSON `null`) where none did. */
export interface Latency {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** `arrived` is `undefined` for a lost message. Milliseconds since the first was sent. */
export interface Journey {
  readonly sent: number
  readonly arrived: number | undefined
}

/** A fact that the family declares, beside what was measured. */
export interface Agreement {
  readonly fact: keyof SchemeFacts
  readonly declared: string
  readonly measured: string
  readonly agrees: boolean
}
