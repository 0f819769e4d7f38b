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

/** Everything that `compare` found out; `--json` prints it, the table and the page show it. Milliseconds and bytes. */
export interface Comparison {
  readonly faults: LinkFaults
  /** What disturbs tcp and udp: `netem`, or nothing. */
  readonly netem: boolean
  /** Messages a scheme, each of `size` bytes, one every `interval`. */
  readonly messages: number
  readonly size: number
  readonly interval: number
  readonly machine: Machine
  readonly schemes: readonly Outcome[]
}

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

export interface SchemeResult {
  readonly scheme: string
  readonly address: string
  readonly engine: string
  readonly facts: SchemeFacts
  /** What disturbed it: `memory faults`, `netem`, or `nothing` where the link was as it is. */
  readonly disturbed: 'memory faults' | 'netem' | 'nothing'
  readonly setUp: SetUp
  readonly delivery: Delivery
  readonly retransmitted: Counted
  readonly boundaries: Boundaries
  /** Bytes a message beyond its own. */
  readonly overhead: Counted
  readonly latency: Latency
  /** Of each message in the order of sending; for the charts. */
  readonly journeys: readonly Journey[]
  /** The use that what was measured suits. */
  readonly suits: string
  readonly agreements: readonly Agreement[]
}

export interface SetUp {
  /** Until a message may be sent. */
  readonly time: number
  /** How many of the link's round trips the time has; `undefined` where the link is too short to tell. */
  readonly roundTrips: number | undefined
}

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
