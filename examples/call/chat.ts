import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from './signalling/call.ts'

/** What is said, and when, in milliseconds since the call was accepted. The second falls into the outage. */
const LINES: readonly { readonly at: number; readonly text: string }[] = [
  { at: 500, text: 'Hello 👋' },
  { at: 2500, text: 'Can you still hear me? 🧑‍🚀' },
  { at: 6000, text: 'Здравствуй, 世界 🇨🇭' },
]

/** The caller's texts, and what is answered to them. */
export class Chat {
  readonly sent: string[] = []
  readonly received: string[] = []
  /** Resolves when every line was said and answered. */
  readonly done: Promise<void>
  readonly #saidAt: number[] = []
  #slowestAnswer: number | undefined

  constructor(call: Call, signal: AbortSignal) {
    const answered = new Promise<void>((resolve) => {
      call.on('text', (text) => {
        this.#noteWait(this.#saidAt[this.received.length])
        this.received.push(text)
        if (this.received.length === LINES.length) resolve()
      })
    })
    const said = LINES.map(async ({ at, text }) => {
      await sleep(at, undefined, { signal })
      this.sent.push(text)
      this.#saidAt.push(performance.now())
      call.say(text)
    })
    this.done = Promise.all([...said, answered]).then(() => undefined)
  }

  /** How long the answer that took longest took, in milliseconds; `undefined` where none came. */
  get slowestAnswer(): number | undefined {
    return this.#slowestAnswer
  }

  /** Answers come in the order in which they were asked for. */
  #noteWait(saidAt: number | undefined): void {
    if (saidAt !== undefined) this.#slowestAnswer = Math.max(this.#slowestAnswer ?? 0, performance.now() - saidAt)
  }
}
