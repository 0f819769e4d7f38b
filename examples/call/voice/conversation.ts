import { randomInt } from 'node:crypto'
import { type Clock, steadyClock } from './clock.ts'
import { meanOpinionScore, rating } from './e-model.ts'
import type { JitterBufferOptions } from './jitter-buffer.ts'
import { Listening } from './listening.ts'
import { ntpTime } from './ntp.ts'
import { roundTrip } from './reception.ts'
import { encodeRtcp, isRtcp, parseRtcp, type ReportBlock, type RtcpPacket } from './rtcp.ts'
import { FRAME_TIME, Talk } from './talk.ts'
import type { VoiceReport } from './voice-report.ts'

export interface ConversationOptions {
  /** Called with each datagram for the other side. It may throw, or return a promise that fails: voice goes on. */
  readonly send: (datagram: Buffer) => unknown
  /** What is said: mono, 8,000 samples a second. */
  readonly speech: Int16Array
  /** Whether speech begins again at its end, as long as the call lasts; there is silence otherwise. Default true. */
  readonly repeat?: boolean
  /** The canonical name, such as `alice@host` (RFC 3550 section 6.5.1): 1 to 255 bytes. */
  readonly cname: string
  readonly buffer?: JitterBufferOptions
  /** How much of what is heard is kept, in seconds. Default 600. */
  readonly keep?: number
  readonly clock?: Clock
}

/**
 * RFC 3550 section 6.2 has 5 s at least between reports, for groups of thousands. These calls have two sides and may be
 * over in ten seconds, so there is a report each second, the first after half of that, as in the RFC.
 */
const REPORT_INTERVAL = 1000

/** A tick that is later than this was a pause of the process: the device skips what it should have played, rather than race. */
const PAUSE = 100

/** A call's voice, over anything that carries datagrams: RTP both ways, and RTCP beside it. */
export class Conversation {
  readonly #send: (datagram: Buffer) => unknown
  readonly #clock: Clock
  readonly #cname: string
  readonly #ssrc = randomInt(2 ** 32)
  /** In the lower half: so the first wrap is known to be one (RFC 3711 section 3.3.1 recommends the same). */
  readonly #firstSequence = randomInt(2 ** 15)
  readonly #talk: Talk
  readonly #listening: Listening
  #state: 'new' | 'talking' | 'over' = 'new'
  #cancel: () => void = () => {}
  /** When the next frame, and the next report, are due. */
  #frameDue = 0
  #reportDue = 0
  #roundTrip: number | undefined
  /** What the other side said about us last. */
  #remote: ReportBlock | undefined

  constructor({
    send,
    speech,
    cname,
    repeat = true,
    buffer = {},
    keep = 600,
    clock = steadyClock,
  }: ConversationOptions) {
    const bytes = Buffer.byteLength(cname)
    if (bytes < 1 || bytes > 255) throw new RangeError(`a cname has 1 to 255 bytes, and not ${bytes}`)
    this.#send = send
    this.#clock = clock
    this.#cname = cname
    const timestamp = randomInt(2 ** 32)
    this.#talk = new Talk({ speech, repeat, ssrc: this.#ssrc, sequence: this.#firstSequence, timestamp })
    this.#listening = new Listening(this.#ssrc, keep * 8000, buffer)
  }

  /** What was played so far: mono, 8,000 samples a second. */
  get heard(): Int16Array {
    return this.#listening.heard
  }

  /** Begins to talk and to play. A conversation is had once. */
  start(): void {
    if (this.#state !== 'new') throw new Error('the conversation was started before')
    this.#state = 'talking'
    this.#frameDue = this.#clock.now()
    this.#reportDue = this.#frameDue + REPORT_INTERVAL / 2
    this.#cancel = this.#clock.every(FRAME_TIME, () => this.#tick())
  }

  /** What came from the other side. Garbage is passed over, as is what comes before the start and after the end. */
  received(datagram: Buffer): void {
    if (this.#state !== 'talking') return
    this.#notePause()
    const now = this.#clock.now()
    if (!isRtcp(datagram)) this.#listening.received(datagram, now)
    else for (const packet of parseRtcp(datagram) ?? []) this.#control(packet, now)
  }

  /** Says goodbye, and how it went; after that, nothing is sent any more. */
  stop(): VoiceReport {
    if (this.#state === 'talking') {
      this.#cancel()
      this.#hand(encodeRtcp([...this.#reports(), { type: 'BYE', sources: [this.#ssrc] }]))
    }
    this.#state = 'over'
    return this.report()
  }

  /** How it goes, so far. */
  report(): VoiceReport {
    const received = this.#listening.counts
    const bufferDelay = this.#listening.bufferDelay
    const delay = (this.#roundTrip ?? 0) / 2 + FRAME_TIME + bufferDelay
    const loss = received.expected === 0 ? 0 : Math.min(1, (received.lost + received.late) / received.expected)
    // Of nothing, there is no quality.
    const R = received.packets === 0 ? undefined : rating({ delay, loss })
    return {
      sent: this.#talk.sent,
      received,
      jitter: this.#listening.source?.jitter ?? 0,
      roundTrip: this.#roundTrip,
      bufferDelay,
      delay,
      loss,
      rating: R,
      mos: R === undefined ? undefined : meanOpinionScore(R),
      remote: this.#remote && this.#remoteShares(this.#remote),
    }
  }

  /** Sends and plays what is due, paced by when it is due, and not by when the last one was sent. */
  #tick(): void {
    this.#notePause()
    const now = this.#clock.now()
    for (; this.#state === 'talking' && this.#frameDue <= now; this.#frameDue += FRAME_TIME) {
      this.#hand(this.#talk.next())
      // The device plays at an even pace; that the tick was late is not its delay.
      this.#listening.play(this.#frameDue)
    }
    if (this.#state !== 'talking' || this.#reportDue > now) return
    this.#reportDue = Math.max(this.#reportDue, now - REPORT_INTERVAL) + REPORT_INTERVAL
    this.#hand(encodeRtcp(this.#reports()))
  }

  /** Whichever comes first after a pause, the tick or what waited to be read, has to know of it. */
  #notePause(): void {
    const late = this.#clock.now() - this.#frameDue
    if (late <= PAUSE) return
    // Up to the tick after this one: by then, what waited has been read.
    const frames = Math.floor(late / FRAME_TIME) + 1
    this.#frameDue += frames * FRAME_TIME
    this.#talk.skip(frames)
    this.#listening.stoodStill(frames * FRAME_TIME)
  }

  #hand(datagram: Buffer): void {
    try {
      // What is lost on the way, and what was never sent, are the same to the other side.
      Promise.resolve(this.#send(datagram)).catch(() => {})
    } catch {}
  }

  #control(packet: RtcpPacket, now: number): void {
    const { source } = this.#listening
    if (packet.type === 'BYE') for (const ssrc of packet.sources) this.#listening.left(ssrc)
    if (packet.type === 'SR' && packet.ssrc === source?.ssrc) source.senderReport(packet.ntp, now)
    if (packet.type !== 'SR' && packet.type !== 'RR') return
    const block = packet.blocks.find(({ ssrc }) => ssrc === this.#ssrc)
    if (block === undefined) return
    this.#remote = block
    const measured = roundTrip(block, ntpTime(now))
    // Smoothed as TCP does it (RFC 6298), so that a single pause does not stand for the whole call.
    if (measured !== undefined) this.#roundTrip = (7 * (this.#roundTrip ?? measured) + measured) / 8
  }

  /** A report, and who we are: what every compound packet has to have (section 6.1). */
  #reports(): RtcpPacket[] {
    const now = this.#clock.now()
    const { source } = this.#listening
    const blocks = source?.heard ? [source.reportBlock(now)] : []
    const { packets, octets } = this.#talk.sent
    const description: RtcpPacket = { type: 'SDES', chunks: [{ ssrc: this.#ssrc, cname: this.#cname }] }
    if (packets === 0) return [{ type: 'RR', ssrc: this.#ssrc, blocks }, description]
    const sent = { packets: packets >>> 0, octets: octets >>> 0 }
    const rtpTimestamp = this.#talk.timestamp
    return [{ type: 'SR', ssrc: this.#ssrc, ntp: ntpTime(now), rtpTimestamp, ...sent, blocks }, description]
  }

  #remoteShares(block: ReportBlock): { readonly loss: number; readonly jitter: number } {
    const expected = block.highestSequence - this.#firstSequence + 1
    const loss = expected <= 0 ? 0 : Math.min(1, Math.max(0, block.cumulativeLost / expected))
    return { loss, jitter: block.jitter / 8 }
  }
}
