import { compactNtp } from './ntp.ts'
import type { ReportBlock } from './rtcp.ts'

/** What became of a packet. `invalid`: not counted, since it may not belong to the source's sequence at all. */
export type Arrival = 'new' | 'reordered' | 'duplicate' | 'invalid'

export interface ReceptionCounts {
  readonly expected: number
  /** Different ones, so without the duplicates. */
  readonly packets: number
  readonly duplicates: number
  /** Those that came after one with a higher sequence number. */
  readonly reordered: number
}

/** RFC 3550 appendix A.1. */
const MAX_DROPOUT = 3000
const MAX_MISORDER = 100
const MODULUS = 2 ** 16

/** Longer than MAX_MISORDER, so that a duplicate of any packet that still counts is known. */
const REMEMBERED = 128

/** What is known of the packets of one source: RFC 3550 appendices A.1 (sequence), A.3 (loss) and A.8 (jitter). */
export class Reception {
  readonly ssrc: number
  readonly #rate: number
  /** How many packets in sequence it takes for the source to be believed, and how many there are. */
  readonly #probation: number
  #inRow = 0
  #base = 0
  /** The highest sequence number, extended by its wraps. */
  #highest = 0
  #valid = false
  /** What would follow the last packet that did not count: two in a row are a source that begins anew. */
  #next: number | undefined
  readonly #seen: Float64Array = new Float64Array(REMEMBERED).fill(Number.NaN)
  /** What was expected before the source began anew. */
  #expectedBefore = 0
  #packets = 0
  #duplicates = 0
  #reordered = 0
  #expectedAtReport = 0
  #arrivedAtReport = 0
  #jitter = 0
  #last: { readonly timestamp: number; readonly at: number } | undefined
  #senderReport: { readonly ntp: number; readonly at: number } | undefined

  /** `probation`: how many packets in sequence make a source valid. The RFC has 2; 1 is for a source that is known to be there. */
  constructor(ssrc: number, { probation = 2, rate = 8000 }: { probation?: number; rate?: number } = {}) {
    this.ssrc = ssrc
    this.#rate = rate
    this.#probation = probation
  }

  get valid(): boolean {
    return this.#valid
  }

  get counts(): ReceptionCounts {
    const expected = this.#expectedBefore + (this.valid ? this.#highest - this.#base + 1 : 0)
    return { expected, packets: this.#packets, duplicates: this.#duplicates, reordered: this.#reordered }
  }

  /** Whether packets came since the last block: only then is there another (section 6.4). */
  get heard(): boolean {
    return this.#packets + this.#duplicates > this.#arrivedAtReport
  }

  /** Milliseconds. */
  get jitter(): number {
    return (this.#jitter / this.#rate) * 1000
  }

  /** `now` in milliseconds, of any clock that does not jump. */
  received({ sequence, timestamp }: { readonly sequence: number; readonly timestamp: number }, now: number): Arrival {
    const arrival = this.valid ? this.#inSequence(sequence) : this.#onProbation(sequence)
    if (arrival === 'new' || arrival === 'reordered') {
      this.#packets++
      this.#measureJitter(timestamp, now)
    }
    if (arrival === 'reordered') this.#reordered++
    if (arrival === 'duplicate') this.#duplicates++
    return arrival
  }

  /** A sender report of the source came: the next block answers it, for the source to measure the round trip. */
  senderReport(ntp: bigint, now: number): void {
    this.#senderReport = { ntp: compactNtp(ntp), at: now }
  }

  /** Appendix A.3. The share that was lost is since the block before. */
  reportBlock(now: number): ReportBlock {
    const { expected, packets, duplicates } = this.counts
    const arrived = packets + duplicates
    const expectedSince = expected - this.#expectedAtReport
    const lostSince = expectedSince - (arrived - this.#arrivedAtReport)
    this.#expectedAtReport = expected
    this.#arrivedAtReport = arrived
    return {
      ssrc: this.ssrc,
      fractionLost:
        lostSince <= 0 || expectedSince <= 0 ? 0 : Math.min(255, Math.floor((lostSince * 256) / expectedSince)),
      cumulativeLost: Math.max(-0x80_0000, Math.min(0x7f_ffff, expected - arrived)),
      highestSequence: this.#highest >>> 0,
      jitter: Math.min(0xffff_ffff, Math.floor(this.#jitter)),
      lastSenderReport: this.#senderReport?.ntp ?? 0,
      delaySinceLastSenderReport:
        this.#senderReport === undefined
          ? 0
          : Math.min(0xffff_ffff, Math.max(0, Math.round(((now - this.#senderReport.at) * 65_536) / 1000))),
    }
  }

  #onProbation(sequence: number): Arrival {
    this.#inRow = sequence === this.#next ? this.#inRow + 1 : 1
    this.#next = (sequence + 1) % MODULUS
    if (this.#inRow < this.#probation) return 'invalid'
    this.#valid = true
    this.#begin(sequence)
    return 'new'
  }

  #begin(sequence: number): void {
    this.#base = sequence
    this.#highest = sequence
    this.#next = undefined
    this.#last = undefined
    this.#seen.fill(Number.NaN)
    this.#remember(sequence)
  }

  #inSequence(sequence: number): Arrival {
    const ahead = (sequence - this.#highest + 2 ** 40) % MODULUS
    if (ahead === 0) return 'duplicate'
    if (ahead < MAX_DROPOUT) {
      this.#highest += ahead
      this.#remember(this.#highest)
      return 'new'
    }
    if (ahead > MODULUS - MAX_MISORDER) return this.#fromBehind(this.#highest + ahead - MODULUS)
    if (sequence !== this.#next) {
      this.#next = (sequence + 1) % MODULUS
      return 'invalid'
    }
    this.#expectedBefore = this.counts.expected
    this.#begin(sequence)
    return 'new'
  }

  #fromBehind(extended: number): Arrival {
    if (this.#seen[slot(extended)] === extended) return 'duplicate'
    this.#remember(extended)
    // The first packets of all may come in the wrong order, too.
    this.#base = Math.min(this.#base, extended)
    return 'reordered'
  }

  #remember(extended: number): void {
    this.#seen[slot(extended)] = extended
  }

  /** Appendix A.8: how much two packets' distance at arrival differs from that in their timestamps, smoothed by 1/16. */
  #measureJitter(timestamp: number, at: number): void {
    if (this.#last !== undefined) {
      const sentApart = (timestamp - this.#last.timestamp) | 0
      const cameApart = ((at - this.#last.at) * this.#rate) / 1000
      this.#jitter += (Math.abs(cameApart - sentApart) - this.#jitter) / 16
    }
    this.#last = { timestamp, at }
  }
}

/**
 * The round trip in milliseconds, from a block about ourselves that came at `now` (NTP): section 6.4.1. `undefined` when
 * the block answers no report of ours.
 */
export function roundTrip(block: ReportBlock, now: bigint): number | undefined {
  if (block.lastSenderReport === 0) return undefined
  const units = (compactNtp(now) - block.lastSenderReport - block.delaySinceLastSenderReport) | 0
  // Rounding at both ends may take it below zero by a hair.
  return (Math.max(0, units) * 1000) / 65_536
}

function slot(extended: number): number {
  return ((extended % REMEMBERED) + REMEMBERED) % REMEMBERED
}
