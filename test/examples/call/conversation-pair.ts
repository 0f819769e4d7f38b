import type { Clock } from '../../../examples/call/voice/clock.ts'
import { Conversation, type ConversationOptions } from '../../../examples/call/voice/conversation.ts'
import { isRtcp } from '../../../examples/call/voice/rtcp.ts'

/** Time that goes by when it is told to; what is due then happens in order. */
export class MadeTime implements Clock {
  #now = 1_700_000_000_000
  #due: { at: number; readonly run: () => void }[] = []

  now(): number {
    return this.#now
  }

  every(milliseconds: number, tick: () => void): () => void {
    let ended = false
    const again = (at: number): void => {
      this.at(at, () => {
        if (ended) return
        again(Math.max(at, this.#now - milliseconds) + milliseconds)
        tick()
      })
    }
    again(this.#now + milliseconds)
    return () => {
      ended = true
    }
  }

  at(time: number, run: () => void): void {
    this.#due.push({ at: time, run })
  }

  pass(milliseconds: number): void {
    const end = this.#now + milliseconds
    for (;;) {
      const [first] = this.#due.filter(({ at }) => at <= end).sort((one, other) => one.at - other.at)
      if (first === undefined) break
      this.#due.splice(this.#due.indexOf(first), 1)
      this.#now = Math.max(this.#now, first.at)
      first.run()
    }
    this.#now = end
  }

  /** The process stands still: what was due happens afterwards. */
  standStill(milliseconds: number): void {
    this.#now += milliseconds
  }
}

export interface Way {
  /** Milliseconds, one way, for each datagram; several for a duplicate, none for a loss. RTCP is spared but for the delay. */
  readonly travel?: (datagram: Buffer) => readonly number[]
  readonly delay?: number
  readonly options?: Partial<ConversationOptions>
}

export interface Pair {
  readonly time: MadeTime
  readonly alice: Conversation
  readonly bob: Conversation
  /** How many packets of voice Bob was sent that did not arrive. */
  readonly lost: () => number
}

/** Two conversations over a link in memory; what is special is on the way from Alice to Bob. */
export function pair({ travel, delay = 0, options = {} }: Way = {}): Pair {
  const time = new MadeTime()
  const speech = Int16Array.from({ length: 16_000 }, (_, i) =>
    Math.round(8000 * Math.sin((2 * Math.PI * 200 * i) / 8000)),
  )
  let lost = 0
  const toBob = (datagram: Buffer): void => {
    const delays = travel === undefined || isRtcp(datagram) ? [delay] : travel(datagram)
    if (delays.length === 0) lost++
    for (const each of delays) time.at(time.now() + each, () => bob.received(datagram))
  }
  const toAlice = (datagram: Buffer): void => time.at(time.now() + delay, () => alice.received(datagram))
  const common = { speech, clock: time, ...options }
  const alice = new Conversation({ ...common, send: toBob, cname: 'alice@here' })
  const bob = new Conversation({ ...common, send: toAlice, cname: 'bob@there' })
  return { time, alice, bob, lost: () => lost }
}

/** A sequence of numbers from 0 to 1 that is the same each time (Numerical Recipes' generator). */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
