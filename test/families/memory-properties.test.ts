import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Faults, type MemoryAddress, memoryLink } from '../../src/families/memory.ts'
import { bound, connected, fresh, named, pattern, settle, until } from './memory-ends.ts'

const share = fc.double({ min: 0, max: 0.3, noNaN: true })
const milliseconds = fc.integer({ min: 0, max: 3 })
const seed = fc.integer({ min: 0, max: 0xffffffff })
const faults: fc.Arbitrary<Faults> = fc.record(
  { loss: share, duplicate: share, reorder: share, delay: milliseconds, jitter: milliseconds, seed },
  { requiredKeys: [] },
)

/** None at all is a case of its own. */
const maybe: fc.Arbitrary<Faults> = fc.oneof(fc.constant<Faults>({}), faults)

/** Writes in one direction, and where the reader pauses for a while. */
const traffic = fc.array(fc.record({ size: fc.integer({ min: 0, max: 150_000 }), pause: fc.boolean() }), {
  maxLength: 6,
})

test('a stream under any faults delivers exactly the bytes, in order, and then the end', async () => {
  const property = fc.asyncProperty(faults, faults, traffic, traffic, async (near, far, there, back) => {
    using pair = await connected(fresh('memory', far), { options: { faults: near } })
    const run = async (from: typeof pair.near, to: typeof pair.near, writes: typeof there): Promise<void> => {
      for (const { size, pause } of writes) {
        if (pause) {
          to.handle.pause()
          setImmediate(() => to.handle.resume())
        }
        expect(
          await from.write(pattern(size).subarray(0, size >> 1), pattern(size).subarray(size >> 1)),
        ).toBeUndefined()
      }
      await from.end()
      await until('the end', () => to.ended)
      expect(to.data.equals(Buffer.concat(writes.map(({ size }) => pattern(size))))).toBe(true)
    }
    await Promise.all([run(pair.near, pair.far, there), run(pair.far, pair.near, back)])
    expect([pair.near.error, pair.far.error]).toEqual([undefined, undefined])
  })
  await fc.assert(property, { numRuns: 30 })
}, 60_000)

test('a stream that is cut delivers the first bytes, in order, and then the error at both ends', async () => {
  const cut = fc.integer({ min: 1, max: 300_000 })
  const property = fc.asyncProperty(faults, cut, fc.boolean(), async (given, cut, onDemand) => {
    const address = fresh('memory', onDemand ? given : { ...given, cut })
    using pair = await connected(address)
    const { near, far } = pair
    const sent = pattern(300_001)
    const written = near.write(sent)
    if (onDemand) {
      await until('some of it', () => far.size >= Math.min(cut, 10_000))
      memoryLink(named(address)).cut()
    }
    await until('the error at both ends', () => near.error !== undefined && far.error !== undefined)
    expect([near.error?.code, far.error?.code]).toEqual(['ECONNRESET', 'ECONNRESET'])
    expect([undefined, 'ECONNRESET']).toContain(await written)
    if (!onDemand) expect(far.size).toBe(cut)
    expect(far.data.equals(sent.subarray(0, far.size))).toBe(true)
  })
  await fc.assert(property, { numRuns: 30 })
}, 60_000)

test('datagrams that arrive were sent, and as often as the link says; without faults all, in order', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 200 })
  const property = fc.asyncProperty(maybe, maybe, sizes, async (a, b, sizes) => {
    using sender = await bound(a)
    using receiver = await bound(b)
    const [out, into] = [sender, receiver].map(({ handle }) => memoryLink(handle.local as MemoryAddress))
    const sent = sizes.map((size, i) => `${i}:${'x'.repeat(size)}`)
    await sender.send(sent, receiver.handle.local)
    const stats = into?.stats ?? { packets: 0, lost: 0, duplicated: 0 }
    const expected = stats.packets - stats.lost + stats.duplicated
    await until('all that is not lost', () => receiver.messages.length >= expected)
    await settle()
    expect(receiver.messages.length).toBe(expected)
    expect(stats.packets).toBe(sent.length - (out?.stats.lost ?? 0) + (out?.stats.duplicated ?? 0))
    const known = new Map(sent.map((text) => [text, 0]))
    for (const text of receiver.texts) {
      const times = known.get(text)
      expect(times, 'a message that was never sent').toBeDefined()
      known.set(text, (times ?? 0) + 1)
    }
    expect(Math.max(0, ...known.values())).toBeLessThanOrEqual(4)
    const clean = [a, b].every(
      ({ loss = 0, duplicate = 0, reorder = 0, jitter = 0 }) => loss + duplicate + reorder + jitter === 0,
    )
    if (clean) expect(receiver.texts).toEqual(sent)
  })
  await fc.assert(property, { numRuns: 60 })
}, 60_000)
