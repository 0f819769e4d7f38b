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

export const ECHOES = 500
export const ECHO_BYTES = 64
/** Echoes that come first and do not count, until the machinery is warm. */
export const WARM_UP = 100

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
