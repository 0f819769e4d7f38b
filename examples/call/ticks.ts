import type { Call } from './signalling/call.ts'

/** Answers each text of a call with a tick in front of it. */
export class Ticks {
  readonly sent: string[] = []
  readonly received: string[] = []

  constructor(call: Call) {
    call.on('text', (text) => {
      this.received.push(text)
      const answer = `✓ ${text}`
      try {
        call.say(answer)
        this.sent.push(answer)
      } catch (error) {
        // The tick has made it too long, or the caller lets too many wait: that one goes without.
        if (!(error instanceof RangeError)) throw error
      }
    })
  }
}
