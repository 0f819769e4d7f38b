import { describe, expect, test } from 'vitest'
import { describeNative, failure, run } from './support.ts'

const MiB = 1024 * 1024

describeNative('slabs', ({ addon }) => {
  test('are of a size that is a multiple of 64, up to 32 MiB', () => {
    for (const size of [64, 128, 4096, MiB, 32 * MiB]) {
      const slab = addon.slab(size) as Buffer
      expect(Buffer.isBuffer(slab)).toBe(true)
      expect([slab.length, slab.byteOffset, slab.buffer.byteLength]).toEqual([size, 0, size])
      slab[0] = 1
      slab[size - 1] = 2
      expect([slab[0], slab[size - 1]]).toEqual([1, 2])
    }
  })

  test('of any other size are refused', () => {
    const sizes: unknown[] = [
      ...[0, -0, 1, 63, 65, 100, -64, 1.5, 64.5, 32 * MiB + 64, 2 ** 31, 2 ** 32, 2 ** 32 + 64, 2 ** 53, 2 ** 60],
      ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
      ...[undefined, null, '64', 64n, true, {}, [64], Symbol('64'), { valueOf: () => 64 }],
    ]
    for (const size of sizes) expect(addon.slab(size as number)).toBe(failure('EINVAL'))
    expect((addon.slab as () => unknown)()).toBe(failure('EINVAL'))
  })

  test('share no memory while both are held', () => {
    const slabs = Array.from({ length: 50 }, (_, index) => (addon.slab(4096) as Buffer).fill(index))
    for (const [index, slab] of slabs.entries()) expect(slab.every((byte) => byte === index)).toBe(true)
  })
})

/** What a look at slabs in a process of its own says. */
async function look<T>(what: string): Promise<T> {
  const { code, signal, stdout, stderr } = await run('slabs.mjs', [what], ['--expose-gc'])
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
  return JSON.parse(stdout) as T
}

describeNative('the memory of slabs', () => {
  test('that nobody holds serves those of its size again', async () => {
    expect(await look('recycled')).toEqual({ whileHeld: 0, ofOtherSize: 0, again: 8 })
  })

  test('that anything of it is held by stays as it is while 400 MiB go through others', async () => {
    expect(await look('held')).toEqual({ streamed: 400, changed: 0 })
  })

  test('does not pile up where nobody asks for a collection', async () => {
    const { most } = await look<{ most: number }>('unasked')
    expect(most).toBeLessThan(800)
  })

  test('goes with a worker, however it ends', { timeout: 120_000 }, async () => {
    const { right, grown } = await look<{ right: number; grown: number }>('workers')
    expect(right).toBe(48)
    // Those workers have used 800 MiB.
    expect(grown).toBeLessThan(400)
  })

  describe('that is to go to another thread', () => {
    test('by a transfer list does not, and is copied or refused', async () => {
      const { outcomes, sums, changed } = await look<Record<'outcomes' | 'sums' | 'changed', unknown>>('transferred')
      expect(outcomes).toEqual([expect.stringMatching(/^(copied|DataCloneError)$/)])
      expect({ sums, changed }).toEqual({ sums: [64 * 1024], changed: 0 })
    })

    test('by ArrayBuffer.prototype.transfer stays with who has it then', async () => {
      expect(await look('moved')).toEqual({ changed: 0 })
    })
  })
})
