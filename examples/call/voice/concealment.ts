/**
 * Hides lost frames in the manner of ITU-T G.711 Appendix I: the last pitch period is repeated, at full strength for 10 ms,
 * then fading by a fifth every 10 ms, so that there is silence after 60 ms. Numbers are in samples of 8,000 Hz.
 *
 * The Appendix delays all speech by 3.75 ms to blend into the first repetition; here, nothing is delayed: the step between
 * the last sample and the repetition is spread over the first quarter of the period.
 */
const SHORTEST_PERIOD = 40
const LONGEST_PERIOD = 120
/** What is compared to find the period: 20 ms. */
const COMPARED = 160
const HISTORY = COMPARED + LONGEST_PERIOD
const FULL_STRENGTH = 80
const SILENT_AFTER = 480
/** How long what was made up and what really came are blended. */
const BLEND = 40

export class Concealment {
  readonly #frame: number
  readonly #history: Int16Array = new Int16Array(HISTORY)
  /** One period, while frames are missing. */
  #period: Float64Array | undefined
  /** How much was made up since the last good frame. */
  #madeUp = 0

  /** `frame`: how many samples there are in a frame that is lost. */
  constructor(frame = 160) {
    this.#frame = frame
  }

  /** A frame that came: itself, but for its first 5 ms when frames before it were lost. */
  good(samples: Int16Array): Int16Array {
    const played = samples.slice()
    for (let i = 0; this.#period !== undefined && i < Math.min(BLEND, played.length); i++) {
      const weight = (i + 1) / (BLEND + 1)
      played[i] = Math.round(weight * (samples[i] as number) + (1 - weight) * this.#next())
    }
    this.#period = undefined
    this.#madeUp = 0
    this.#remember(played)
    return played
  }

  /** A frame in place of one that did not come. */
  lost(): Int16Array {
    this.#period ??= this.#lastPeriod()
    const played = new Int16Array(this.#frame)
    for (let i = 0; i < played.length; i++) played[i] = Math.round(this.#next())
    this.#remember(played)
    return played
  }

  #next(): number {
    const period = this.#period as Float64Array
    const sample = (period[this.#madeUp % period.length] as number) * strength(this.#madeUp)
    this.#madeUp++
    return sample
  }

  /** The last period of the history, without a step where it is joined to the last sample, nor to its own end. */
  #lastPeriod(): Float64Array {
    const length = pitch(this.#history)
    const start = HISTORY - length
    const step = (this.#history[HISTORY - 1] as number) - (this.#history[start - 1] as number)
    const spread = Math.floor(length / 4)
    return Float64Array.from({ length }, (_, i) => {
      const part = Math.max(0, 1 - (i + 1) / (spread + 1))
      return clamp((this.#history[start + i] as number) + step * part)
    })
  }

  #remember(played: Int16Array): void {
    const tail = played.subarray(-HISTORY)
    this.#history.copyWithin(0, tail.length)
    this.#history.set(tail, HISTORY - tail.length)
  }
}

/** The lag at which the last 20 ms are most like what was before them: the peak of the normalised correlation. */
function pitch(history: Int16Array): number {
  let best = LONGEST_PERIOD
  let highest = Number.NEGATIVE_INFINITY
  for (let lag = SHORTEST_PERIOD; lag <= LONGEST_PERIOD; lag++) {
    let product = 0
    let energy = 0
    for (let i = HISTORY - COMPARED; i < HISTORY; i++) {
      const before = history[i - lag] as number
      product += (history[i] as number) * before
      energy += before * before
    }
    const likeness = product / Math.sqrt(Math.max(1, energy))
    if (likeness > highest) {
      highest = likeness
      best = lag
    }
  }
  return best
}

function strength(madeUp: number): number {
  return Math.min(1, Math.max(0, (SILENT_AFTER - madeUp) / (SILENT_AFTER - FULL_STRENGTH)))
}

function clamp(sample: number): number {
  return Math.max(-32_768, Math.min(32_767, sample))
}
