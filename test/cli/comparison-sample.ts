import type {
  Agreement,
  Comparison,
  Counted,
  Delivery,
  Journey,
  Latency,
  LinkFaults,
  Missing,
  SchemeResult,
} from '../../src/cli/compare/result.ts'
import { factsOf } from '../support/need.ts'

const MESSAGES = 300
const SIZE = 160
const INTERVAL = 20
const FAULTS: LinkFaults = { loss: 0.05, duplicate: 0.01, reorder: 0.02, delay: 40, jitter: 10, seed: 7 }
/** How long the stream takes to find out that a message is lost, and to send it again. */
const RECOVERY = 220

/** A number from 0 to 1, the same sequence for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A comparison as it may come out: a stream with saw-teeth, datagrams with losses, two schemes undisturbed, one missing. */
export function sampleComparison(): Comparison {
  return {
    faults: FAULTS,
    netem: false,
    messages: MESSAGES,
    size: SIZE,
    interval: INTERVAL,
    machine: { node: '20.20.0', system: 'linux 6.8.0', processors: 2 },
    schemes: [
      {
        ...result('memorygram', lossyJourneys()),
        disturbed: 'memory faults',
        ...told(undefined, 'the link sends nothing again'),
      },
      { ...result('memory', sawToothJourneys()), disturbed: 'memory faults', ...told(16, 'counted by the link') },
      { ...result('unix', quickJourneys(3)), ...told(undefined, 'the kernel copies, there is nothing to send again') },
      {
        ...result('unixgram', quickJourneys(4)),
        ...told(undefined, 'the kernel copies, there is nothing to send again'),
      },
      sampleMissing('rfcomm'),
    ],
  }
}

export function sampleMissing(scheme: string): Missing {
  return { scheme, reason: 'there is no Bluetooth adapter', remedy: 'plug one in, or run it in the lab' }
}

/** A scheme's result, whose numbers are those of its journeys. */
export function result(scheme: string, journeys: readonly Journey[]): SchemeResult {
  const facts = factsOf(scheme)
  const stream = facts.kind === 'stream'
  return {
    scheme,
    address: `${scheme}:compare-1`,
    engine: scheme.startsWith('memory') ? 'memory' : 'kernel',
    facts,
    disturbed: 'nothing',
    setUp: stream
      ? { time: 81.4, roundTrips: { value: 1, source: 'segments' } }
      : { time: 0.21, roundTrips: { value: undefined, source: 'no delay' } },
    interval: INTERVAL,
    delivery: deliveryOf(journeys, stream ? 0 : 3),
    retransmitted: { value: undefined, source: 'nobody counts it' },
    boundaries: { kept: facts.boundaries, writes: 20, reads: facts.boundaries ? 20 : 2 },
    overhead: { value: stream ? 66 : 42, source: 'headers of the link' },
    latency: latencyOf(journeys),
    journeys,
    suits: stream ? 'files, logs and requests: all of it, in order' : 'voice and video: what is late is of no use',
    agreements: agreementsOf(facts.reliable, facts.ordered),
  }
}

function told(value: number | undefined, source: string): { retransmitted: Counted } {
  return { retransmitted: { value, source } }
}

function agreementsOf(reliable: boolean, ordered: boolean): Agreement[] {
  const word = (promised: boolean): string => (promised ? 'yes' : 'no')
  return [
    { fact: 'reliable', declared: word(reliable), measured: word(reliable), agrees: true },
    { fact: 'ordered', declared: word(ordered), measured: word(ordered), agrees: true },
  ]
}

/** What is behind a lost message waits until that has come again, and comes with it. */
export function sawToothJourneys(): Journey[] {
  const random = seeded(1)
  let free = 0
  return eachSent((sent) => {
    const recovery = random() < FAULTS.loss ? RECOVERY : 0
    free = Math.max(free, sent + FAULTS.delay + random() * FAULTS.jitter + recovery)
    return free
  })
}

/** Some are missing, and some come late. */
export function lossyJourneys(): Journey[] {
  const random = seeded(2)
  return eachSent((sent) => {
    if (random() < FAULTS.loss) return undefined
    const overtaken = random() < FAULTS.reorder ? 3 * INTERVAL : 0
    return sent + FAULTS.delay + random() * FAULTS.jitter + overtaken
  })
}

export function quickJourneys(seed: number): Journey[] {
  const random = seeded(seed)
  return eachSent((sent) => sent + 0.05 + random() ** 4)
}

function eachSent(arrival: (sent: number) => number | undefined): Journey[] {
  return Array.from({ length: MESSAGES }, (_, index) => ({
    sent: index * INTERVAL,
    arrived: arrival(index * INTERVAL),
  }))
}

function deliveryOf(journeys: readonly Journey[], duplicated: number): Delivery {
  const arrivals = journeys.flatMap(({ arrived }) => (arrived === undefined ? [] : [arrived]))
  const reordered = arrivals.filter((arrived, index) =>
    arrivals.slice(index + 1).some((later) => later < arrived),
  ).length
  const delivered = arrivals.length
  return { sent: journeys.length, delivered, lost: journeys.length - delivered, duplicated, reordered }
}

function latencyOf(journeys: readonly Journey[]): Latency {
  const sorted = journeys
    .flatMap(({ sent, arrived }) => (arrived === undefined ? [] : [arrived - sent]))
    .sort((a, b) => a - b)
  const quantile = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
  return { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) }
}
