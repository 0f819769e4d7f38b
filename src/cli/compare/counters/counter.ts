/** What crossed a link since the counter was opened, or since the machine was started: differences are what counts. */
export interface Traffic {
  readonly bytes: number
  readonly packets: number
}

/** Counts what crosses the link below a scheme, headers included. */
export interface TrafficCounter {
  /** Who counts, and what else is in the count. */
  readonly source: string
  /** Whether it stands before what loses and copies messages: then it counts those that are lost, and no copies. */
  readonly countsLost: boolean
  read(): Promise<Traffic> | Traffic
  close(): Promise<void>
}

/** Nobody counts here. */
export interface Uncounted {
  readonly reason: string
}
