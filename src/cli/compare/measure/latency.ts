import type { Journey, Latency } from '../result.ts'

/** One way, of the messages that arrived; `NaN` where none did, which JSON prints as `null`. */
export function latencyOf(journeys: readonly Journey[]): Latency {
  const times = journeys
    .flatMap(({ sent, arrived }) => (arrived === undefined ? [] : [arrived - sent]))
    .sort((a, b) => a - b)
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), max: times.at(-1) ?? Number.NaN }
}

/** By nearest rank: the smallest of the values that at least this share of them do not exceed. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}
