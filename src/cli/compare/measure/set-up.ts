import type { LinkFaults, SetUp } from '../result.ts'
import { percentile } from './latency.ts'
import { atPlace, type Place } from './meeting.ts'

/** One connection may meet a loss by chance; the median of a few does not show it. */
const CONNECTIONS = 5
/** Milliseconds of delay below which the time that the machine itself takes counts for more than the link's. */
const SHORT_DELAY = 5

/** How long until a message may be sent, the first included. */
export async function measureSetUp(place: Place, faults: LinkFaults): Promise<SetUp> {
  const times = await atPlace(place, async (side) => {
    const found: number[] = []
    while (found.length < CONNECTIONS) {
      const ends = await side.meet()
      found.push(ends.setUp)
      await side.part(ends)
    }
    return found
  })
  const time = percentile(
    times.sort((a, b) => a - b),
    0.5,
  )
  return { time, roundTrips: faults.delay < SHORT_DELAY ? undefined : time / meanRoundTrip(faults) }
}

/** Jitter is evenly spread from none to all of it, each way; netem is given the same (netem.ts). */
function meanRoundTrip({ delay, jitter }: LinkFaults): number {
  return 2 * (delay + jitter / 2)
}
