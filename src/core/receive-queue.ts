import type { ArrivedMessage as Message } from './family.ts'

/** Settles one `receive`. */
export interface Waiter {
  deliver(message: Message | undefined): unknown
  fail(error: Error): unknown
}

/** Bytes that may wait to be received, whatever the number of messages. */
export const RECEIVE_QUEUE_BYTES: number = 4 * 1024 * 1024

/** Messages that arrived and wait for `receive`, or the `receive`s that wait for messages; never both. */
export class ReceiveQueue {
  readonly #limit: number
  #messages: Message[] = []
  #head = 0
  #bytes = 0
  #waiters: Waiter[] = []
  #error: Error | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  get length(): number {
    return this.#messages.length - this.#head
  }

  get isFull(): boolean {
    return this.length >= this.#limit || this.#bytes >= RECEIVE_QUEUE_BYTES
  }

  /** Half empty again: worth reading on. */
  get hasRoom(): boolean {
    return this.length <= this.#limit / 2 && this.#bytes <= RECEIVE_QUEUE_BYTES / 2
  }

  /** Gives the first of these messages to those who wait; returns how many it gave. */
  deliver(batch: readonly Message[]): number {
    const count = Math.min(batch.length, this.#waiters.length)
    for (let index = 0; index < count; index++) this.#waiters.shift()?.deliver(batch[index])
    return count
  }

  push(message: Message): void {
    this.#messages.push(message)
    this.#bytes += message.data.length
  }

  /** A message that waits; `undefined` when none does. Throws an error that came when nobody waited for one. */
  shift(): Message | undefined {
    const message = this.#messages[this.#head]
    if (message === undefined) {
      const error = this.#error
      this.#error = undefined
      if (error !== undefined) throw error
      return undefined
    }
    this.#head++
    this.#bytes -= message.data.length
    if (this.#head === this.#messages.length) {
      this.#messages = []
      this.#head = 0
    } else if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
      this.#messages.splice(0, this.#head)
      this.#head = 0
    }
    return message
  }

  /** Everything that waits. */
  takeAll(): Message[] {
    const all = this.#head === 0 ? this.#messages : this.#messages.slice(this.#head)
    this.#messages = []
    this.#head = 0
    this.#bytes = 0
    return all
  }

  /** Those of the messages that wait for which `wanted` is true. */
  takeIf(wanted: (message: Message) => boolean): Message[] {
    const all = this.takeAll()
    for (const message of all) if (!wanted(message)) this.push(message)
    return all.filter(wanted)
  }

  wait(waiter: Waiter): void {
    this.#waiters.push(waiter)
  }

  forget(waiter: Waiter): void {
    this.#waiters = this.#waiters.filter((other) => other !== waiter)
  }

  /** Gives the error to the first `receive` that waits, or keeps it for the next one. */
  fail(error: Error): void {
    const waiter = this.#waiters.shift()
    if (waiter === undefined) this.#error = error
    else waiter.fail(error)
  }

  /** No message will come any more. What arrived can still be received. */
  end(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.deliver(undefined)
  }
}
