import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Outgoing } from '../../src/core/family.ts'
import { NAME_SIZE, SEND_META } from '../../src/engine/addon.ts'
import { MessagePacker } from '../../src/engine/message-packer.ts'

const PLACES = 64
const PACK_UP_TO = 4096
const LONGEST_RUN = 64
const LARGEST_RUN = 65_507

const pattern = Buffer.from(Array.from({ length: 80_000 }, (_, index) => (index * 31 + (index >> 8)) & 0xff))
const targets: (Uint8Array | undefined)[] = [undefined, name(16, 1), name(28, 2), name(NAME_SIZE, 3)]

function name(length: number, fill: number): Uint8Array {
  return new Uint8Array(length).fill(fill)
}

/** One message as the kernel would send it. */
interface Sent {
  readonly data: Buffer
  readonly name: Buffer
}

/** What sendmmsg(2) would make of the first places: a place with a segment size is cut into datagrams of that size. */
function sentFrom(packer: MessagePacker, places: number): Sent[][] {
  let start = 0
  return Array.from({ length: places }, (_, place) => {
    const [length = 0, nameLength = 0, segment = 0] = packer.meta.subarray(SEND_META * place)
    const bytes = Buffer.from(packer.slab.subarray(start, start + length))
    start += length
    const name = Buffer.from(packer.names.subarray(place * NAME_SIZE, place * NAME_SIZE + nameLength))
    if (segment === 0) return [{ data: bytes, name }]
    const cut: Sent[] = []
    for (let at = 0; at < length; at += segment) cut.push({ data: bytes.subarray(at, at + segment), name })
    return cut
  })
}

function outgoing(length: number, target = 0, start = 0, attachment?: unknown): Outgoing {
  return { data: pattern.subarray(start, start + length), target: targets[target], attachment }
}

const several = (count: number, length: number, target = 0): Outgoing[] =>
  Array.from({ length: count }, (_, index) => outgoing(length, target, index))

/** Messages in each place, and what the kernel is told to cut at. */
function shape(messages: Outgoing[], longest = Number.POSITIVE_INFINITY): [messages: number, segment: number][] {
  const packer = new MessagePacker()
  const places = packer.pack(messages, 0, longest)
  return sentFrom(packer, places).map((each, place) => [each.length, packer.meta[SEND_META * place + 2] ?? -1])
}

const lengths = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(0, 1, 100, 1200, PACK_UP_TO) },
  { weight: 3, arbitrary: fc.nat(PACK_UP_TO) },
  { weight: 1, arbitrary: fc.integer({ min: PACK_UP_TO + 1, max: 70_000 }) },
)
/** Messages of one length to one destination in a row: what makes runs. */
const blocks = fc.record({
  count: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 60, max: 140 })),
  length: lengths,
  target: fc.nat(targets.length - 1),
  start: fc.nat(5000),
  attached: fc.integer({ min: 0, max: 9 }).map((one) => one === 0),
})
const lists = fc
  .array(blocks, { maxLength: 30 })
  .map((all) =>
    all.flatMap(({ count, length, target, start, attached }) =>
      Array.from({ length: count }, (_, index) =>
        outgoing(length, target, start + index, attached ? { control: name(8, 0), held: undefined } : undefined),
      ),
    ),
  )
const longests = fc.oneof(fc.constantFrom(0, 99, 1200, Number.POSITIVE_INFINITY), fc.nat(PACK_UP_TO))

describe('messages packed for one sendmmsg(2)', () => {
  test('are what the kernel makes of them: all of them, in order, within its limits', () => {
    const packer = new MessagePacker()
    fc.assert(
      fc.property(lists, longests, (messages, longest) => {
        let next = 0
        while (next < messages.length) {
          if (!MessagePacker.takes(messages[next] as Outgoing)) {
            next++
            continue
          }
          const places = packer.pack(messages, next, longest)
          const sent = sentFrom(packer, places)
          expect(places).toBeGreaterThan(0)
          expect(places).toBeLessThanOrEqual(PLACES)
          expect(packer.firstRun).toBe(packer.meta[2])
          let counted = 0
          for (const [place, each] of sent.entries()) {
            const segment = packer.meta[SEND_META * place + 2] as number
            const bytes = each.reduce((sum, { data }) => sum + data.length, 0)
            if (each.length > LONGEST_RUN || (segment > 0 && bytes > LARGEST_RUN)) throw new Error('too large a run')
            if (segment > 0 && (each.length < 2 || segment > longest))
              throw new Error('no run, or of too long messages')
            counted += each.length
            if (packer.messagesIn(place + 1) !== counted) throw new Error(`messagesIn(${place + 1})`)
          }
          for (const { data, name } of sent.flat()) {
            const message = messages[next++] as Outgoing
            const target = (message.target as Uint8Array | undefined) ?? new Uint8Array(0)
            if (!MessagePacker.takes(message) || data.length > PACK_UP_TO) throw new Error('not one to be packed')
            if (Buffer.compare(data, message.data) !== 0) throw new Error(`message ${next - 1} is another`)
            if (Buffer.compare(name, target) !== 0) throw new Error(`message ${next - 1} goes elsewhere`)
          }
          // It stopped only for want of places or bytes, or at a message that is not to be packed.
          const stop = messages[next]
          const used = sent.flat().reduce((sum, { data }) => sum + data.length, 0)
          const hasRoom = places < PLACES && used + (stop?.data.length ?? 0) <= PLACES * PACK_UP_TO
          if (stop !== undefined && MessagePacker.takes(stop) && hasRoom) throw new Error('it stopped early')
        }
      }),
      { numRuns: 300 },
    )
  })

  test('make runs of 64, and of 65,507 bytes', () => {
    expect(shape(several(64, 10))).toEqual([[64, 10]])
    expect(shape(several(65, 10))).toEqual([
      [64, 10],
      [1, 0],
    ])
    expect(shape(several(70, 1200))).toEqual([
      [54, 1200],
      [16, 1200],
    ])
    expect(shape(several(16, 4096))).toEqual([
      [15, 4096],
      [1, 0],
    ])
    expect(shape(several(64 * 64 + 1, 1))).toHaveLength(64)
  })

  test('a shorter one ends a run, a longer one, an empty one and another destination begin anew', () => {
    expect(shape([...several(3, 10), outgoing(4), outgoing(4)])).toEqual([
      [4, 10],
      [1, 0],
    ])
    expect(shape([...several(2, 10), outgoing(11)])).toEqual([
      [2, 10],
      [1, 0],
    ])
    expect(shape([outgoing(10), outgoing(0), outgoing(0), outgoing(10)])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
      [1, 0],
    ])
    expect(shape([...several(2, 10, 1), ...several(2, 10, 2), ...several(2, 10, 0)])).toEqual([
      [2, 10],
      [2, 10],
      [2, 10],
    ])
  })

  test('only messages up to the given length make runs', () => {
    expect(shape(several(3, 10), 9)).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
    ])
    expect(shape(several(3, 9), 9)).toEqual([[3, 9]])
    expect(shape(several(70, 1), 0)).toHaveLength(64)
    expect(shape(several(4, 0), 0)).toHaveLength(4)
  })

  test('stop before one that is too long or has an attachment', () => {
    const attached = outgoing(5, 0, 0, { control: name(8, 0), held: undefined })
    expect(MessagePacker.takes(attached)).toBe(false)
    expect(MessagePacker.takes(outgoing(4097))).toBe(false)
    expect(MessagePacker.takes(outgoing(4096))).toBe(true)
    expect(shape([...several(2, 5), attached, ...several(2, 5)])).toEqual([[2, 5]])
    expect(shape([...several(2, 5), outgoing(5000), ...several(2, 5)])).toEqual([[2, 5]])
  })

  test('begin where they are told to, and do not see what an earlier call left', () => {
    const packer = new MessagePacker()
    packer.pack(several(64, 1000, 3), 0, Number.POSITIVE_INFINITY)
    const places = packer.pack([...several(5, 7, 1), outgoing(3)], 4, Number.POSITIVE_INFINITY)
    expect(sentFrom(packer, places).flat()).toEqual([
      { data: pattern.subarray(4, 11), name: Buffer.from(targets[1] as Uint8Array) },
      { data: pattern.subarray(0, 3), name: Buffer.alloc(0) },
    ])
  })
})
