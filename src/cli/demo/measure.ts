/** What the near side of one row found out. */
export interface Measured {
  /** Our own address, as text; `undefined` where we have none. */
  readonly from: string | undefined
  readonly bytes: number
  /** Of the transfer, in seconds: from the first byte that we sent until we knew that the last had come. */
  readonly seconds: number
  /** Median of the echoes, in microseconds. */
  readonly roundTrip: number
  /** Why the row is good, in a few words. */
  readonly verdict: string
}

export const ECHO_BYTES = 64
/** Milliseconds after which the echoes that came will do: the machine is slow. */
export const ECHO_TIME = 3000

/** How much of a row is done, and in which time. */
export interface Effort {
  /** Of the file, at most. */
  readonly bytes: number
  /** Fewer, where they take longer than `ECHO_TIME`. */
  readonly echoes: number
  /** Echoes that come first and do not count, until the machinery is warm. */
  readonly warmUp: number
  /** Milliseconds after which an answer counts as lost, where the scheme may lose it. */
  readonly patience: number
  /** Milliseconds for the whole row: long enough for an emulated processor, too. */
  readonly limit: number
}

export const FULL: Effort = { bytes: 8 * 1024 * 1024, echoes: 500, warmUp: 100, patience: 300, limit: 60_000 }
/** A radio carries some 100 KiB in a second, and an echo in some 20 ms. */
export const RADIO: Effort = { bytes: 256 * 1024, echoes: 50, warmUp: 10, patience: 2000, limit: 60_000 }

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
