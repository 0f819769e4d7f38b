/** What has crossed a link so far. */
export interface Traffic {
  readonly bytes: number
  readonly packets: number
}

/** Somebody below the scheme who counts what crosses its link, headers and repetitions included. */
export interface TrafficCounter {
  /** Who counts, and what. */
  readonly source: string
  read(): Promise<Traffic> | Traffic
  close(): Promise<void>
}
