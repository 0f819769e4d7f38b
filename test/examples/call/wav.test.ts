import { execFileSync } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import wavefile from 'wavefile'
import { readSpeech, writeSpeech } from '../../../examples/call/voice/wav.ts'
import { given } from '../../support/need.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { bytesOf, ffmpeg, pythonAudio, runFfmpeg, runPython, samplesOf } from './programs.ts'

const speech = fileURLToPath(new URL('../../../examples/call/media/speech.wav', import.meta.url))
const tone = Int16Array.from({ length: 8000 }, (_, i) => Math.round(9000 * Math.sin((2 * Math.PI * 440 * i) / 8000)))

/** How alike two recordings are, from -1 to 1, without their edges, which a resampler may bend. */
function correlation(one: Int16Array, other: Int16Array): number {
  let [product, first, second] = [0, 0, 0]
  for (let i = 200; i < Math.min(one.length, other.length) - 200; i++) {
    product += (one[i] as number) * (other[i] as number)
    first += (one[i] as number) ** 2
    second += (other[i] as number) ** 2
  }
  return product / Math.sqrt(first * second)
}

test('what is written is read again', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('tone.wav')
  for (const samples of [tone, new Int16Array(), Int16Array.of(-32_768, 32_767)]) {
    await writeSpeech(path, samples)
    expect(await readSpeech(path)).toEqual({ rate: 8000, samples })
  }
})

given(ffmpeg)('ffmpeg reads what is written', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('tone.wav')
  await writeSpeech(path, tone)
  expect(samplesOf(runFfmpeg(await readFile(path), '-f', 'wav', '-i', '-', '-f', 's16le', '-'))).toEqual(tone)
})

given(pythonAudio)("Python's wave reads what is written", async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('tone.wav')
  await writeSpeech(path, tone)
  const line = 'import wave; w = wave.open(i); p = w.getparams(); o.write(bytes([p[0], p[1]]) + w.readframes(p[3]))'
  expect(runPython(await readFile(path), line)).toEqual(Buffer.concat([Buffer.of(1, 2), bytesOf(tone)]))
})

describe('another format is converted', () => {
  const formats = [
    ['stereo', ['-ac', '2']],
    ['48,000 Hz', ['-ar', '48000']],
    ['44,100 Hz, stereo, 24 bits', ['-ar', '44100', '-ac', '2', '-c:a', 'pcm_s24le']],
    ['8 bits', ['-c:a', 'pcm_u8']],
    ['floating point', ['-c:a', 'pcm_f32le']],
    ['floating point of 64 bits', ['-c:a', 'pcm_f64le']],
    ['µ-law', ['-c:a', 'pcm_mulaw']],
    ['A-law', ['-c:a', 'pcm_alaw']],
    ['six channels', ['-ac', '6']],
  ] as const
  for (const [name, args] of formats) {
    given(ffmpeg)(name, async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('other.wav')
      const from = ['-f', 's16le', '-ar', '8000', '-ac', '1', '-i', '-']
      execFileSync('ffmpeg', ['-v', 'error', ...from, ...args, path], { input: bytesOf(tone) })
      const { rate, samples } = await readSpeech(path)
      expect(rate).toBe(8000)
      expect(Math.abs(samples.length - tone.length)).toBeLessThan(10)
      expect(correlation(samples, tone)).toBeGreaterThan(0.98)
    })
  }

  test('channels are mixed, and do not overflow', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('loud.wav')
    const wav = new wavefile.WaveFile()
    const [left, right] = [Int16Array.of(32_767, 100, -32_768), Int16Array.of(32_767, 300, -32_768)]
    wav.fromScratch(2, 8000, '16', [left, right])
    await writeFile(path, wav.toBuffer())
    expect((await readSpeech(path)).samples).toEqual(Int16Array.of(32_767, 200, -32_768))
  })
})

describe('what cannot be read', () => {
  test.each([
    ['nothing', Buffer.alloc(0)],
    ['a text', Buffer.from('this is not a recording of anything at all, and it is longer than a header of WAV')],
    ['a header alone', Buffer.from('RIFF\x04\0\0\0WAVE', 'latin1')],
    ['a header cut short', Buffer.from('RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01', 'latin1')],
  ])('%s', async (_, bytes) => {
    await using directory = await temporaryDirectory()
    const path = directory.file('no.wav')
    await writeFile(path, bytes)
    await expect(readSpeech(path)).rejects.toThrow(`${path} is no WAV file that can be read: `)
  })

  given(ffmpeg)('ADPCM', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('adpcm.wav')
    const from = ['-f', 's16le', '-ar', '8000', '-ac', '1', '-i', '-']
    execFileSync('ffmpeg', ['-v', 'error', ...from, '-c:a', 'adpcm_ima_wav', path], { input: bytesOf(tone) })
    await expect(readSpeech(path)).rejects.toThrow(/compressed by ADPCM; PCM, floating point, µ-law and A-law/)
  })

  test('a file that is not there', async () => {
    await expect(readSpeech('/nowhere/speech.wav')).rejects.toThrow(/ENOENT.*\/nowhere\/speech\.wav/)
  })
})

test('the speech that comes with the example is about eight seconds, loud enough, and small', async () => {
  const { samples } = await readSpeech(speech)
  expect(samples.length).toBeGreaterThan(7 * 8000)
  expect(samples.length).toBeLessThan(9 * 8000)
  expect(samples.some((sample) => Math.abs(sample) > 10_000)).toBe(true)
  expect((await stat(speech)).size).toBeLessThan(140_000)
})
