import type { ArrivedMessage as Message } from './family.ts'
import { Compaction, compactFrom, PIECE_COST } from './waiting.ts'

/** Settles one `receive`. */
export interface Waiter {
  deliver(message: Message | undefined): unknown
  fail(error: Error): unknown
}

/** Bytes of memory at which the queue is full: 4,096 messages of 1 KiB, 6 MiB. */
const MEMORY_LIMIT = 4096 * (1024 + PIECE_COST)
/** Descriptors at which the queue is full, so that no peer fills this process's table. One message may bring 253. */
const FDS_LIMIT = 64

/**
 * Messages that arrived and wait for `receive`, or the `receive`s that wait for messages; never both.
 *
 * Messages of one batch share a block of memory. One that is taken in the same turn of the event loop is not copied; one that
 * still waits in the next turn is copied out, so that the queue holds no more memory than it counts.
 */
export class ReceiveQueue {
  readonly #limit: number
  #messages: Message[] = []
  #head = 0
  /** Index of the first message that may still share a block. */
  #loose = 0
  #memory = 0
  #fds = 0
  readonly #compaction: Compaction = new Compaction(() => this.#compact())
  #waiters: Waiter[] = []
  #error: Error | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  get length(): number {
    return this.#messages.length - this.#head
  }

  get isFull(): boolean {
    return this.length >= this.#limit || this.#memory >= MEMORY_LIMIT || this.#fds >= FDS_LIMIT
  }

  /** Half empty again: worth reading on. */
  get hasRoom(): boolean {
    return this.length <= this.#limit / 2 && this.#memory <= MEMORY_LIMIT / 2 && this.#fds <= FDS_LIMIT / 2
  }

  /** Gives the first of these messages to those who wait; returns how many it gave. */
  deliver(batch: readonly Message[]): number {
    const count = Math.min(batch.length, this.#waiters.length)
    for (let index = 0; index < count; index++) this.#waiters.shift()?.deliver(batch[index])
    return count
  }

  push(message: Message): void {
    this.#messages.push(message)
    this.#memory += message.data.length + PIECE_COST
    if (message.fds !== undefined) this.#fds += message.fds.length
    this.#compaction.ask()
  }

  #compact(): void {
    compactFrom(this.#messages, Math.max(this.#loose, this.#head))
    this.#loose = this.#messages.length
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
    this.#memory -= message.data.length + PIECE_COST
    if (message.fds !== undefined) this.#fds -= message.fds.length
    if (this.#head === this.#messages.length) {
      this.#clear()
    } else if (this.#head > 1024 && this.#head * 2 > this.#messages.length) {
      this.#messages.splice(0, this.#head)
      this.#loose = Math.max(0, this.#loose - this.#head)
      this.#head = 0
    }
    return message
  }

  /** Everything that waits. */
  takeAll(): Message[] {
    const all = this.#head === 0 ? this.#messages : this.#messages.slice(this.#head)
    this.#clear()
    return all
  }

  #clear(): void {
    this.#messages = []
    this.#head = 0
    this.#loose = 0
    this.#memory = 0
    this.#fds = 0
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
