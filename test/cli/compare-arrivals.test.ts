import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Arrivals } from '../../src/cli/compare/measure/arrivals.ts'
import { latencyOf, percentile } from '../../src/cli/compare/measure/latency.ts'
import { untilQuiet } from '../../src/cli/compare/measure/quiet.ts'

function arrivalsOf(sent: number, order: readonly number[]): Arrivals {
  const arrivals = new Arrivals(sent)
  for (const [time, number] of order.entries()) arrivals.add(number, time)
  return arrivals
}

describe('reordered messages are those of RFC 4737', () => {
  // After the examples of its section 7; its packets count from 1, and our messages from 0.
  test.each([
    ['packet 4 comes late', [1, 2, 3, 5, 6, 7, 8, 4, 9, 10], 1],
    ['packets 4, 5 and 6 come late', [1, 2, 3, 7, 8, 9, 10, 4, 5, 6, 11], 3],
    ['in order', [1, 2, 3, 4, 5], 0],
    ['a gap is not reordering', [1, 3, 5], 0],
    ['backwards', [5, 4, 3, 2, 1], 4],
  ])('%s', (_, order, reordered) => {
    const arrivals = arrivalsOf(
      11,
      order.map((number) => number - 1),
    )
    expect(arrivals.delivery().reordered).toBe(reordered)
  })
})

test('what arrived, was lost and came twice adds up, for whatever arrives', () => {
  const sent = fc.integer({ min: 1, max: 40 })
  const orders = sent.chain((count) => fc.tuple(fc.constant(count), fc.array(fc.nat(count - 1), { maxLength: 100 })))
  fc.assert(
    fc.property(orders, ([count, order]) => {
      const arrivals = arrivalsOf(count, order)
      const { delivered, lost, duplicated, reordered } = arrivals.delivery()
      const firsts = order.filter((number, index) => order.indexOf(number) === index)
      expect(delivered).toBe(firsts.length)
      expect(delivered + lost).toBe(count)
      expect(delivered + duplicated).toBe(order.length)
      expect(arrivals.count).toBe(order.length)
      expect(arrivals.isComplete).toBe(lost === 0)
      // The definition, in its words: a message after which one with a smaller number than one before it came.
      const late = firsts.filter((number, index) => firsts.slice(0, index).some((earlier) => earlier > number))
      expect(reordered).toBe(late.length)
    }),
  )
})

test('the time of a message is that of its first copy', () => {
  const arrivals = new Arrivals(2)
  arrivals.add(1, 10)
  arrivals.add(1, 20)
  expect(arrivals.times).toEqual([undefined, 10])
})

test('percentiles are those of the nearest rank', () => {
  // The example of Wikipedia's article on percentiles.
  const scores = [15, 20, 35, 40, 50]
  expect([0.05, 0.3, 0.4, 0.5, 1].map((share) => percentile(scores, share))).toEqual([15, 20, 20, 35, 50])
})

test('latency is of the messages that arrived, and of none it is not a number', () => {
  const journeys = [
    { sent: 0, arrived: 30 },
    { sent: 4, arrived: undefined },
    { sent: 8, arrived: 28 },
    { sent: 12, arrived: 22 },
  ]
  expect(latencyOf(journeys)).toEqual({ p50: 20, p99: 30, max: 30 })
  expect(latencyOf([{ sent: 0, arrived: undefined }])).toEqual({ p50: Number.NaN, p99: Number.NaN, max: Number.NaN })
})

describe('waiting until it is quiet', () => {
  /** A clock that goes on only while somebody waits; what happens at a time happens within that wait. */
  function wait(quiet: number, events: ReadonlyMap<number, string>): Promise<{ now: number; heard: number }> {
    let now = 0
    let heard = 0
    let over = false
    const pause = async (ms: number): Promise<void> => {
      for (const end = now + ms; now < end; ) {
        now++
        const event = events.get(now)
        if (event === 'message') heard++
        if (event === 'over') over = true
      }
    }
    return untilQuiet(
      quiet,
      () => heard,
      () => over,
      pause,
    ).then(() => ({ now, heard }))
  }

  test('it ends after as long a silence', async () => {
    expect(await wait(1000, new Map())).toEqual({ now: 1000, heard: 0 })
  })

  test('each message starts the silence anew', async () => {
    const { now, heard } = await wait(
      1000,
      new Map([
        [900, 'message'],
        [1800, 'message'],
      ]),
    )
    expect(heard).toBe(2)
    expect(now).toBeGreaterThanOrEqual(2800)
    expect(now).toBeLessThan(2900)
  })

  test('it ends soon when there is nothing more to wait for', async () => {
    expect((await wait(30_000, new Map([[100, 'over']]))).now).toBeLessThan(200)
  })

  test('a machine that stands still for longer than the silence ends nothing: what came meanwhile is heard', async () => {
    let heard = 0
    let pauses = 0
    const pause = async (): Promise<void> => {
      pauses++
      // The first pause lasts long, and what comes after it is heard in the second.
      if (pauses === 2) heard++
    }
    await untilQuiet(
      100,
      () => heard,
      () => heard > 0,
      pause,
    )
    expect(heard).toBe(1)
  })
})
