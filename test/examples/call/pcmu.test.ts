import { describe, expect, test } from 'vitest'
import wavefile from 'wavefile'
import { decodePcmu, encodePcmu } from '../../../examples/call/voice/pcmu.ts'
import { given } from '../../support/need.ts'
import { bytesOf, ffmpeg, pythonAudio, runFfmpeg, runPython, samplesOf } from './programs.ts'

const everySample = Int16Array.from({ length: 65_536 }, (_, index) => index - 32_768)
const everyCode = Buffer.from(Array.from({ length: 256 }, (_, code) => code))

/**
 * The magnitudes of G.711's Table 2a, built from its first three columns: segments of 16 intervals, whose size doubles
 * from 2 to 256, but for the very first interval, which is 1. In 14 bits.
 */
const segments: readonly (readonly [intervals: number, size: number])[] = [
  [1, 1],
  [15, 2],
  ...[4, 8, 16, 32, 64, 128, 256].map((size) => [16, size] as const),
]
const decisions: number[] = [0]
for (const [intervals, size] of segments) {
  for (let i = 0; i < intervals; i++) decisions.push((decisions.at(-1) as number) + size)
}
/** y0 is 0; each other is the middle between two decision values. */
const quantised = decisions
  .slice(0, -1)
  .map((value, index) => (index === 0 ? 0 : (value + (decisions[index + 1] as number)) / 2))

describe('the table', () => {
  test('that this test builds is the published one', () => {
    // Decision values and quantised values that Table 2a prints.
    expect([1, 16, 17, 32, 48, 64, 80, 96, 112, 113, 127, 128].map((number) => decisions[number])).toEqual([
      1, 31, 35, 95, 223, 479, 991, 2015, 4063, 4319, 7903, 8159,
    ])
    expect([0, 1, 16, 32, 48, 64, 80, 96, 112, 127].map((number) => quantised[number])).toEqual([
      0, 2, 33, 99, 231, 495, 1023, 2079, 4191, 8031,
    ])
  })

  test('gives what each code stands for', () => {
    const decoded = decodePcmu(everyCode)
    // Table 2a: the codes of positive values go down from 0xff, and Table 2b: those of negative ones from 0x7f.
    for (const [number, value] of quantised.entries()) {
      expect(decoded[0xff - number]).toBe(4 * value)
      expect(decoded[0x7f - number]).toBe(value === 0 ? -0 + 0 : -4 * value)
    }
  })

  test('gives the code of each sample', () => {
    const codes = encodePcmu(everySample)
    let number = 0
    for (let magnitude = 0; magnitude < 32_768; magnitude++) {
      while (number < 127 && magnitude >= 4 * (decisions[number + 1] as number)) number++
      expect(codes[32_768 + magnitude]).toBe(0xff - number)
      if (magnitude > 0) expect(codes[32_768 - magnitude]).toBe(0x7f - number)
    }
    // The one sample that has no positive counterpart.
    expect(codes[0]).toBe(0)
  })
})

describe('against others', () => {
  /**
   * Others may take the neighbour on a decision value, and next to the one where intervals begin to be twice as wide: what
   * is nearest is not what the decision value says there, up to the middle between the two quantised values.
   */
  function expectSame(codes: Uint8Array, samples: Int16Array): void {
    const ours = encodePcmu(samples)
    expect(codes.length).toBe(samples.length)
    let others = 0
    for (const [index, sample] of samples.entries()) {
      if (ours[index] === codes[index]) continue
      others++
      const magnitude = Math.abs(sample) / 4
      const number = decisions.findLastIndex((value) => value <= magnitude + 1)
      const middle = ((quantised[number - 1] as number) + (quantised[number] as number)) / 2
      expect(magnitude).toBeLessThanOrEqual(Math.max(middle, decisions[number] as number) + 1)
      expect(Math.abs((ours[index] as number) - (codes[index] as number))).toBe(1)
    }
    expect(others).toBeLessThan(samples.length / 40)
  }

  given(ffmpeg)('ffmpeg decodes every code the same', () => {
    const decoded = runFfmpeg(everyCode, '-f', 'mulaw', '-ar', '8000', '-ac', '1', '-i', '-', '-f', 's16le', '-')
    expect(samplesOf(decoded)).toEqual(decodePcmu(everyCode))
  })

  given(ffmpeg)('ffmpeg encodes every sample the same, where G.711 leaves no choice', () => {
    const input = bytesOf(everySample)
    expectSame(runFfmpeg(input, '-f', 's16le', '-ar', '8000', '-ac', '1', '-i', '-', '-f', 'mulaw', '-'), everySample)
  })

  given(pythonAudio)('Python decodes every code the same', () => {
    const decoded = runPython(everyCode, 'import audioop; o.write(audioop.ulaw2lin(i.read(), 2))')
    expect(samplesOf(decoded)).toEqual(decodePcmu(everyCode))
  })

  given(pythonAudio)('Python encodes every sample of 14 bits the same', () => {
    // It drops the lowest two bits of the sixteen before it looks at the sign.
    const samples = everySample.filter((sample) => sample % 4 === 0)
    expect(runPython(bytesOf(samples), 'import audioop; o.write(audioop.lin2ulaw(i.read(), 2))')).toEqual(
      encodePcmu(samples),
    )
  })

  test('wavefile encodes every sample the same, where G.711 leaves no choice, and decodes the same', () => {
    const wav = new wavefile.WaveFile()
    wav.fromScratch(1, 8000, '16', everySample)
    wav.toMuLaw()
    const codes = (wav as unknown as { data: { samples: Uint8Array } }).data.samples
    expectSame(codes, everySample)
    wav.fromScratch(1, 8000, '8m', everyCode)
    wav.fromMuLaw()
    expect(Int16Array.from(wav.getSamples(false, Float64Array))).toEqual(decodePcmu(everyCode))
  })
})

test('nothing is nothing', () => {
  expect(encodePcmu(new Int16Array())).toHaveLength(0)
  expect(decodePcmu(new Uint8Array())).toHaveLength(0)
})
