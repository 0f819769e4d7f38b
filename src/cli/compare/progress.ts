import { performance } from '../../core/timers.ts'
import type { Failed, SchemeResult } from './result.ts'
import { milliseconds } from './words.ts'

/** Where progress is told: stderr. */
export interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Tells how far a scheme's comparison is: on a terminal in one line that is written over, elsewhere a line at its end. */
export class Progress {
  readonly #out: Terminal
  readonly #scheme: string
  readonly #messages: number
  #toldAt = Number.NEGATIVE_INFINITY

  constructor(out: Terminal, scheme: string, messages: number) {
    this.#out = out
    this.#scheme = scheme
    this.#messages = messages
  }

  /** Called for every message, which is more often than a terminal needs. */
  sent(sent: number, now: number = performance.now()): void {
    if (this.#out.isTTY !== true || now - this.#toldAt < REFRESH) return
    this.#toldAt = now
    this.#out.write(`${CLEAR}compare: ${this.#scheme} ${sent} of ${this.#messages} sent`)
  }

  done(result: SchemeResult | Failed): void {
    if (this.#out.isTTY !== true) this.#out.write(`compare: ${this.#scheme} ${outcome(result)}\n`)
  }

  /** Leaves the terminal's line as it was. */
  clear(): void {
    if (this.#out.isTTY === true) this.#out.write(CLEAR)
  }
}

/** Milliseconds between two lines for the eye. */
const REFRESH = 100
/** ECMA-48: carriage return, then erase the line. */
const CLEAR = '\r\u001b[2K'

function outcome(result: SchemeResult | Failed): string {
  if ('failed' in result) return `FAILED: ${result.reason}`
  const { delivery, latency } = result
  const arrived = `${delivery.delivered} of ${delivery.sent} arrived`
  return delivery.delivered === 0 ? arrived : `${arrived}, p99 ${milliseconds(latency.p99)}`
}
