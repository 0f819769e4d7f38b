import { namedSystemError } from '../../core/errors.ts'
import type { Done, StreamEvents } from '../../core/family.ts'
import { performance } from '../../core/timers.ts'
import { Alarm } from './clock.ts'
import type { Route } from './lane.ts'
import { type PendingWrite, pendingWrite, take } from './pending-write.ts'

/** Bytes that one direction of a connection holds, on their way or unread, before a write has to wait. */
export const CAPACITY = 262_144

/** TCP's largest segment on Ethernet: the unit of loss. */
const SEGMENT = 1_448

/** The most that one onData hands over. */
const READ = 65_536

/** `bytes[start, end)`, to be delivered at `due`. The segments of one write share their bytes and are joined again. */
interface Piece {
  readonly bytes: Buffer
  start: number
  readonly end: number
  readonly due: number
}

/** What both directions of a connection share. */
export interface Carrier {
  other(pipe: Pipe): Pipe
  /** How many more bytes the connection may carry. */
  allowance(): number
  carry(bytes: number): void
  /** Ends it with this error at both ends, once what is on its way has arrived, and not before `due`. */
  break(code: string, due: number): void
}

/** One direction of a connection: bytes from a writer, copied, to a reader, in order, and never within the writer's call. */
export class Pipe {
  readonly #carrier: Carrier
  readonly route: Route
  readonly #alarm: Alarm = new Alarm(() => this.#ring())
  #pieces: Piece[] = []
  #head = 0
  #queued = 0
  #lastDue = 0
  #pending: PendingWrite | undefined
  /** The writer knows that the connection is gone. */
  #refusing = false
  #events: StreamEvents | undefined
  #flowing = false
  /** The reader has closed. */
  #gone = false
  #end: { readonly due: number; read: boolean } | undefined
  #reset: { readonly due: number; readonly error: Error; arrived: boolean } | undefined

  constructor(carrier: Carrier, route: Route) {
    this.#carrier = carrier
    this.route = route
  }

  // --- the writer's side

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#refusing) {
      done(namedSystemError('EPIPE', 'write'))
    } else if (this.#gone) {
      // As from TCP: the bytes are taken while there is room, and what they cause at the other end comes back as a reset.
      this.#carrier.other(this).reset('ECONNRESET', performance.now() + 2 * this.route.latency())
      this.#pending = pendingWrite(chunks, done)
      this.#swallow(this.#pending)
    } else {
      this.#pending = pendingWrite(chunks, done)
      this.#admit()
      this.#schedule()
    }
  }

  /** Ends the direction, after what was written. */
  end(): void {
    if (this.#end !== undefined || this.#reset !== undefined) return
    const due = this.#due(this.route.segment(0))
    if (due === undefined) return
    this.#end = { due, read: false }
    this.#schedule()
  }

  /** Tells the reader that the connection is lost, after what was written, and that it need not write any more. */
  reset(code: string, due: number = performance.now() + this.route.latency()): void {
    if (this.#reset !== undefined) return
    this.#reset = { due: Math.max(due, this.#lastDue), error: namedSystemError(code, 'read'), arrived: false }
    this.#schedule()
  }

  /** From now on no write gets anywhere. The one that waits, if any, fails with an error that is made for it: they are dear. */
  refuse(reason: () => Error): void {
    this.#refusing = true
    const pending = this.#pending
    this.#pending = undefined
    pending?.done(reason())
  }

  /** Loses what is on its way. */
  drop(): void {
    this.#pieces = []
    this.#head = 0
    this.#queued = 0
    this.#lastDue = 0
  }

  // --- the reader's side

  start(events: StreamEvents): void {
    this.#events = events
    this.#schedule()
  }

  /** Whether the reader takes bytes, and the end, now. */
  flow(flowing: boolean): void {
    this.#flowing = flowing
    this.#schedule()
  }

  /** Whether something may still come. */
  get live(): boolean {
    return this.#events !== undefined && this.#end?.read !== true
  }

  /** The reader closes. Whether bytes were left unread. */
  abandon(): boolean {
    const unread = this.#queued > 0 || this.#pending !== undefined
    this.#gone = true
    this.#events = undefined
    this.#flowing = false
    this.drop()
    return unread
  }

  // --- in between

  /** Takes as much of the pending write as there is room for. */
  #admit(): void {
    const pending = this.#pending
    if (pending === undefined || this.#gone || this.#reset !== undefined) return
    let size = Math.min(pending.left, CAPACITY - this.#queued)
    // A segment is never split for want of room: what is lost shall depend on what was written, not on when it was read.
    if (size < pending.left && !this.route.clear) size -= size % SEGMENT
    const allowance = this.#carrier.allowance()
    const cut = size > 0 && size >= allowance
    if (cut) size = allowance
    if (size > 0) {
      this.#carrier.carry(size)
      this.#enqueue(take(pending, size))
    }
    if (cut) this.#carrier.break('ECONNRESET', 0)
    if (pending.left > 0) return
    this.#pending = undefined
    pending.done(null)
  }

  /** Takes the write where there is room for all of it; else it waits for the reset, so that the event loop has its turn. */
  #swallow({ left, done }: PendingWrite): void {
    this.#queued += left
    if (this.#queued > CAPACITY) return
    this.#pending = undefined
    done(null)
  }

  #enqueue(bytes: Buffer): void {
    if (this.route.clear) {
      this.route.count(Math.ceil(bytes.length / SEGMENT), bytes.length)
      this.#push(bytes, 0, bytes.length, this.#lastDue)
      return
    }
    for (let start = 0; start < bytes.length; start += SEGMENT) {
      const end = Math.min(start + SEGMENT, bytes.length)
      const due = this.#due(this.route.segment(end - start))
      if (due === undefined) return
      this.#push(bytes, start, end, due)
    }
  }

  #push(bytes: Buffer, start: number, end: number, due: number): void {
    this.#queued += end - start
    this.#pieces.push({ bytes, start, end, due })
  }

  /** When something arrives that is `delay` on its way, and behind all before it. A segment that never does is the end. */
  #due(delay: number): number | undefined {
    if (delay === Number.POSITIVE_INFINITY) {
      this.#carrier.break('ETIMEDOUT', performance.now() + this.route.patience())
      return undefined
    }
    if (delay > 0) this.#lastDue = Math.max(this.#lastDue, performance.now() + delay)
    return this.#lastDue
  }

  #schedule(): void {
    const reset = this.#reset
    if (this.#flowing) {
      const next = this.#pieces[this.#head]
      if (next !== undefined) this.#alarm.set(next.due)
      else if (this.#end?.read === false) this.#alarm.set(this.#end.due)
    }
    if (reset?.arrived === false) this.#alarm.set(reset.due)
    else if (reset !== undefined && this.#events !== undefined && this.#drained()) this.#alarm.set(0)
  }

  #ring(): void {
    const now = performance.now()
    try {
      this.#deliver(now)
      this.#finish(now)
      this.#admit()
    } finally {
      // Even after a callback that threw.
      this.#schedule()
    }
  }

  /** Hands over what is due, but nothing that was written meanwhile: the event loop shall have its turn. */
  #deliver(now: number): void {
    const stop = this.#pieces.length
    while (this.#flowing && this.#head < stop) {
      const chunk = this.#next(now)
      if (chunk === undefined) break
      this.#queued -= chunk.length
      this.#events?.onData(chunk)
    }
    if (this.#drained()) {
      this.#pieces = []
      this.#head = 0
    } else if (this.#head > 1_024) {
      this.#pieces = this.#pieces.slice(this.#head)
      this.#head = 0
    }
  }

  #next(now: number): Buffer | undefined {
    const first = this.#pieces[this.#head]
    if (first === undefined || first.due > now) return undefined
    const { bytes, start } = first
    let end = start
    for (;;) {
      const piece = this.#pieces[this.#head]
      if (piece === undefined || piece.bytes !== bytes || piece.due > now || end - start === READ) break
      end = Math.min(piece.end, start + READ)
      piece.start = end
      if (end === piece.end) this.#head++
    }
    return bytes.subarray(start, end)
  }

  #finish(now: number): void {
    const end = this.#end
    const reset = this.#reset
    if (reset?.arrived === false && reset.due <= now) {
      reset.arrived = true
      this.#carrier.other(this).refuse(() => reset.error)
    }
    if (!this.#drained()) return
    if (this.#flowing && end?.read === false && end.due <= now) {
      end.read = true
      this.#events?.onEnd()
    }
    if (reset?.arrived === true) {
      const events = this.#events
      this.#events = undefined
      events?.onError(reset.error)
    }
  }

  #drained(): boolean {
    return this.#head === this.#pieces.length
  }
}
