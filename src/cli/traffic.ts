import { performance } from '../core/timers.ts'
import { note, reportError } from './report.ts'
import { humanBytes } from './table.ts'

/** Bytes of one connection, or of one sender's messages: `there` from the listening side on, `back` to it. */
export interface Flow {
  readonly number: number
  readonly from: string
  readonly startedAt: number
  there: number
  back: number
}

export type Direction = 'there' | 'back'

/** Counts what a relay carries, and tells the user. */
export class Traffic {
  readonly #quiet: boolean
  #opened = 0
  #failed = 0
  #open = 0
  #lost = 0
  #there = 0
  #back = 0
  #lastThere = 0
  #lastBack = 0

  constructor(quiet: boolean) {
    this.#quiet = quiet
  }

  get open(): number {
    return this.#open
  }

  begin(from: string): Flow {
    this.#open++
    return { number: ++this.#opened, from, startedAt: performance.now(), there: 0, back: 0 }
  }

  add(flow: Flow, direction: Direction, bytes: number): void {
    flow[direction] += bytes
    if (direction === 'there') this.#there += bytes
    else this.#back += bytes
  }

  /** A message that could not be handed on. */
  lose(): void {
    this.#lost++
  }

  end(flow: Flow, error?: unknown): void {
    this.#open--
    if (error !== undefined) {
      this.#failed++
      reportError(error, ` (connection ${flow.number} from ${flow.from})`)
    }
    if (this.#quiet) return
    const seconds = ((performance.now() - flow.startedAt) / 1000).toFixed(1)
    const verdict = error === undefined ? 'ended' : 'failed'
    note(`connection ${flow.number} from ${flow.from} ${verdict}: ${bytesOf(flow)}, ${seconds} s`)
  }

  /** The last line: machine-readable enough, hence plain bytes. */
  summary(): void {
    const lost = this.#lost > 0 ? `, lost messages: ${this.#lost}` : ''
    const failed = this.#failed > 0 ? ` (${this.#failed} failed)` : ''
    const connections = `${this.#opened} connection${this.#opened === 1 ? '' : 's'}${failed}`
    note(`total of ${connections}: ${bytesOf({ there: this.#there, back: this.#back })}${lost}`)
  }

  /** Once a second. */
  progress(): void {
    const there = `${humanBytes(this.#there)} there (${humanBytes(this.#there - this.#lastThere)}/s)`
    const back = `${humanBytes(this.#back)} back (${humanBytes(this.#back - this.#lastBack)}/s)`
    this.#lastThere = this.#there
    this.#lastBack = this.#back
    note(`${this.#open} open of ${this.#opened}, ${there}, ${back}`)
  }
}

function bytesOf({ there, back }: { there: number; back: number }): string {
  return `${there} bytes there, ${back} bytes back`
}
