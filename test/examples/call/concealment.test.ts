import { describe, expect, test } from 'vitest'
import { Concealment } from '../../../examples/call/voice/concealment.ts'

const FRAME = 160

function sine(frequency: number, length: number, amplitude = 10_000): Int16Array {
  return Int16Array.from({ length }, (_, i) => Math.round(amplitude * Math.sin((2 * Math.PI * frequency * i) / 8000)))
}

/** Plays frames, with `lost` ones made up for. */
function play(samples: Int16Array, lost: ReadonlySet<number>): Int16Array {
  const concealment = new Concealment()
  const played = new Int16Array(samples.length)
  for (let frame = 0; frame * FRAME < samples.length; frame++) {
    const good = samples.subarray(frame * FRAME, (frame + 1) * FRAME)
    played.set(lost.has(frame) ? concealment.lost() : concealment.good(good), frame * FRAME)
  }
  return played
}

/** In decibels: how much stronger the signal is than what differs from it. */
function likeness(original: Int16Array, played: Int16Array): number {
  let signal = 0
  let noise = 0
  for (const [i, sample] of original.entries()) {
    signal += sample ** 2
    noise += (sample - (played[i] as number)) ** 2
  }
  return 10 * Math.log10(signal / noise)
}

function steepest(samples: Int16Array): number {
  let steepest = 0
  for (let i = 1; i < samples.length; i++) {
    steepest = Math.max(steepest, Math.abs((samples[i] as number) - (samples[i - 1] as number)))
  }
  return steepest
}

function loudest(samples: Int16Array): number {
  return samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0)
}

describe.each([70, 100, 125, 180, 200, 320, 440])('a tone of %d Hz', (frequency) => {
  const original = sine(frequency, 50 * FRAME)

  test('without loss comes out as it went in', () => {
    expect(play(original, new Set())).toEqual(original)
  })

  test('with every tenth frame lost stays much like itself', () => {
    const lost = new Set(Array.from({ length: 4 }, (_, index) => 10 * index + 9))
    const silent = original.map((sample, i) => (lost.has(Math.floor(i / FRAME)) ? 0 : sample))
    const concealed = likeness(original, play(original, lost))
    expect(concealed).toBeGreaterThan(20)
    expect(concealed).toBeGreaterThan(likeness(original, silent) + 8)
  })

  test.each([1, 2, 3, 5])('has no click where %d frames are lost', (count) => {
    const lost = new Set(Array.from({ length: count }, (_, index) => 20 + index))
    expect(steepest(play(original, lost))).toBeLessThan(1.3 * steepest(original))
  })
})

test('a tone too low for any period that is looked for has no step either', () => {
  const original = sine(35, 50 * FRAME)
  expect(steepest(play(original, new Set([21])))).toBeLessThan(3 * steepest(original))
})

test('a long loss is at full strength for 10 ms, fades, and is silent after 60 ms', () => {
  const concealment = new Concealment()
  for (let frame = 0; frame < 10; frame++) concealment.good(sine(200, FRAME))
  const frames = Array.from({ length: 5 }, () => concealment.lost())
  const peaks = frames.flatMap((frame) => [loudest(frame.subarray(0, 80)), loudest(frame.subarray(80))])
  // Each 10 ms has a fifth less than the one before, and 200 Hz peaks in all of them.
  expect(peaks[0]).toBeGreaterThan(9_900)
  for (let part = 1; part < 6; part++) {
    expect(peaks[part]).toBeLessThanOrEqual(10_000 * (1 - (part - 1) / 5))
    expect(peaks[part]).toBeGreaterThan(10_000 * (1 - part / 5) * 0.98)
  }
  expect(peaks.slice(6)).toEqual([0, 0, 0, 0])
})

test('a frame may be shorter than a blend, and speech may begin with a loss', () => {
  const concealment = new Concealment(8)
  expect(concealment.lost()).toEqual(new Int16Array(8))
  expect(concealment.good(Int16Array.of(1, 2, 3))).toHaveLength(3)
  expect(concealment.good(new Int16Array())).toHaveLength(0)
})

test('the loudest samples stay in range', () => {
  const square = Int16Array.from({ length: 20 * FRAME }, (_, i) => (i % 83 < 41 ? 32_767 : -32_768))
  const played = play(square, new Set([10, 12]))
  // What wraps around would jump by nearly the whole range where the original stays as it is.
  expect(loudest(played)).toBeLessThanOrEqual(32_768)
  expect(likeness(square, played)).toBeGreaterThan(5)
})
