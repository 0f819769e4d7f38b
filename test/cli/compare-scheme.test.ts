import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { comparisonCases } from '../../src/cli/compare/cases.ts'
import { compareScheme } from '../../src/cli/compare/compare-scheme.ts'
import { makePlan, type Plan, UNDISTURBED } from '../../src/cli/compare/plan.ts'
import type { LinkFaults, SchemeResult } from '../../src/cli/compare/result.ts'
import { roundTrip } from '../../src/families/memory/lane.ts'
import { builtinFamilies, createSockets } from '../../src/index.ts'
import { given, nothing, scheme as works } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'

const sockets = createSockets(builtinFamilies)
const effort = { messages: 100, size: 200, interval: 1 }
const never = new AbortController().signal
const link = { ...UNDISTURBED, delay: 20 }

async function measure(scheme: string, faults: LinkFaults, changes: Partial<Plan> = {}): Promise<SchemeResult> {
  const [tried] = await comparisonCases([scheme], faults, false)
  if (tried === undefined || 'reason' in tried) throw new Error(`${scheme} cannot be tried`)
  const plan = makePlan(effort, tried.disturbed === 'nothing' ? UNDISTURBED : faults)
  return compareScheme(sockets, tried, { ...plan, ...changes }, { signal: never })
}

function disagreements({ agreements }: SchemeResult): string[] {
  return agreements.filter(({ agrees }) => !agrees).map(({ fact, measured }) => `${fact}: ${measured}`)
}

noDescriptorsLeft()

describe('as they are, all schemes keep what they promise', () => {
  for (const [scheme, ...needs] of [
    ['tcp', nothing],
    ['udp', nothing],
    ['unix', nothing],
    ['unixgram', works('unixgram')],
    ['unixpacket', works('unixpacket')],
    ['memory', nothing],
    ['memorygram', nothing],
  ] as const) {
    given(...needs)(
      scheme,
      async () => {
        const result = await measure(scheme, UNDISTURBED)
        expect(disagreements(result)).toEqual([])
        const { delivery, boundaries, engine, journeys, latency, setUp, retransmitted, facts } = result
        expect(delivery).toEqual({ sent: 100, delivered: 100, lost: 0, duplicated: 0, reordered: 0 })
        expect(retransmitted.value ?? 0).toBe(0)
        expect(boundaries.kept).toBe(facts.kind === 'datagram')
        if (boundaries.kept) expect(boundaries.reads).toBe(boundaries.writes)
        else expect(boundaries.reads).toBeLessThan(boundaries.writes)
        // SYN, and the SYN and ACK that answer it. Nobody else counts, and there is no delay to tell by.
        expect(setUp.roundTrips.value).toBe(scheme === 'tcp' && engine === 'kernel' ? 1 : undefined)
        expect(journeys).toHaveLength(100)
        expect(journeys[0]?.sent).toBe(0)
        expect(latency.p50).toBeGreaterThan(0)
        expect(latency.p50).toBeLessThanOrEqual(latency.p99)
        expect(latency.p99).toBeLessThanOrEqual(latency.max)
      },
      30_000,
    )
  }
})

describe('through a bad link', () => {
  const bad = { ...link, loss: 0.2, duplicate: 0.1, reorder: 0.1, seed: 7 }

  test('a stream stays whole and in order, by sending again, and is late', async () => {
    const result = await measure('memory', bad)
    expect(disagreements(result)).toEqual([])
    expect(result.delivery).toMatchObject({ delivered: 100, lost: 0, duplicated: 0, reordered: 0 })
    // 100 messages, each lost with a chance of one in five, and lost again: the seed makes it the same at each run.
    expect(result.retransmitted.value).toBeGreaterThan(5)
    expect(result.retransmitted.value).toBeLessThan(60)
    expect(result.latency.p50).toBeGreaterThanOrEqual(20)
    // Sent again one round trip later.
    expect(result.latency.p99).toBeGreaterThanOrEqual(60)
    // There and back: one round trip, of 2 x 20 ms here; more only where most of the connections met a loss.
    expect(result.setUp.roundTrips.value).toBeGreaterThanOrEqual(1)
    // Exactly the frame's length, in four bytes: the memory link has no headers.
    expect(result.overhead.value).toBe(4)
    expect(result.suits).toMatch(/^files, messages, signalling: complete, some late/)
  }, 30_000)

  test('datagrams are lost, doubled and overtaken; those that come are prompt', async () => {
    const result = await measure('memorygram', bad)
    expect(disagreements(result)).toEqual([])
    const { sent, delivered, lost, duplicated, reordered } = result.delivery
    expect(delivered + lost).toBe(sent)
    // Beyond these bounds one sequence in a million goes, and the seed is one that does not.
    expect(lost).toBeGreaterThan(3)
    expect(lost).toBeLessThan(45)
    expect(duplicated).toBeGreaterThan(0)
    expect(reordered).toBeGreaterThan(0)
    expect(result.journeys.filter(({ arrived }) => arrived === undefined)).toHaveLength(lost)
    expect(result.latency.p50).toBeGreaterThanOrEqual(20)
    expect(result.retransmitted.value).toBe(0)
    expect(result.overhead.value).toBe(0)
    expect(result.boundaries.kept).toBe(true)
  }, 30_000)

  test('the same seed loses the same messages', async () => {
    const lostOf = async (seed: number): Promise<number[]> => {
      const { journeys } = await measure('memorygram', { ...bad, seed })
      return journeys.flatMap(({ arrived }, number) => (arrived === undefined ? [number] : []))
    }
    const first = await lostOf(7)
    expect(await lostOf(7)).toEqual(first)
    expect(await lostOf(8)).not.toEqual(first)
  }, 30_000)

  test('where nothing comes through, datagrams get a result that says so', async () => {
    const result = await measure('memorygram', { ...link, loss: 1 })
    expect(result.delivery).toMatchObject({ delivered: 0, lost: 100 })
    expect(result.latency.p50).toBeNaN()
    expect(result.boundaries).toMatchObject({ kept: false, reads: 0 })
    expect(result.suits).toMatch(/^nothing/)
    expect(disagreements(result)).toEqual([])
  }, 30_000)

  test('where nothing comes through, a stream breaks down', async () => {
    await expect(measure('memory', { ...link, loss: 1 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  }, 30_000)
})

test('jitter is a part of a round trip', async () => {
  const { setUp } = await measure('memory', { ...link, delay: 10, jitter: 80 })
  // 10 to 90 ms each way: the median of five is hardly ever beyond these, and ten times as many by the delay alone.
  expect(setUp.roundTrips.value).toBeCloseTo(setUp.time / 100, 9)
}, 30_000)

test('nothing is given up that may still come, however its delay is made up of delay and jitter', () => {
  const durations = fc.double({ min: 0, max: 60_000, noNaN: true })
  fc.assert(
    fc.property(durations, durations, (delay, jitter) => {
      const { silence, patience, afterwards } = makePlan(effort, { ...UNDISTURBED, delay, jitter })
      const again = roundTrip({ delay, jitter })
      const latest = delay + jitter + again
      expect(silence).toBeGreaterThanOrEqual(latest)
      expect(afterwards).toBeGreaterThanOrEqual(latest)
      // There and back, each sent again as often as a stream does it: 15 times.
      expect(patience).toBeGreaterThanOrEqual(2 * (latest + 15 * again))
    }),
  )
})

test('a message that takes longer than others are waited for without a delay is not lost', async () => {
  // From nothing to 1.5 s, by chance of the seed: of this one it is 1.48 s.
  const result = await measure('memorygram', { ...UNDISTURBED, jitter: 1500, seed: 1 }, { messages: 1, afterwards: 50 })
  expect(result.delivery.delivered).toBe(1)
  expect(result.latency.p50).toBeGreaterThan(1400)
}, 60_000)

test('a connection may take as long as the patience for a message', async () => {
  const slow = { ...link, delay: 300 }
  await expect(measure('memory', slow, { patience: 200 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
}, 30_000)

test('one message is enough', async () => {
  const result = await measure('udp', UNDISTURBED, { messages: 1 })
  expect(result.delivery).toEqual({ sent: 1, delivered: 1, lost: 0, duplicated: 0, reordered: 0 })
  expect(result.latency.p50).toBe(result.latency.max)
}, 30_000)

test('messages as long as the scheme takes them', async () => {
  const udp = await measure('udp', UNDISTURBED, { messages: 5, size: 65_507 })
  expect(udp.delivery.delivered).toBe(5)
  const tcp = await measure('tcp', UNDISTURBED, { messages: 3, size: 3_000_000 })
  expect(tcp.delivery.delivered).toBe(3)
}, 30_000)

test('told to stop, it rejects with the reason, in whatever it was', async () => {
  for (const after of [0, 50, 300, 700]) {
    const stop = new AbortController()
    const [tried] = await comparisonCases(['memory'], link, false)
    if (tried === undefined || 'reason' in tried) throw new Error('memory works everywhere')
    const run = compareScheme(sockets, tried, makePlan(effort, link), { signal: stop.signal })
    setTimeout(() => stop.abort(new Error(`stopped after ${after}`)), after)
    await expect(run).rejects.toThrow()
  }
}, 30_000)

test.each([
  [false, ['nothing', 'nothing', 'nothing', 'memory faults']],
  [true, ['netem', 'netem', 'nothing', 'memory faults']],
])('netem, asked for: %s, disturbs tcp and udp or nobody', async (netem, disturbed) => {
  const cases = await comparisonCases(['tcp', 'udp', 'unix', 'memorygram'], link, netem)
  expect(cases.map((one) => 'disturbed' in one && one.disturbed)).toEqual(disturbed)
})

test('Bluetooth is not looked for in a network namespace, where there is none', async () => {
  expect(await comparisonCases(['l2cap'], link, true)).toEqual([
    { scheme: 'l2cap', reason: 'a network namespace has no Bluetooth', remedy: 'compare it without --netem' },
  ])
})
