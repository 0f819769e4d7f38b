import { describe, expect, test, vi } from 'vitest'
import { type Faults, memoryLink } from '../../src/families/memory.ts'
import { connect, connected, fresh, listen, named, pattern, until } from './memory-ends.ts'

vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

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
