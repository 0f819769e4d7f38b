const GOLDEN = 0x9e3779b9

/**
 * The generator behind every fault: xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it/). Its state is filled
 * by SplitMix, with the 32-bit finaliser of MurmurHash3. `lane` picks one of many unrelated sequences of the same seed.
 */
export class Random {
  readonly #state = new Int32Array(4)

  constructor(seed: number, lane: number) {
    let word = mix(seed) ^ mix(lane + GOLDEN)
    for (let i = 0; i < 4; i++) {
      word = (word + GOLDEN) | 0
      this.#state[i] = mix(word)
    }
  }

  /** Uniform in [0, 1), with 32 bits. */
  next(): number {
    return advance(this.#state) / 2 ** 32
  }
}

/** One step of xoshiro128**: changes the four words, and returns an unsigned 32-bit number. */
export function advance(state: Int32Array): number {
  const a = state[0] as number
  const b = state[1] as number
  const c = state[2] as number
  const d = state[3] as number
  const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
  state[0] = a ^ d ^ b
  state[1] = b ^ c ^ a
  state[2] = c ^ a ^ (b << 9)
  state[3] = rotate(d ^ b, 11)
  return scrambled
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}

function mix(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
