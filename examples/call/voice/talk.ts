import { encodePcmu } from './pcmu.ts'
import { encodeRtp } from './rtp.ts'

/** RFC 3551: 8,000 samples a second, 20 ms in a packet; PCMU is payload type 0. */
export const FRAME_TIME = 20
export const FRAME_SAMPLES = 160
export const PCMU_PAYLOAD_TYPE = 0

export interface TalkOptions {
  readonly speech: Int16Array
  /** Whether speech begins again at its end; there is silence otherwise. */
  readonly repeat: boolean
  readonly ssrc: number
  /** The first sequence number and timestamp. */
  readonly sequence: number
  readonly timestamp: number
}

/** One side's speech as packets of RTP, one each 20 ms. */
export class Talk {
  readonly #options: TalkOptions
  #said = 0
  #packets = 0
  #octets = 0
  /** The marker is on the first packet, and on the first after a pause. */
  #marker = true

  constructor(options: TalkOptions) {
    this.#options = options
  }

  /** Both wrap at 32 bits, as sender reports have them. `octets` is payload only (RFC 3550 section 6.4.1). */
  get sent(): { readonly packets: number; readonly octets: number } {
    return { packets: this.#packets, octets: this.#octets }
  }

  /** The timestamp of what is said now. */
  get timestamp(): number {
    return (this.#options.timestamp + this.#said) >>> 0
  }

  next(): Buffer {
    const payload = encodePcmu(this.#frame())
    const packet = encodeRtp({
      marker: this.#marker,
      payloadType: PCMU_PAYLOAD_TYPE,
      sequence: (this.#options.sequence + this.#packets) & 0xffff,
      timestamp: this.timestamp,
      ssrc: this.#options.ssrc,
      csrc: [],
      payload,
    })
    this.#marker = false
    this.#said += FRAME_SAMPLES
    this.#packets++
    this.#octets += payload.length
    return packet
  }

  /** So many frames are not sent: what was said meanwhile is gone, and timestamps go on as if it had not been. */
  skip(frames: number): void {
    this.#said += frames * FRAME_SAMPLES
    this.#marker = true
  }

  #frame(): Int16Array {
    const { speech, repeat } = this.#options
    if (!repeat || speech.length === 0) {
      const frame = new Int16Array(FRAME_SAMPLES)
      frame.set(speech.subarray(this.#said, this.#said + FRAME_SAMPLES))
      return frame
    }
    return Int16Array.from({ length: FRAME_SAMPLES }, (_, i) => speech[(this.#said + i) % speech.length] as number)
  }
}
