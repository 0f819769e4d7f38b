import { Concealment } from './concealment.ts'
import { JitterBuffer, type JitterBufferOptions } from './jitter-buffer.ts'
import { decodePcmu } from './pcmu.ts'
import { Reception, type ReceptionCounts } from './reception.ts'
import { Recording } from './recording.ts'
import { parseRtp } from './rtp.ts'
import { FRAME_SAMPLES, PCMU_PAYLOAD_TYPE } from './talk.ts'
import type { VoiceReport } from './voice-report.ts'

/** The other side's voice: from packets of RTP to what is played, and how many were missing. */
export class Listening {
  readonly #ownSsrc: number
  readonly #buffer: JitterBuffer
  readonly #concealment = new Concealment(FRAME_SAMPLES)
  readonly #recording: Recording
  /** Who is heard. */
  #source: Reception | undefined
  /** Who may be, with another SSRC: the other side after a change, or garbage that looks like RTP. */
  #candidate: Reception | undefined
  /** What was counted of sources before this one. */
  #former: ReceptionCounts = { expected: 0, packets: 0, duplicates: 0, reordered: 0 }
  #left = false

  constructor(ownSsrc: number, recorded: number, buffer: JitterBufferOptions = {}) {
    this.#ownSsrc = ownSsrc
    this.#recording = new Recording(recorded)
    this.#buffer = new JitterBuffer(buffer)
  }

  get source(): Reception | undefined {
    return this.#source
  }

  get heard(): Int16Array {
    return this.#recording.samples
  }

  get bufferDelay(): number {
    return this.#buffer.meanDelay
  }

  get counts(): VoiceReport['received'] {
    const sum = added(this.#former, this.#source?.counts)
    const { late, missing, restarts } = this.#buffer.counts
    return { ...sum, lost: sum.expected - sum.packets, late, concealed: missing, restarts }
  }

  /** A datagram that is not RTCP. Whatever is not a frame of PCMU of somebody else is passed over. */
  received(datagram: Buffer, now: number): void {
    const packet = parseRtp(datagram)
    if (packet === undefined || packet.payloadType !== PCMU_PAYLOAD_TYPE) return
    if (packet.payload.length !== FRAME_SAMPLES || packet.ssrc === this.#ownSsrc) return
    const reception = this.#receptionOf(packet.ssrc)
    const arrival = reception.received(packet, now)
    if (!reception.valid) return
    if (reception === this.#candidate) this.#change(reception)
    // Another number of the same frame would not be a duplicate to the buffer, which goes by timestamps.
    if (arrival === 'new' || arrival === 'reordered') this.#buffer.put(packet, now)
  }

  /** The other side says that it goes. What is in the buffer is played; nothing is made up for what never comes. */
  left(ssrc: number): void {
    if (ssrc === this.#source?.ssrc) this.#left = true
  }

  /** Plays 20 ms. */
  play(now: number): void {
    if (this.#left && this.#buffer.size === 0) {
      this.#recording.add(this.#concealment.lost())
      return
    }
    const frame = this.#buffer.take(now)
    if (frame === 'silence') this.#recording.add(this.#concealment.good(new Int16Array(FRAME_SAMPLES)))
    else if (frame === 'lost') this.#recording.add(this.#concealment.lost())
    else this.#recording.add(this.#concealment.good(decodePcmu(frame)))
  }

  stoodStill(milliseconds: number): void {
    this.#buffer.stoodStill(milliseconds)
  }

  /**
   * The first source is believed at once, since signalling has said that somebody will talk; another has to send two
   * packets in sequence before it takes over.
   */
  #receptionOf(ssrc: number): Reception {
    this.#source ??= new Reception(ssrc, { probation: 1 })
    if (ssrc === this.#source.ssrc) return this.#source
    if (ssrc !== this.#candidate?.ssrc) this.#candidate = new Reception(ssrc)
    return this.#candidate
  }

  #change(to: Reception): void {
    this.#former = added(this.#former, this.#source?.counts)
    this.#source = to
    this.#candidate = undefined
    this.#left = false
  }
}

function added(one: ReceptionCounts, other: ReceptionCounts | undefined): ReceptionCounts {
  if (other === undefined) return one
  return {
    expected: one.expected + other.expected,
    packets: one.packets + other.packets,
    duplicates: one.duplicates + other.duplicates,
    reordered: one.reordered + other.reordered,
  }
}
