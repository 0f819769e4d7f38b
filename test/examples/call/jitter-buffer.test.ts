import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JitterBuffer, type JitterBufferOptions } from '../../../examples/call/voice/jitter-buffer.ts'

/** When each packet comes, in milliseconds after it was spoken; several times, or never. */
type Travel = (index: number) => readonly number[]

interface Run {
  readonly buffer: JitterBuffer
  /** What was played, each 20 ms: the number of a frame, or 'lost' or 'silence'. */
  readonly played: readonly (number | 'lost' | 'silence')[]
  readonly frames: readonly number[]
}

interface Course extends JitterBufferOptions {
  readonly count: number
  readonly travel: Travel
  readonly firstTimestamp?: number
  /** Between two times, this process neither reads nor plays. */
  readonly still?: readonly [from: number, to: number]
  readonly then?: (buffer: JitterBuffer, now: number) => void
}

function packet(index: number, firstTimestamp = 0, ssrc = 1): { ssrc: number; timestamp: number; payload: Buffer } {
  const payload = Buffer.alloc(160)
  payload.writeUInt32BE(index)
  return { ssrc, timestamp: (firstTimestamp + index * 160) >>> 0, payload }
}

/** Time goes by in steps of 1 ms, between packets that arrive and the device that plays. */
function run({ count, travel, firstTimestamp = 0, still = [-1, -1], ...options }: Course): Run {
  const buffer = new JitterBuffer(options)
  const arrivals = new Map<number, number[]>()
  let end = 0
  for (let index = 0; index < count; index++) {
    for (const delay of travel(index)) {
      const asked = Math.round(index * 20 + delay)
      const at = asked > still[0] && asked < still[1] ? still[1] : asked
      arrivals.set(at, [...(arrivals.get(at) ?? []), index])
      end = Math.max(end, at)
    }
  }
  const played: (number | 'lost' | 'silence')[] = []
  for (let now = 0; now <= end + 500; now++) {
    if (now > still[0] && now < still[1]) continue
    if (now === still[1]) buffer.stoodStill(Math.floor((still[1] - still[0]) / 20) * 20)
    for (const index of arrivals.get(now) ?? []) buffer.put(packet(index, firstTimestamp), now)
    expect(buffer.size).toBeLessThanOrEqual(100)
    if (now % 20 !== 7) continue
    const frame = buffer.take(now)
    played.push(typeof frame === 'string' ? frame : frame.readUInt32BE())
  }
  return { buffer, played, frames: played.filter((frame) => typeof frame === 'number') }
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)

/** A sequence of numbers from 0 to 1 that is the same each time (Numerical Recipes' generator). */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('what comes in time', () => {
  test('is played in order, and held back no longer than the least', () => {
    const { frames, buffer } = run({ count: 300, travel: () => [30] })
    // A frame or two are skipped once it is known that 40 ms at first are not needed.
    expect(frames.length).toBeGreaterThanOrEqual(297)
    expect(buffer.counts).toMatchObject({ late: 0, duplicates: 0, restarts: 0 })
    expect(buffer.meanDelay).toBeLessThan(60)
  })

  test('is silence before there is anything', () => {
    const buffer = new JitterBuffer()
    expect(buffer.take(0)).toBe('silence')
    buffer.put(packet(0), 10)
    expect(buffer.take(20)).toBe('silence')
    expect(buffer.take(60)).toBeInstanceOf(Buffer)
  })

  test('is put in order', () => {
    const { frames, buffer } = run({ count: 200, travel: (index) => [index % 10 === 3 ? 55 : 20] })
    expect(frames).toEqual([...frames].sort((one, other) => one - other))
    expect(frames.length).toBeGreaterThanOrEqual(196)
    expect(buffer.counts.late).toBeLessThanOrEqual(2)
  })

  test('is played once, also when it comes twice, soon or late', () => {
    const { frames, buffer } = run({ count: 200, travel: (index) => (index % 2 ? [20, 20] : [20, 220]) })
    expect(new Set(frames).size).toBe(frames.length)
    expect(buffer.counts).toMatchObject({ duplicates: 200, late: 0 })
  })

  test('is lost where it did not come', () => {
    const { played, frames, buffer } = run({ count: 200, travel: (index) => (index % 10 === 5 ? [] : [20]) })
    expect(frames.some((index) => index % 10 === 5)).toBe(false)
    const first = played.findIndex((frame) => typeof frame === 'number')
    expect(played.slice(first, first + 10).filter((frame) => frame === 'lost')).toHaveLength(1)
    expect(buffer.counts.late).toBe(0)
  })
})

describe('wraps', () => {
  test.each([0xffff_e0c0, 0x7fff_e0c0, 0xffff_ff00, 0xffff_ffff, 0x7fff_fff0, 0, 79])(
    'timestamps from %d on',
    (firstTimestamp) => {
      const { frames, buffer } = run({ count: 100, travel: (index) => [index === 1 ? 50 : 20], firstTimestamp })
      expect(frames.length).toBeGreaterThanOrEqual(98)
      expect(frames).toEqual([...frames].sort((one, other) => one - other))
      expect(buffer.counts).toMatchObject({ late: 0, restarts: 0 })
    },
  )
})

describe('delay', () => {
  test('follows the variation of the transit times, up and down', () => {
    const random = numbers(1)
    const uneven = run({ count: 1000, travel: () => [40 + 100 * random()] })
    expect(uneven.buffer.counts.late).toBeLessThan(30)
    // Packets that take the middle of the way wait for half of the variation.
    expect(uneven.buffer.meanDelay).toBeGreaterThan(40)
    expect(uneven.buffer.meanDelay).toBeLessThan(110)
    const calmer = run({ count: 4000, travel: (index) => [40 + (index < 500 ? 100 : 5) * random()] })
    expect(calmer.buffer.meanDelay).toBeLessThan(uneven.buffer.meanDelay - 10)
    expect(calmer.buffer.counts.skipped).toBeGreaterThan(1)
  })

  test('is never more than the most', () => {
    const random = numbers(2)
    const { buffer } = run({ count: 1000, travel: () => [300 * random()], most: 100 })
    expect(buffer.meanDelay).toBeLessThan(135)
    expect(buffer.counts.late).toBeGreaterThan(100)
  })

  test('grows at once when the way becomes longer, and few packets are late', () => {
    const { frames, buffer } = run({ count: 600, travel: (index) => [index < 300 ? 20 : 220] })
    expect(buffer.counts.late).toBeLessThanOrEqual(12)
    expect(frames.filter((index) => index >= 320).length).toBeGreaterThan(265)
  })
})

describe('holes', () => {
  test('a sender that pauses for 3 s goes on where its timestamps do', () => {
    const { frames, buffer } = run({ count: 400, travel: (index) => (index >= 100 && index < 250 ? [] : [20]) })
    expect(frames.filter((index) => index >= 250).length).toBeGreaterThan(145)
    expect(buffer.counts).toMatchObject({ late: 0, restarts: 1 })
    // A second of it is made up for (it fades after 60 ms); then there is silence.
    expect(buffer.counts.missing).toBeLessThan(80)
  })

  test('a sender whose timestamps stand still while it pauses goes on as well', () => {
    const { frames, buffer } = run({ count: 300, travel: (index) => [index < 100 ? 20 : 3020] })
    expect(frames.filter((index) => index >= 100).length).toBeGreaterThan(195)
    expect(buffer.counts).toMatchObject({ late: 0, restarts: 1 })
  })

  test('packets that waited while this process stood still are not late, and are not played either', () => {
    const { frames, buffer } = run({ count: 400, travel: () => [20], still: [2000, 5000] })
    expect(buffer.counts).toMatchObject({ late: 0, restarts: 0 })
    expect(buffer.counts.skipped).toBeGreaterThan(140)
    expect(frames.filter((index) => index >= 252).length).toBeGreaterThan(145)
    expect(buffer.meanDelay).toBeLessThan(60)
  })
})

describe('what does not fit', () => {
  test('some packets in a row from another place: playing begins there', () => {
    const buffer = new JitterBuffer()
    for (const index of range(0, 50)) buffer.put(packet(index), index * 20)
    for (const index of range(0, 4)) buffer.put(packet(5000 + index), 1000 + index * 20)
    expect(buffer.counts.restarts).toBe(0)
    for (const index of range(4, 10)) buffer.put(packet(5000 + index), 1000 + index * 20)
    expect(buffer.counts.restarts).toBe(1)
    expect((buffer.take(1125) as Buffer).readUInt32BE()).toBe(5004)
  })

  test('another source does not disturb by a packet, and takes over by some', () => {
    const buffer = new JitterBuffer()
    for (const index of range(0, 50)) {
      buffer.put(packet(index), index * 20)
      if (index % 2) buffer.put(packet(7 * index, 99, 2), index * 20)
    }
    expect(buffer.counts.restarts).toBe(0)
    for (const index of range(0, 5)) buffer.put(packet(index, 99, 2), 1000)
    expect(buffer.counts.restarts).toBe(1)
  })

  test('a flood does not fill the memory', () => {
    const buffer = new JitterBuffer()
    const random = numbers(3)
    for (const index of range(0, 50_000)) {
      const wild = Math.floor(random() * 2 ** 32)
      buffer.put(
        { ssrc: wild % 3, timestamp: index % 2 ? wild : (index * 160) >>> 0, payload: Buffer.alloc(160) },
        index / 100,
      )
      if (index % 100 === 0) buffer.take(index / 100)
      expect(buffer.size).toBeLessThanOrEqual(100)
    }
  })

  test('a block of packets that was overtaken is late, and playing does not go back for it', () => {
    const { frames, buffer } = run({
      count: 300,
      travel: (index) => [index >= 100 && index < 110 ? 620 - (index - 100) * 20 : 20],
    })
    expect(frames).toEqual([...frames].sort((one, other) => one - other))
    expect(buffer.counts).toMatchObject({ restarts: 0, late: 10 })
  })
})

test('whatever happens on the way, frames are played in order and each once at most', () => {
  const fate = fc.oneof(
    { weight: 6, arbitrary: fc.nat({ max: 60 }).map((delay) => [delay]) },
    { weight: 1, arbitrary: fc.constant<number[]>([]) },
    { weight: 1, arbitrary: fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 900 })).map((delays) => [...delays]) },
    { weight: 1, arbitrary: fc.nat({ max: 900 }).map((delay) => [delay]) },
  )
  fc.assert(
    fc.property(
      fc.array(fate, { maxLength: 120 }),
      fc.nat({ max: 0xffff_ffff }),
      fc.option(fc.tuple(fc.nat({ max: 2000 }), fc.nat({ max: 2000 }))),
      (fates, firstTimestamp, still) => {
        const course = { count: fates.length, travel: (index: number) => fates[index] as number[], firstTimestamp }
        const paused = still === null ? {} : { still: [still[0], still[0] + still[1] + 100] as const }
        const { frames, buffer } = run({ ...course, ...paused })
        for (const [index, frame] of frames.slice(1).entries()) expect(frame).toBeGreaterThan(frames[index] as number)
        expect(buffer.counts.played).toBe(frames.length)
      },
    ),
    { numRuns: 60 },
  )
})
