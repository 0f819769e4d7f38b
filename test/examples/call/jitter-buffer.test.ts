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
  /** For each of those frames, the milliseconds from when it was spoken until it was played. */
  readonly journeys: readonly number[]
  /** How many frames waited at most. */
  readonly fullest: number
}

interface Course extends JitterBufferOptions {
  readonly count: number
  readonly travel: Travel
  readonly firstTimestamp?: number
  /** How long 20 ms of the sender's clock are. */
  readonly frameTime?: number
  /** Between two times, this process neither reads nor plays. */
  readonly still?: readonly [from: number, to: number]
}

function packet(index: number, firstTimestamp = 0, ssrc = 1): { ssrc: number; timestamp: number; payload: Buffer } {
  const payload = Buffer.alloc(160)
  payload.writeUInt32BE(index)
  return { ssrc, timestamp: (firstTimestamp + index * 160) >>> 0, payload }
}

/** Packets arrive, and the device plays each 20 ms; at the same time, packets come first. */
function run({
  count,
  travel,
  firstTimestamp = 0,
  frameTime = 20,
  still: [stopped, resumed] = [0, 0],
  ...options
}: Course): Run {
  const buffer = new JitterBuffer(options)
  const spokenAt = (index: number): number => index * frameTime
  const arrivals = range(0, count)
    .flatMap((index) => travel(index).map((delay) => ({ index, at: Math.round(spokenAt(index) + delay) })))
    .map(({ index, at }) => ({ index, at: at > stopped && at < resumed ? resumed : at }))
    .sort((one, other) => one.at - other.at)
  const end = Math.max(0, ...arrivals.slice(-1).map(({ at }) => at)) + 500
  const played: (number | 'lost' | 'silence')[] = []
  const journeys: number[] = []
  let fullest = 0
  let arrived = 0
  const arriveUntil = (time: number): void => {
    for (; arrived < arrivals.length; arrived++) {
      const { index, at } = arrivals[arrived] as (typeof arrivals)[number]
      if (at > time) return
      buffer.put(packet(index, firstTimestamp), at)
      fullest = Math.max(fullest, buffer.size)
    }
  }
  let stood = stopped === resumed
  for (let now = 7; now <= end; now += 20) {
    if (now > stopped && now < resumed) continue
    if (!stood && now >= resumed) {
      arriveUntil(stopped)
      buffer.stoodStill(Math.floor((resumed - stopped) / 20) * 20)
      stood = true
    }
    arriveUntil(now)
    const frame = buffer.take(now)
    played.push(typeof frame === 'string' ? frame : frame.readUInt32BE())
    if (typeof frame !== 'string') journeys.push(now - spokenAt(frame.readUInt32BE()))
  }
  return { buffer, played, frames: played.filter((frame) => typeof frame === 'number'), journeys, fullest }
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

  test('waits for 40 ms at first, until more is known', () => {
    expect(run({ count: 300, travel: () => [30] }).journeys[0]).toBeGreaterThanOrEqual(70)
  })

  test('is kept as it came, whatever becomes of the memory that it came in', () => {
    const buffer = new JitterBuffer()
    const first = packet(7)
    buffer.put(first, 0)
    first.payload.fill(0)
    expect((buffer.take(40) as Buffer).readUInt32BE()).toBe(7)
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

test('a call of four days: timestamps go more than once around', () => {
  const buffer = new JitterBuffer()
  const step = 99
  const steps = 300_000
  for (const index of range(0, steps)) {
    const now = index * step * 20
    buffer.put(packet(index * step, 0xfff0_0000), now)
    if (index === 0 || index === steps - 1) expect(buffer.take(now + 40)).toBeInstanceOf(Buffer)
    // So that nobody has to play all of it.
    buffer.stoodStill((index === 0 ? step - 1 : step) * 20)
  }
  expect(steps * step * 160).toBeGreaterThan(2 ** 32)
  expect(buffer.counts).toMatchObject({ played: 2, skipped: steps - 2, late: 0, restarts: 0 })
})

describe('delay', () => {
  test('follows the variation of the transit times, up and down', () => {
    const random = numbers(1)
    const uneven = run({ count: 1000, travel: () => [40 + 100 * random()] })
    expect(uneven.buffer.counts.late).toBeLessThan(30)
    // Packets that take the middle of the way wait for half of the variation.
    expect(uneven.buffer.meanDelay).toBeGreaterThan(40)
    expect(uneven.buffer.meanDelay).toBeLessThan(110)
  })

  test.each([1, 2, 3])('falls again when the variation does, by a frame a second (seed %d)', (seed) => {
    const random = numbers(seed)
    const { frames, journeys } = run({
      count: 2000,
      travel: (index) => [40 + (index < 500 ? 100 : 5) * random()],
    })
    const journeyOf = (index: number): number => journeys[frames.findIndex((frame) => frame >= index)] as number
    expect(journeyOf(490)).toBeGreaterThan(120)
    // 40 ms on the way, the least in the buffer, what is borne above it, and up to 20 ms until the device's next turn.
    expect(journeyOf(1000)).toBeLessThan(40 + 20 + 30 + 20)
    expect(journeys.at(-1)).toBe(journeyOf(1000))
    const calm = frames.filter((frame) => frame >= 500)
    const skipped = calm.filter((frame, turn) => turn > 0 && frame - (calm[turn - 1] as number) > 1)
    expect(skipped.length).toBeGreaterThan(1)
    for (const [index, frame] of skipped.slice(1).entries()) {
      expect(frame - (skipped[index] as number)).toBeGreaterThanOrEqual(50)
      expect(frame - (skipped[index] as number)).toBeLessThanOrEqual(52)
    }
  })

  test.each([50, 80, 100, 120, 200])('does not swing with one straggler in %d', (every) => {
    const { buffer } = run({ count: 3000, travel: (index) => [30 + (index % every === 40 ? 300 : 0)] })
    const { missing, skipped } = buffer.counts
    // Stragglers, what it takes to wait for them once, and each second a frame that is skipped and made up for again. If the
    // delay fell at once, it were 13 of those between one straggler and the next.
    expect(missing + skipped).toBeLessThan(3000 / every + 30 + (2 * 3000) / 50)
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

  test('is kept when the way becomes shorter, and nothing is lost but what shortens it again', () => {
    const { frames, buffer, journeys } = run({ count: 2000, travel: (index) => [index < 300 ? 320 : 20] })
    expect(buffer.counts).toMatchObject({ late: 0, restarts: 0 })
    expect(frames.length + buffer.counts.skipped).toBe(2000)
    expect(journeys.at(-1)).toBeLessThan(20 + 20 + 30 + 20)
  })
})

describe.each([0.995, 0.999, 1, 1.001, 1.005])('ten minutes from a clock whose second takes %d s of ours', (second) => {
  test.each([0, 40])('with %d ms of jitter: nearly all is played, and neither delay nor memory grows', (jitter) => {
    const random = numbers(4)
    const travel = (): number[] => [30 + jitter * random()]
    const { buffer, frames, journeys, fullest } = run({ count: 30_000, travel, frameTime: 20 * second })
    expect(frames.length).toBeGreaterThan(0.98 * 30_000)
    // Half a per cent of ten minutes are 3 s, which are 150 frames.
    if (second < 1) expect(buffer.counts.skipped).toBeGreaterThan(0.95 * 30_000 * (1 - second))
    if (second > 1) expect(buffer.counts.missing).toBeGreaterThan(0.95 * 30_000 * (second - 1))
    expect(fullest).toBeLessThanOrEqual(6)
    expect(Math.max(...journeys)).toBeLessThan(150)
  })
})

describe('holes', () => {
  test('something is made up for a second, and then there is silence', () => {
    const { played } = run({ count: 100, travel: (index) => [index < 99 ? 20 : 4000] })
    const last = played.indexOf(98)
    expect(played.slice(last + 1, last + 52)).toEqual([...new Array<string>(50).fill('lost'), 'silence'])
  })

  test('short ones do not add up to a pause, however many there are', () => {
    const { buffer } = run({ count: 3000, travel: (index) => (index % 50 < 5 ? [] : [20]) })
    expect(buffer.counts).toMatchObject({ late: 0, restarts: 0 })
  })

  test('a sender that counts anew from far behind after a pause is heard at once', () => {
    const buffer = new JitterBuffer()
    buffer.put(packet(5000), 0)
    for (const turn of range(2, 60)) buffer.take(turn * 20)
    buffer.put(packet(0), 1300)
    expect((buffer.take(1340) as Buffer).readUInt32BE()).toBe(0)
  })

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

  test('what the way held up for 3 s and then delivers at once is late, all but what can be played without a longer delay', () => {
    const held = (index: number): boolean => index >= 100 && index < 250
    const { frames, buffer, journeys } = run({
      count: 1800,
      travel: (index) => [held(index) ? 20 + (250 - index) * 20 : 20],
    })
    const heard = frames.filter(held).length
    expect(heard).toBeLessThan(25)
    // Four more are taken for strangers, before what is too far ahead is believed.
    expect(buffer.counts.late).toBeGreaterThanOrEqual(150 - heard - 4)
    expect(frames.filter((index) => index >= 250).length).toBeGreaterThan(1520)
    expect(journeys.at(-1)).toBeLessThan(20 + 20 + 30 + 20)
  })

  test('a straggler from before a pause is late, and no new beginning', () => {
    const { frames, buffer } = run({
      count: 300,
      travel: (index) => (index === 97 ? [1500] : index >= 100 && index < 200 ? [] : [20]),
    })
    expect(frames).toEqual([...frames].sort((one, other) => one - other))
    expect(frames).not.toContain(97)
    expect(buffer.counts).toMatchObject({ late: 1, restarts: 1 })
    expect(frames.filter((index) => index >= 200).length).toBeGreaterThan(97)
  })

  test('nor is one that comes just behind the new beginning', () => {
    // The last one of 98 to 100, which were on their way for long, is the first to be heard of again.
    const { frames } = run({
      count: 101,
      travel: (index) => [index < 98 ? 20 : index === 100 ? 2000 : 2000 + 20 * (100 - index) + 1],
    })
    expect(frames.slice(-4)).toEqual([97, 98, 99, 100])
    const behind = run({ count: 101, travel: (index) => [index === 95 ? 2065 : index < 98 ? 20 : 2000] })
    expect(behind.frames.slice(-4)).toEqual([97, 98, 99, 100])
    expect(behind.buffer.counts.late).toBe(1)
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

  test('a sender that counts anew from before is followed, and its first packets may come in the wrong order, too', () => {
    const buffer = new JitterBuffer()
    for (const index of range(5000, 5050)) {
      buffer.put(packet(index), index * 20)
      buffer.take(index * 20 + 60)
    }
    const since = 5050 * 20
    for (const index of [0, 1, 2, 3, 5, 4]) buffer.put(packet(index), since + index)
    expect(buffer.counts.restarts).toBe(1)
    expect((buffer.take(since + 200) as Buffer).readUInt32BE()).toBe(4)
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
    // Its frames have numbers that were there before.
    for (const index of range(5, 10)) buffer.put(packet(index, 99, 2), 1000)
    expect(buffer.counts.duplicates).toBe(0)
  })

  test('what is late of a source that takes over is late, also after this process stood still', () => {
    const buffer = new JitterBuffer()
    buffer.put(packet(5000), 0)
    buffer.take(40)
    buffer.stoodStill(2000)
    for (const index of range(1, 6)) buffer.put(packet(index, 0, 2), 2000)
    expect((buffer.take(2040) as Buffer).readUInt32BE()).toBe(5)
    buffer.put(packet(4, 0, 2), 2050)
    expect(buffer.counts).toMatchObject({ late: 1, skipped: 0, restarts: 1 })
  })

  test('there is room for 2 s', () => {
    const buffer = new JitterBuffer()
    for (const index of range(0, 104)) buffer.put(packet(index), 0)
    expect(buffer.size).toBe(100)
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

const fate = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 60 }).map((delay) => [delay]) },
  { weight: 1, arbitrary: fc.constant<number[]>([]) },
  { weight: 1, arbitrary: fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 1900 })).map((delays) => [...delays]) },
  { weight: 1, arbitrary: fc.nat({ max: 1900 }).map((delay) => [delay]) },
)

test('whatever happens on the way, frames are played in order and each once at most, and every packet is counted', () => {
  fc.assert(
    fc.property(
      // Not even a link that is silent now and then makes playing go back.
      fc
        .array(fc.tuple(fc.array(fate, { maxLength: 40 }), fc.nat({ max: 70 })), { maxLength: 5 })
        .map((stretches) => stretches.flatMap(([fates, pause]) => [...fates, ...new Array<number[]>(pause).fill([])])),
      fc.nat({ max: 0xffff_ffff }),
      fc.option(fc.tuple(fc.nat({ max: 2000 }), fc.nat({ max: 2000 }))),
      (fates, firstTimestamp, still) => {
        const course = { count: fates.length, travel: (index: number) => fates[index] as number[], firstTimestamp }
        const paused = still === null ? {} : { still: [still[0], still[0] + still[1] + 100] as const }
        const { frames, buffer, fullest } = run({ ...course, ...paused })
        for (const [index, frame] of frames.slice(1).entries()) expect(frame).toBeGreaterThan(frames[index] as number)
        expect(fullest).toBeLessThanOrEqual(100)
        const { played, late, duplicates, skipped, restarts } = buffer.counts
        expect(played).toBe(frames.length)
        const counted = played + late + duplicates + skipped + buffer.size
        // Before playing begins anew, four packets in a row are strangers.
        const arrived = fates.flat().length
        expect(counted).toBeLessThanOrEqual(arrived)
        expect(counted).toBeGreaterThanOrEqual(arrived - 4 * (restarts + 1))
      },
    ),
    { numRuns: 100 },
  )
})
