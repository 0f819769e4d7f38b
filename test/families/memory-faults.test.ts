import { describe, expect, test, vi } from 'vitest'
import { advance, Random } from '../../src/families/memory/random.ts'
import { type Faults, memoryLink } from '../../src/families/memory.ts'
import {
  bind,
  bound,
  connect,
  connected,
  DatagramEnd,
  fresh,
  listen,
  named,
  pattern,
  settle,
  until,
} from './memory-ends.ts'

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
    expect(new Set(arrived).size).toBe(COUNT)
    expect(arrived).not.toEqual([...arrived].sort((a, b) => a - b))
    const steady = await sendNumbers({ delay: 60 })
    expect(steady.arrived).toEqual(numbers.map(Number))
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

describe('faults of streams', () => {
  const bytes = pattern(200 * 1_448)

  test.each<Faults>([
    { loss: 0.2, seed: 3 },
    { duplicate: 0.2, seed: 3 },
    { reorder: 0.1, seed: 3 },
    { delay: 20, jitter: 30, seed: 3 },
    { loss: 0.1, duplicate: 0.1, reorder: 0.1, delay: 5, jitter: 5, seed: 3 },
  ])('%j: every byte in order, and counted', async (faults) => {
    const address = fresh('memory', faults)
    using pair = await connected(address)
    const { near, far } = pair
    const { stats } = memoryLink(named(address))
    const before = { ...stats }
    const written = near.write(bytes)
    await until('all of it', () => far.size === bytes.length)
    expect(await written).toBeUndefined()
    expect(far.data.equals(bytes)).toBe(true)
    expect(stats.packets - before.packets).toBe(200)
    expect(stats.bytes).toBe(bytes.length)
    expect(stats.retransmitted).toBe(stats.lost)
    for (const [rate, count] of [
      [faults.loss, stats.lost - before.lost],
      [faults.duplicate, stats.duplicated - before.duplicated],
      [faults.reorder, stats.reordered - before.reordered],
    ] as const) {
      if (rate === undefined) expect(count).toBe(0)
      else expect(count / 200 / rate).toBeCloseTo(1, -0.5)
    }
  })

  test('the same seed and the same writes give the same losses, connection by connection', async () => {
    const losses = async (seed: number): Promise<number[]> => {
      const address = fresh('memory')
      const listener = await listen(address)
      const counts: number[] = []
      for (let connection = 0; connection < 3; connection++) {
        memoryLink({ ...address, faults: { loss: 0.1, seed } })
        const client = await connect(address)
        const { stats } = memoryLink(address)
        const before = stats.lost
        for (let i = 0; i < 100; i++) client.write([Buffer.from('x')], () => {})
        counts.push(stats.lost - before)
        client.close()
      }
      listener.close()
      return counts
    }
    const once = await losses(5)
    expect(await losses(5)).toEqual(once)
    expect(await losses(6)).not.toEqual(once)
    expect(new Set(once).size).toBeGreaterThan(1)
  })

  test('what is behind a lost segment waits for it, what is before it does not', async () => {
    const address = fresh('memory')
    using pair = await connected(address)
    vi.useFakeTimers()
    try {
      memoryLink({ ...address, faults: { loss: 0.02, seed: 3 } })
      pair.near.handle.write([bytes], () => {})
      await vi.advanceTimersByTimeAsync(20)
      const before = pair.far.size
      expect(before).toBeGreaterThan(0)
      expect(before % 1_448).toBe(0)
      expect(before).toBeLessThan(bytes.length / 2)
      await vi.advanceTimersByTimeAsync(2_000)
      expect(pair.far.data.equals(bytes)).toBe(true)
    } finally {
      vi.useRealTimers()
    }
  })

  test('connecting takes a round trip', async () => {
    const start = performance.now()
    using pair = await connected(fresh('memory', { delay: 100 }))
    expect(performance.now() - start).toBeGreaterThan(190)
    pair.near.handle.close()
    await until('the end', () => pair.far.ended)
    const refusedAt = performance.now()
    const faults = { delay: 100 }
    await expect(connect(fresh('memory'), { options: { faults } })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(performance.now() - refusedAt).toBeGreaterThan(190)
  })

  test('where nothing gets across, connecting and connections end with ETIMEDOUT', async () => {
    const address = fresh('memory')
    using pair = await connected(address)
    memoryLink({ ...address, faults: { loss: 1 } })
    await expect(connect(address)).rejects.toMatchObject({ code: 'ETIMEDOUT', syscall: 'connect' })
    const { near, far } = pair
    await near.write(Buffer.from('lost'))
    const stuck = near.write(Buffer.from('stuck'))
    await until('both told', () => near.error !== undefined && far.error !== undefined)
    expect([near.error?.code, far.error?.code, await stuck]).toEqual(['ETIMEDOUT', 'ETIMEDOUT', 'ETIMEDOUT'])
    expect(far.size).toBe(0)
    expect(memoryLink(address).stats.cuts).toBe(0)
  })

  test('cut: a connection carries so many bytes, both directions together, then both ends are reset', async () => {
    const address = fresh('memory', { cut: 1_000 })
    using pair = await connected(address)
    const { near, far } = pair
    expect(await near.write(pattern(600))).toBeUndefined()
    const rest = far.write(pattern(600))
    await until('both reset', () => near.error !== undefined && far.error !== undefined)
    expect([near.error?.code, far.error?.code, await rest]).toEqual(['ECONNRESET', 'ECONNRESET', 'ECONNRESET'])
    expect([far.size, near.size]).toEqual([600, 400])
    expect(await near.write(Buffer.from('x'))).toBe('EPIPE')
    expect(memoryLink(named(address)).stats.cuts).toBe(1)
  })
})

describe('a link', () => {
  test('cut: every connection over it, paused or waiting, is reset at once', async () => {
    const address = fresh('memory')
    using first = await connected(address, {}, { farPaused: true })
    const second = await connect(address)
    const link = memoryLink(address)
    const waiting = first.near.write(Buffer.alloc(1_000_000))
    await settle()
    expect(link.cut()).toBe(2)
    expect(first.near.error).toBeUndefined()
    await until('both ends reset', () => first.near.error !== undefined && first.far.error !== undefined)
    expect([first.near.error?.code, first.far.error?.code]).toEqual(['ECONNRESET', 'ECONNRESET'])
    expect(await waiting).toBe('ECONNRESET')
    expect(first.far.size).toBe(0)
    expect(link.cut()).toBe(0)
    expect(link.stats.cuts).toBe(2)
    second.close()
    // The listener is as good as before.
    const third = await connect(address)
    expect(memoryLink(third.local ?? address).cut()).toBe(1)
    third.close()
  })

  test('can be had before its socket, and its faults can be changed and read while it is in use', async () => {
    const address = fresh('memory')
    const link = memoryLink(`memory:${address.name}`)
    link.faults = { delay: 50 }
    const start = performance.now()
    using pair = await connected(address)
    expect(performance.now() - start).toBeGreaterThan(90)
    expect(pair.far.handle.getOption('faults')).toEqual({ delay: 50 })
    pair.listener.setOption('faults', { loss: 0 })
    expect(link.faults).toEqual({ loss: 0 })
    expect(link.address).toEqual(address)
    expect(() => {
      link.faults = { loss: 7 }
    }).toThrow(TypeError)
    expect(() => pair.near.handle.setOption('faults', { delay: -1 })).toThrow(TypeError)
    await expect(connect(address, { options: { faults: 'bad' } })).rejects.toThrow(TypeError)
  })

  test('given by the option wins over given by the address, one by one', async () => {
    const handle = await bind(fresh('memorygram', { loss: 0.1, delay: 5 }), { options: { faults: { loss: 0.2 } } })
    using socket = new DatagramEnd(handle)
    expect(socket.handle.getOption('faults')).toEqual({ loss: 0.2, delay: 5 })
    expect(socket.handle.local).not.toHaveProperty('faults')
  })

  test('follows a test’s fake clock: a minute on the way takes no time', async () => {
    vi.useFakeTimers()
    try {
      using sender = await bound()
      using receiver = await bound({ delay: 60_000 })
      await sender.send(['a minute', 'in order', 'as sent'], receiver.handle.local)
      await vi.advanceTimersByTimeAsync(59_990)
      expect(receiver.messages).toEqual([])
      await vi.advanceTimersByTimeAsync(20)
      expect(receiver.texts).toEqual(['a minute', 'in order', 'as sent'])
    } finally {
      vi.useRealTimers()
    }
  })
})
