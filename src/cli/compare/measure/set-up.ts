import type { Counted, LinkFaults, SetUp } from '../result.ts'
import { percentile } from './latency.ts'
import { atPlace, type Ends, type Place } from './meeting.ts'

/** One connection may meet a loss by chance; the median of a few does not show it. */
const CONNECTIONS = 5
/** Milliseconds of delay below which the time that the machine itself takes counts for more than the link's. */
const SHORT_DELAY = 5

/** Counts the round trips of a connection that was just made. */
export interface RoundTripCounter {
  readonly source: string
  /** `undefined` where they cannot be counted. */
  read(ends: Ends): number | undefined
}

/** How long until a message may be sent, the first included. */
export async function measureSetUp(place: Place, faults: LinkFaults, counter: RoundTripCounter): Promise<SetUp> {
  const times: number[] = []
  const trips: (number | undefined)[] = []
  await atPlace(place, async (side) => {
    while (times.length < CONNECTIONS) {
      const ends = await side.meet()
      times.push(ends.setUp)
      trips.push(counter.read(ends))
      await side.part(ends)
    }
  })
  const time = median(times)
  if (trips.every((each) => each !== undefined)) {
    return { time, roundTrips: { value: median(trips), source: counter.source } }
  }
  return { time, roundTrips: byTime(time, faults) }
}

/** On a link whose delay is known, since it was asked for. */
function byTime(time: number, faults: LinkFaults): Counted {
  if (faults.delay < SHORT_DELAY) return { value: undefined, source: 'the link has no delay to tell round trips by' }
  return { value: time / meanRoundTrip(faults), source: 'by the time, and the delay of the link' }
}

/** Jitter is evenly spread from none to all of it, each way; netem is given the same (netem.ts). */
function meanRoundTrip({ delay, jitter }: LinkFaults): number {
  return 2 * (delay + jitter / 2)
}

function median(values: readonly number[]): number {
  return percentile(
    values.toSorted((a, b) => a - b),
    0.5,
  )
}
