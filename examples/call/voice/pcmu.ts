/**
 * PCMU: speech of 8,000 samples a second in 8 bits each, ITU-T G.711 with the µ-law (RFC 3551 section 4.5.14).
 *
 * The law works on magnitudes of 14 bits; samples here have 16, so every value of G.711's Table 2 stands four times as
 * large. Magnitude plus bias falls into one of eight chords, each twice as wide as the one below it and cut into 16 steps.
 */
const BIAS = 33 * 4

/** Decision value 128 of Table 2a is 8,159 in 14 bits: the virtual one above the largest step. */
const CLIP = 8159 * 4

const SIGN = 0x80
const decoded: Int16Array = Int16Array.from({ length: 256 }, (_, code) => expand(code))

export function encodePcmu(samples: Int16Array): Buffer {
  const bytes = Buffer.allocUnsafe(samples.length)
  for (let i = 0; i < samples.length; i++) bytes[i] = compress(samples[i] as number)
  return bytes
}

export function decodePcmu(bytes: Uint8Array): Int16Array {
  const samples = new Int16Array(bytes.length)
  for (let i = 0; i < bytes.length; i++) samples[i] = decoded[bytes[i] as number] as number
  return samples
}

function compress(sample: number): number {
  const biased = Math.min(Math.abs(sample), CLIP - 1) + BIAS
  // The bias alone has its highest bit at 7, which is chord 0; the largest magnitude at 14, which is chord 7.
  const chord = 24 - Math.clz32(biased)
  const step = (biased >> (chord + 3)) & 0x0f
  // On the line, all bits are inverted (note 2 of Tables 2a and 2b), so silence has many ones. The sign is 1 above zero.
  return ~((sample < 0 ? SIGN : 0) | (chord << 4) | step) & 0xff
}

function expand(code: number): number {
  const bits = ~code & 0xff
  const chord = (bits >> 4) & 7
  const step = bits & 0x0f
  // The middle of the step, without the bias.
  const magnitude = (((step << 3) + BIAS) << chord) - BIAS
  return (bits & SIGN) === 0 ? magnitude : -magnitude
}
