import { readFile, stat, writeFile } from 'node:fs/promises'
import { match } from 'ts-pattern'
import wavefile from 'wavefile'

export interface Speech {
  /** Samples a second: always 8,000, whatever the file had. */
  readonly rate: number
  /** Mono. */
  readonly samples: Int16Array
}

const RATE = 8000

/** Of the format in a WAV file's header: mmreg.h. */
const FLOAT = 3
const EXTENSIBLE = 0xfffe

/** About an hour and a half of speech. Converting takes several times that memory. */
const LARGEST = 100 * 2 ** 20

/** Any WAV file: another rate or depth is converted, and channels are mixed into one. */
export async function readSpeech(path: string): Promise<Speech> {
  const { size } = await stat(path)
  if (size > LARGEST) throw new Error(`${path} has ${size} bytes; speech of up to ${LARGEST} can be read`)
  const wav = parse(path, await readFile(path))
  const { numChannels, sampleRate } = wav.fmt as { numChannels: number; sampleRate: number }
  if (numChannels < 1 || sampleRate < 1) throw notWav(path, `${numChannels} channels of ${sampleRate} Hz`)
  try {
    uncompress(wav)
    // The library changes rates by whole files, and channels not at all: so channels come first.
    const mono = mix(wav.getSamples(false, Float64Array) as unknown as Float64Array | Float64Array[])
    if (sampleRate === RATE) return { rate: RATE, samples: Int16Array.from(mono, clamp) }
    const converted = new wavefile.WaveFile()
    converted.fromScratch(1, sampleRate, '16', Int16Array.from(mono, clamp))
    converted.toSampleRate(RATE)
    return { rate: RATE, samples: Int16Array.from(converted.getSamples(false, Float64Array), clamp) }
  } catch (error) {
    throw notWav(path, (error as Error).message)
  }
}

/** Mono, 8,000 samples a second, 16 bits. */
export async function writeSpeech(path: string, samples: Int16Array): Promise<void> {
  const wav = new wavefile.WaveFile()
  wav.fromScratch(1, RATE, '16', samples)
  await writeFile(path, wav.toBuffer())
}

function parse(path: string, bytes: Uint8Array): wavefile.WaveFile {
  try {
    return new wavefile.WaveFile(bytes)
  } catch (error) {
    throw notWav(path, (error as Error).message)
  }
}

function notWav(path: string, why: string): Error {
  return new Error(`${path} is no WAV file that can be read: ${why}`)
}

/** To 16 bits, whatever the samples were. The library's toBitDepth() takes compressed samples for their codes. */
function uncompress(wav: wavefile.WaveFile): void {
  match(wav.bitDepth)
    .with('16', () => {})
    .with('8m', () => wav.fromMuLaw())
    .with('8a', () => wav.fromALaw())
    .with('4', () => {
      // The library knows blocks of one size only, and makes noise of others.
      throw new Error('its samples are compressed by ADPCM; PCM, floating point, µ-law and A-law can be read')
    })
    .otherwise(() => {
      readAsFloat(wav)
      wav.toBitDepth('16')
    })
}

/**
 * A header of the extensible kind has the format in its GUID, where the library does not look: it takes floating point
 * numbers for whole ones. With the format in the old place it reads them as what they are.
 */
function readAsFloat(wav: wavefile.WaveFile): void {
  const fmt = wav.fmt as { audioFormat: number; subformat: number[] }
  if (fmt.audioFormat !== EXTENSIBLE || fmt.subformat[0] !== FLOAT) return
  fmt.audioFormat = FLOAT
  wav.fromBuffer(wav.toBuffer())
}

/** One channel comes as an array of samples, several as an array of arrays. */
function mix(samples: Float64Array | Float64Array[]): Float64Array {
  if (samples instanceof Float64Array) return samples
  const [first] = samples
  if (first === undefined) return new Float64Array()
  return first.map((_, index) => samples.reduce((sum, channel) => sum + (channel[index] ?? 0), 0) / samples.length)
}

function clamp(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(sample)))
}
