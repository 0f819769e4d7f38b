import { describe, expect, test } from 'vitest'
import { MAX_MESSAGE } from '../../src/families/memory/handle.ts'
import { advance, Random } from '../../src/families/memory/random.ts'
import { type Faults, memoryLink } from '../../src/families/memory.ts'
import { settledMemory } from '../support/resources.ts'
import { bound, fresh, settle, until } from './memory-ends.ts'

const COUNT = 1_000
const numbers = Array.from({ length: COUNT }, (_, i) => String(i))

/** Sends the numbers to a socket with these faults: what arrived, in order, and what the link counted. */
async function sendNumbers(faults: Faults, size = 0) {
  using sender = await bound()
  using receiver = await bound(faults)
  const link = memoryLink(receiver.handle.local ?? fresh('memorygram'))
  const messages = numbers.map((number) => Buffer.from(number.padEnd(size)))
  await sender.send(messages, receiver.handle.local)
  const { stats } = link
  await until('all that is not lost', () => receiver.messages.length >= COUNT - stats.lost + stats.duplicated)
  await settle()
  return { arrived: receiver.texts.map(Number), stats: { ...stats } }
}

describe('the generator', () => {
  test('is xoshiro128**: the numbers of its reference code for the state 1, 2, 3, 4', () => {
    const state = new Int32Array([1, 2, 3, 4])
    const expected = [
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]
    expect(expected.map(() => advance(state))).toEqual(expected)
  })

  test('is even, and its lanes and seeds are unlike each other', () => {
    const draws = (seed: number, lane: number): number[] => {
      const random = new Random(seed, lane)
      return Array.from({ length: 10_000 }, () => random.next())
    }
    const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
    const product = (a: number[], b: number[]): number => mean(a.map((value, i) => value * (b[i] ?? 0)))
    const first = draws(7, 0)
    expect(draws(7, 0)).toEqual(first)
    expect(mean(first)).toBeCloseTo(1 / 2, 1)
    for (const other of [draws(7, 1), draws(8, 0), draws(0, 7)]) expect(product(first, other)).toBeCloseTo(1 / 4, 1)
  })
})

describe('faults of datagrams', () => {
  test('loss: that share is missing, the rest is in order, and both are counted', async () => {
    const { arrived, stats } = await sendNumbers({ loss: 0.2, seed: 7 })
    expect(arrived.length).toBe(COUNT - stats.lost)
    expect(stats.lost).toBeGreaterThan(COUNT * 0.15)
    expect(stats.lost).toBeLessThan(COUNT * 0.25)
    expect(arrived).toEqual([...arrived].sort((a, b) => a - b))
    expect(stats).toMatchObject({ packets: COUNT, bytes: 2_890, retransmitted: 0, duplicated: 0, reordered: 0 })
  })

  test('duplicate: that share comes twice', async () => {
    const { arrived, stats } = await sendNumbers({ duplicate: 0.2, seed: 7 })
    expect(arrived.length).toBe(COUNT + stats.duplicated)
    expect(stats.duplicated).toBeGreaterThan(COUNT * 0.15)
    expect(new Set(arrived).size).toBe(COUNT)
  })

  test('reorder: that share comes late, everything comes', async () => {
    const { arrived, stats } = await sendNumbers({ reorder: 0.05, seed: 7 })
    expect(new Set(arrived).size).toBe(COUNT)
    const overtaken = arrived.filter((number, i) => i > 0 && number < Math.max(...arrived.slice(0, i)))
    expect(overtaken.length).toBe(stats.reordered)
    expect(stats.reordered).toBeGreaterThan(COUNT * 0.03)
  })

  test('delay and jitter: nothing before its time', async () => {
    const start = performance.now()
    const { arrived } = await sendNumbers({ delay: 60, jitter: 60 })
    expect(performance.now() - start).toBeGreaterThan(100)
    expect(arrived).toEqual(numbers.map(Number))
    const steady = await sendNumbers({ delay: 60 })
    expect(steady.arrived).toEqual(numbers.map(Number))
  })

  test('what is held back is not kept for ever where nothing follows', async () => {
    using sender = await bound()
    using receiver = await bound({ reorder: 1 })
    const start = performance.now()
    await sender.send([Buffer.from('alone')], receiver.handle.local)
    await until('it', () => receiver.messages.length === 1)
    expect(performance.now() - start).toBeGreaterThan(900)
  })

  test('what was held back and has arrived is kept by nobody', async () => {
    using sender = await bound()
    using receiver = await bound({ reorder: 1 })
    const before = await settledMemory()
    for (let number = 0; number < 10; number++) await sender.send([Buffer.alloc(MAX_MESSAGE)], receiver.handle.local)
    await until('all of them', () => receiver.messages.length === 10)
    receiver.messages.length = 0
    expect((await settledMemory()).buffers - before.buffers).toBeLessThan(MAX_MESSAGE)
  })

  test('the seed decides what each message meets, at whatever pace they are sent', async () => {
    const faults = { loss: 0.05, duplicate: 0.05, reorder: 0.05, delay: 5, jitter: 20, seed: 3 }
    const count = 120
    /** Which were lost, which came twice, which came behind a later one: RFC 4737. */
    const fates = async (pace: (number: number) => Promise<unknown>): Promise<Record<string, number[]>> => {
      using sender = await bound()
      using receiver = await bound(faults)
      for (let number = 0; number < count; number++) {
        await sender.send([Buffer.from(`${number}`)], receiver.handle.local)
        await pace(number)
      }
      const { stats } = memoryLink(receiver.handle.local ?? fresh('memorygram'))
      await until('all that is not lost', () => receiver.messages.length === count - stats.lost + stats.duplicated)
      const arrived = receiver.texts.map(Number)
      const first = arrived.filter((number, index) => arrived.indexOf(number) === index)
      return {
        lost: Array.from({ length: count }, (_, number) => number).filter((number) => !arrived.includes(number)),
        doubled: arrived.filter((number, index) => arrived.indexOf(number) !== index).sort((a, b) => a - b),
        reordered: first.filter((number, index) => number < Math.max(...first.slice(0, index))).sort((a, b) => a - b),
      }
    }
    const busy = (milliseconds: number): void => {
      for (const end = performance.now() + milliseconds; performance.now() < end; );
    }
    const sleep = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))
    const paces: ((number: number) => Promise<unknown>)[] = [
      () => Promise.resolve(),
      () => new Promise((resolve) => setImmediate(resolve)),
      () => sleep(3),
      // A machine that stands still now and then.
      (number) => {
        if (number % 7 === 0) busy(100)
        return sleep(1)
      },
      (number) => sleep(number % 10 === 0 ? 150 : 0),
    ]
    const [expected, ...others] = await Promise.all([...paces, ...paces].map(fates))
    for (const kind of ['lost', 'doubled', 'reordered']) expect(expected?.[kind]?.length, kind).toBeGreaterThan(1)
    for (const other of others) expect(other).toEqual(expected)
  })

  test('the same seed and the same sends give the same faults, another seed others', async () => {
    const faults = { loss: 0.1, duplicate: 0.1 }
    const [once, again, other] = await Promise.all([
      sendNumbers({ ...faults, seed: 1 }),
      sendNumbers(faults),
      sendNumbers({ ...faults, seed: 2 }),
    ])
    expect(again).toEqual(once)
    expect(other.arrived).not.toEqual(once.arrived)
    // Which are lost does not depend on the other rates, nor on the size.
    const missing = ({ arrived }: { arrived: number[] }) => numbers.map(Number).filter((n) => !arrived.includes(n))
    expect(missing(await sendNumbers({ loss: 0.1 }, 100))).toEqual(missing(once))
  })

  test('cut: so many messages pass, and no more', async () => {
    const { arrived, stats } = await sendNumbers({ cut: 10 })
    expect(arrived).toEqual(numbers.slice(0, 10).map(Number))
    expect(stats.lost).toBe(COUNT - 10)

    using sender = await bound()
    using receiver = await bound({ cut: 1 })
    await sender.send(['passes', 'lost'], receiver.handle.local)
    // New faults count from the beginning.
    receiver.handle.setOption('faults', { cut: 1 })
    await sender.send(['passes too', 'lost'], receiver.handle.local)
    await settle()
    expect(receiver.texts).toEqual(['passes', 'passes too'])
  })

  test('what is sent after the delay has gone overtakes what is on its way', async () => {
    using sender = await bound()
    using receiver = await bound({ delay: 60_000 })
    await sender.send(['in a minute'], receiver.handle.local)
    receiver.handle.setOption('faults', {})
    await sender.send(['now'], receiver.handle.local)
    await until('it', () => receiver.messages.length > 0)
    expect(receiver.texts).toEqual(['now'])
  })

  test('those of both ends add up, and the link loses what is on its way when it is cut', async () => {
    using sender = await bound({ delay: 100 })
    using receiver = await bound({ delay: 100 })
    const [out, into] = [sender, receiver].map(({ handle }) => memoryLink(handle.local ?? fresh('memorygram')))
    const start = performance.now()
    await sender.send(['slow'], receiver.handle.local)
    await until('it', () => receiver.messages.length === 1)
    expect(performance.now() - start).toBeGreaterThan(190)
    for (const link of [out, into]) {
      await sender.send(['a', 'b', 'c'], receiver.handle.local)
      expect(link?.cut()).toBe(3)
      expect(link?.stats).toMatchObject({ lost: 3 })
      expect(link?.cut()).toBe(0)
    }
    await sender.send(['after'], receiver.handle.local)
    await until('what was sent after', () => receiver.messages.length === 2)
    expect(receiver.texts).toEqual(['slow', 'after'])
  })
})
