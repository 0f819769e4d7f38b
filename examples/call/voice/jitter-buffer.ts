import { TransitTimes } from './transit-times.ts'

/** What the buffer wants of a packet of RTP. */
export interface VoicePacket {
  readonly ssrc: number
  readonly timestamp: number
  readonly payload: Uint8Array
}

export interface JitterBufferOptions {
  /** The least and the most that speech is held back, in milliseconds. Default 20 and 400. */
  readonly least?: number
  readonly most?: number
}

export interface JitterBufferCounts {
  readonly played: number
  /** Frames that something had to be made up for. */
  readonly missing: number
  /** Packets that came after their turn, or so late that nothing waits for them any more. */
  readonly late: number
  readonly duplicates: number
  /** Packets that were passed over to shorten the delay little by little, or because this process stood still. */
  readonly skipped: number
  /** How often playing began anew, at another place in the stream. */
  readonly restarts: number
}

interface Frame {
  readonly payload: Buffer
  readonly arrived: number
}

/** Of 8,000 Hz: 20 ms. */
const FRAME_SAMPLES = 160
const FRAME_TIME = 20

/** The buffer has room for 2 s of speech from what is played next. */
const CAPACITY = 100

/** So many packets in a row that do not fit: they are right, and what is played is not. */
const STRANGERS = 5

/** After a second without anything to play, the sender has paused; what comes then is a new beginning. */
const QUIET = 50

/** How much longer than wanted (ms) the delay may be before a frame is skipped. More than a frame, lest it swings. */
const SLACK = 30

/**
 * From one skipped frame to the next: a second. Stragglers that come now and then make the variation rise and fall by all of
 * their delay; a buffer that falls as fast would skip, and then make up for, more frames than would ever be late.
 */
const BETWEEN_SKIPS = 50

/**
 * Holds packets until it is their turn, so that those which took longer still come in time.
 *
 * Speech is held back by the variation of the transit times (see `TransitTimes`), between `least` and `most`. When that
 * grows, frames are made up before the next one is played; when it falls, a frame is skipped each second. A frame's place is
 * its timestamp, so order and loss take care of themselves. What is outside of the next 2 s of speech is not kept.
 */
export class JitterBuffer {
  readonly #least: number
  readonly #most: number
  readonly #transits = new TransitTimes()
  /** By the number of the frame: its timestamp, extended by its wraps, in units of 20 ms. */
  readonly #frames = new Map<number, Frame>()
  /** The last frame with that remainder that was taken in, so that a late duplicate is not taken for a late packet. */
  readonly #known: Float64Array = new Float64Array(256).fill(Number.NaN)
  #ssrc: number | undefined
  /** The timestamp that was taken in last, extended. */
  #timestamp = 0
  #newest = Number.NEGATIVE_INFINITY
  /** The frame whose turn it is; `undefined` when the next packet decides. */
  #next: number | undefined
  /** What follows the last frame that was played: of the same stream, nothing from before it is played any more. */
  #earliest = Number.NEGATIVE_INFINITY
  /** Whether anything of this stretch was played. Before, an earlier packet may still move the beginning. */
  #playing = false
  /** Packets of frames before this one waited while this process stood still. */
  #excused = Number.NEGATIVE_INFINITY
  #strangers = 0
  #emptyTurns = 0
  /** While there was something to play. */
  #turnsSinceSkip = 0
  #played = 0
  #missing = 0
  #late = 0
  #duplicates = 0
  #skipped = 0
  #restarts = 0
  #heldBack = 0

  constructor({ least = 20, most = 400 }: JitterBufferOptions = {}) {
    this.#least = least
    this.#most = most
  }

  get counts(): JitterBufferCounts {
    return {
      played: this.#played,
      missing: this.#missing,
      late: this.#late,
      duplicates: this.#duplicates,
      skipped: this.#skipped,
      restarts: this.#restarts,
    }
  }

  /** How many frames wait; never more than `CAPACITY`. */
  get size(): number {
    return this.#frames.size
  }

  /** How long packets waited before they were played, in milliseconds on average. */
  get meanDelay(): number {
    return this.#played === 0 ? 0 : this.#heldBack / this.#played
  }

  /** Times are in milliseconds, of any clock that does not jump. */
  put(packet: VoicePacket, now: number): void {
    if (this.#next === undefined && !this.#isStraggler(packet)) this.#beginAt(packet)
    const timestamp = this.#extended(packet)
    const frame = Math.round(timestamp / FRAME_SAMPLES)
    const place = this.#placeOf(packet, frame)
    if (place === 'in time') {
      this.#strangers = 0
      this.#timestamp = timestamp
      this.#store(frame, packet, now)
      return
    }
    // A late one tells that playing is ahead of the stream only if it is the newest there is.
    if (place === 'strange' || (place === 'late' && frame > this.#newest)) this.#strangers++
    if (this.#strangers >= STRANGERS) {
      this.#beginAt(packet)
      this.#store(Math.round(this.#timestamp / FRAME_SAMPLES), packet, now)
      return
    }
    if (place === 'duplicate') this.#duplicates++
    if (place === 'excused') this.#skipped++
    if (place === 'late') {
      this.#late++
      this.#transits.add(now - frame * FRAME_TIME)
    }
  }

  /** What to play in these 20 ms. `lost`: something has to be made up; `silence`: there is nothing to play yet, or any more. */
  take(now: number): Buffer | 'lost' | 'silence' {
    const spread = this.#transits.spread()
    if (this.#next === undefined || spread === undefined) return 'silence'
    const wanted = Math.min(this.#most, Math.max(this.#least, spread.variation))
    // How long a packet of the shortest transit would have waited by now.
    const delay = now - this.#next * FRAME_TIME - spread.shortest
    if (!this.#playing && delay < wanted) return 'silence'
    this.#playing = true
    if (this.#frames.size === 0) return this.#nothing()
    this.#emptyTurns = 0
    this.#turnsSinceSkip++
    if (delay < wanted) return this.#makeUp()
    if (delay > this.#most + SLACK) this.#late += this.#passOver(Math.floor((delay - this.#most) / FRAME_TIME))
    else if (delay > wanted + SLACK && this.#turnsSinceSkip >= BETWEEN_SKIPS) {
      this.#skipped += this.#passOver(1)
      this.#turnsSinceSkip = 0
    }
    return this.#turn(now)
  }

  /**
   * This process, and with it the device that plays, stood still for so long. What should have been played then is skipped,
   * and packets of that time, which waited to be read, are not late.
   */
  stoodStill(milliseconds: number): void {
    if (this.#next === undefined || !this.#playing) return
    this.#skipped += this.#passOver(Math.floor(milliseconds / FRAME_TIME))
    this.#excused = this.#next
  }

  #placeOf({ ssrc }: VoicePacket, frame: number): 'in time' | 'late' | 'excused' | 'duplicate' | 'strange' {
    const next = this.#next ?? this.#earliest
    if (ssrc !== this.#ssrc) return 'strange'
    if (this.#known[remainder(frame)] === frame) return 'duplicate'
    if (frame >= next + CAPACITY || frame < this.#newest - CAPACITY) return 'strange'
    if (frame >= next) return 'in time'
    if (frame < this.#excused) return 'excused'
    if (this.#playing || frame < this.#earliest || this.#frames.size >= CAPACITY) return 'late'
    this.#next = frame
    return 'in time'
  }

  /** Whether it is of a stretch that is over. */
  #isStraggler(packet: VoicePacket): boolean {
    const before = this.#earliest - Math.round(this.#extended(packet) / FRAME_SAMPLES)
    return packet.ssrc === this.#ssrc && before > 0 && before <= CAPACITY
  }

  #extended({ timestamp }: VoicePacket): number {
    return this.#timestamp + ((timestamp - this.#timestamp) | 0)
  }

  #store(frame: number, { payload }: VoicePacket, now: number): void {
    // A copy: the packet may be a small part of a large block of memory.
    this.#frames.set(frame, { payload: Buffer.from(payload), arrived: now })
    this.#known[remainder(frame)] = frame
    this.#newest = Math.max(this.#newest, frame)
    this.#transits.add(now - frame * FRAME_TIME)
  }

  #beginAt(packet: VoicePacket): void {
    if (this.#ssrc !== undefined) this.#restarts++
    if (packet.ssrc !== this.#ssrc) this.#known.fill(Number.NaN)
    this.#ssrc = packet.ssrc
    // Frames keep their numbers where the stream goes on, so that none is played twice.
    this.#timestamp = this.#extended(packet)
    this.#next = Math.round(this.#timestamp / FRAME_SAMPLES)
    this.#newest = this.#next
    // What comes from before it now was begun anew by the sender, and is not late.
    if (this.#next < this.#earliest) this.#earliest = Number.NEGATIVE_INFINITY
    this.#late += this.#frames.size
    this.#frames.clear()
    this.#transits.clear()
    this.#excused = Number.NEGATIVE_INFINITY
    this.#playing = false
    this.#strangers = 0
    this.#emptyTurns = 0
  }

  #turn(now: number): Buffer | 'lost' {
    const turn = this.#next as number
    const frame = this.#frames.get(turn)
    this.#next = turn + 1
    if (frame === undefined) return this.#makeUp()
    this.#frames.delete(turn)
    this.#earliest = turn + 1
    this.#played++
    this.#heldBack += Math.max(0, now - frame.arrived)
    return frame.payload
  }

  #makeUp(): 'lost' {
    this.#missing++
    return 'lost'
  }

  #nothing(): 'lost' | 'silence' {
    this.#emptyTurns++
    if (this.#emptyTurns > QUIET) {
      this.#next = undefined
      return 'silence'
    }
    this.#next = (this.#next as number) + 1
    return this.#makeUp()
  }

  /** So many frames are not played; how many of them were there. */
  #passOver(frames: number): number {
    const before = this.#frames.size
    const next = (this.#next as number) + frames
    for (const frame of this.#frames.keys()) if (frame < next) this.#frames.delete(frame)
    this.#next = next
    return before - this.#frames.size
  }
}

function remainder(frame: number): number {
  return ((frame % 256) + 256) % 256
}
