import type { Call } from './signalling/call.ts'

/** How often and for how long a call was without its signalling. */
export class Interruptions {
  #count = 0
  #away = 0
  #since: number | undefined

  constructor(call: Call) {
    call.on('lost', () => {
      this.#count++
      this.#since = performance.now()
    })
    call.on('back', () => this.#settle())
    call.on('ended', () => this.#settle())
  }

  get count(): number {
    return this.#count
  }

  /** Milliseconds in all. */
  get away(): number {
    return this.#away
  }

  #settle(): void {
    if (this.#since !== undefined) this.#away += performance.now() - this.#since
    this.#since = undefined
  }
}
