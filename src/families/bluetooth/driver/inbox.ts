import type { StreamEvents } from '../../../core/family.ts'
import { compact } from '../../../core/waiting.ts'

/** Number of waiting chunks that are joined into one: each costs memory besides its bytes. */
const JOIN_AT = 256

/** How it ends, behind everything that arrived before. */
type Ending = { readonly error: Error | undefined }

/**
 * What arrived and was not read yet, where the sender cannot be held up: as many bytes as it may hold, in order, then
 * how it ended.
 */
export class Inbox {
  readonly #limit: number
  readonly #chunks: Buffer[] = []
  #bytes = 0
  #events: StreamEvents | undefined
  #flowing = false
  #delivering = false
  #ending: Ending | undefined
  #over = false

  /** `limit` in bytes. */
  constructor(limit: number) {
    this.#limit = limit
  }

  start(events: StreamEvents): void {
    this.#events = events
    // An error that came before there was anybody to hear it, and never within `start`.
    if (this.#ending !== undefined) process.nextTick(() => this.#deliver())
  }

  resume(): void {
    this.#flowing = true
    this.#deliver()
  }

  pause(): void {
    this.#flowing = false
  }

  /** False when there is no room for the chunk, which is then lost. Nothing is taken after the end. */
  push(chunk: Buffer): boolean {
    if (this.#over || this.#ending !== undefined || chunk.length === 0) return true
    if (!this.#flowing && this.#bytes + chunk.length > this.#limit) return false
    if (this.#chunks.length === JOIN_AT) this.#chunks.splice(0, JOIN_AT, Buffer.concat(this.#chunks))
    this.#chunks.push(this.#flowing ? chunk : compact(chunk))
    this.#bytes += chunk.length
    this.#deliver()
    return true
  }

  /** The end, or an error instead; the first one counts. */
  end(error?: Error): void {
    if (this.#ending !== undefined) return
    this.#ending = { error }
    this.#deliver()
  }

  /** Nothing is delivered any more. */
  close(): void {
    this.#over = true
    this.#chunks.length = 0
    this.#bytes = 0
  }

  #deliver(): void {
    if (this.#delivering || this.#events === undefined) return
    this.#delivering = true
    try {
      while (this.#flowing && !this.#over) {
        const chunk = this.#chunks.shift()
        if (chunk === undefined) break
        this.#bytes -= chunk.length
        this.#events.onData(chunk)
      }
      if (this.#chunks.length === 0) this.#finish(this.#events)
    } finally {
      this.#delivering = false
    }
  }

  /** An error is told at once, an end only to who reads. */
  #finish(events: StreamEvents): void {
    if (this.#over || this.#ending === undefined) return
    const { error } = this.#ending
    if (error === undefined && !this.#flowing) return
    this.#over = true
    if (error === undefined) events.onEnd()
    else events.onError(error)
  }
}
