import { explained } from '../../../core/errors.ts'
import { clearTimeout, setTimeout } from '../../../core/timers.ts'
import { step } from '../driver/step.ts'
import { lossOf, reasonOf } from './errors.ts'
import type { NoblePeripheral } from './noble.ts'

/** A device that leaves a request unanswered for so long is gone: the Core specification's own limit, volume 3, part F, 3.3.3. */
const ANSWER_LIMIT = 30_000

/** How long each part of leaving may take: to have what was sent confirmed, to have the disconnect confirmed. */
const LEAVE_LIMIT = 5000

/** A connection to a peripheral, from its 'connect' on. */
export class Link {
  readonly peripheral: NoblePeripheral
  /** The address in its text form, for errors. */
  readonly address: string
  readonly #listeners = new Set<(reason: unknown) => void>()
  #end: { readonly reason: unknown } | undefined
  #isLeaving = false
  #hasHungUp = false

  constructor(peripheral: NoblePeripheral, address: string) {
    this.peripheral = peripheral
    this.address = address
    peripheral.once('disconnect', this.lose)
  }

  get isLost(): boolean {
    return this.#end !== undefined
  }

  /** We have said that we go. */
  get isLeaving(): boolean {
    return this.#isLeaving
  }

  /** Calls back once it is gone, with noble's reason; at once where it is. Returns how not to be called. */
  onLost(listener: (reason: unknown) => void): () => void {
    if (this.#end === undefined) this.#listeners.add(listener)
    else listener(this.#end.reason)
    return () => this.#listeners.delete(listener)
  }

  /** It is gone, whoever says so. */
  readonly lose = (reason?: unknown): void => {
    if (this.#end !== undefined) return
    this.#end = { reason }
    this.peripheral.off('disconnect', this.lose)
    for (const listener of [...this.#listeners]) listener(reason)
    this.#listeners.clear()
  }

  /**
   * Asks the device for something: `request` is a promise of noble's, which settles neither after a disconnect nor where
   * the device refuses.
   */
  ask<T>(call: string, what: string, request: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    return step<T>({
      signal,
      limit: ANSWER_LIMIT,
      expired: () =>
        explained('ETIMEDOUT', call, this.address, `${what} was refused, or not answered within ${ANSWER_LIMIT} ms`),
      begin: (resolve, reject) => {
        const stop = this.onLost((reason) => reject(lossOf(call, this.address, reason)))
        if (this.#end !== undefined) return stop
        const fail = (rejection: unknown): void => {
          const reason = reasonOf(rejection)
          reject(explained('EIO', call, this.address, `${what} failed: ${reason.message}`, reason))
        }
        try {
          request().then(resolve, fail)
        } catch (error) {
          fail(error)
        }
        return stop
      },
    })
  }

  /** Resolves once it is gone. */
  get gone(): Promise<void> {
    return new Promise((resolve) => {
      this.onLost(() => resolve())
    })
  }

  /** Disconnects: at once, or when `before` is done or has taken 5 s. Resolves once it is gone. */
  disconnect(before?: () => Promise<unknown>): Promise<void> {
    const isFirst = !this.#isLeaving
    this.#isLeaving = true
    if (before === undefined) this.#hangUp()
    // A second one has nothing to add to what the first waits for.
    else if (isFirst) void settled(before(), LEAVE_LIMIT).then(() => this.#hangUp())
    return this.gone
  }

  #hangUp(): void {
    if (this.#end !== undefined || this.#hasHungUp) return
    this.#hasHungUp = true
    const timer = setTimeout(() => this.lose('no answer to our disconnect'), LEAVE_LIMIT)
    this.onLost(() => clearTimeout(timer))
    try {
      this.peripheral.disconnect()
    } catch (error) {
      this.lose(error)
    }
  }
}

/** Resolves when the promise settles, however it does, or after so many milliseconds. */
function settled(promise: Promise<unknown>, limit: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, limit)
    const finish = (): void => {
      clearTimeout(timer)
      resolve()
    }
    promise.then(finish, finish)
  })
}
