import type { AddressBase } from '../../core/address.ts'
import type { Message } from '../../core/family.ts'
import { queueMicrotask } from '../../core/timers.ts'

/**
 * Hands over the messages of a batch one by one, with all that a listener has put off in between: a program that awaits
 * `once(socket, 'message')` again and again sees each message, as it does with `node:dgram`, which gets them singly.
 */
export class Inbox {
  #waiting: Message<AddressBase>[] = []
  #next = 0
  readonly #deliver: (message: Message<AddressBase>) => void

  constructor(deliver: (message: Message<AddressBase>) => void) {
    this.#deliver = deliver
  }

  add(batch: readonly Message<AddressBase>[]): void {
    const isIdle = this.#next === this.#waiting.length
    if (isIdle) {
      this.#waiting = []
      this.#next = 0
    }
    this.#waiting.push(...batch)
    if (isIdle) process.nextTick(this.#one)
  }

  /** What is still here is dropped. */
  clear(): void {
    this.#waiting = []
    this.#next = 0
  }

  readonly #one = (): void => {
    const message = this.#waiting[this.#next]
    if (message === undefined) return
    this.#next++
    // Before the listener runs, which may throw. A tick that a microtask asks for comes after all microtasks.
    if (this.#next < this.#waiting.length) queueMicrotask(this.#soon)
    this.#deliver(message)
  }

  readonly #soon = (): void => process.nextTick(this.#one)
}
