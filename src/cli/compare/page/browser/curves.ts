import type { Journey } from '../../result.ts'

/** What uPlot draws: the values of x, then of each scheme; `null` is a gap. */
export type Curves = [number[], ...(number | null)[][]]

/** Where a logarithmic scale begins, in milliseconds: below the resolution of the clocks. */
export const SHORTEST = 0.001

/** By message number, from 1 on: the milliseconds that each message took. A lost message is a gap. */
export function journeyCurves(schemes: readonly (readonly Journey[])[]): Curves {
  const messages = Math.max(0, ...schemes.map((journeys) => journeys.length))
  const numbers = Array.from({ length: messages }, (_, index) => index + 1)
  return [numbers, ...schemes.map((journeys) => numbers.map((number) => latencyOf(journeys[number - 1])))]
}

/** By milliseconds: the share of the messages sent, in percent, that had arrived by then. */
export function distributionCurves(schemes: readonly (readonly Journey[])[]): Curves {
  const sorted = schemes.map((journeys) =>
    journeys
      .map(latencyOf)
      .filter((latency) => latency !== null)
      .sort((a, b) => a - b),
  )
  // All curves start at the bottom, a little before the first arrival. Where nothing has arrived, any time does.
  const first = Math.min(...sorted.map(([shortest]) => shortest ?? Number.POSITIVE_INFINITY))
  const start = Number.isFinite(first) ? first / 2 : 1
  const times = [...new Set([start, ...sorted.flat()])].sort((a, b) => a - b)
  const shares = sorted.map((latencies, scheme) => {
    const sent = schemes[scheme]?.length ?? 0
    let arrived = 0
    return times.map((time) => {
      while (arrived < latencies.length && (latencies[arrived] as number) <= time) arrived++
      return sent === 0 ? null : (100 * arrived) / sent
    })
  })
  return [times, ...shares]
}

/** JSON has no `undefined`: of a lost message `arrived` is absent. */
function latencyOf(journey: Journey | undefined): number | null {
  if (journey?.arrived === undefined) return null
  return Math.max(SHORTEST, journey.arrived - journey.sent)
}
