import assert from 'node:assert/strict'
import type { EventEmitter } from 'node:events'
import { clearTimeout, setTimeout, sleep } from '../core/timers.ts'

/** What a case waits for at the moment, by name, so that one that hangs says where. */
export class Waiting {
  readonly #names = new Set<{ what: string }>()
  #isOver = false

  /**
   * Passes `promise` on, and is named in the error when the case runs out of time meanwhile. Rejects once the case is
   * over, so that what was given up does not go on for ever.
   */
  async for<T>(what: string, promise: PromiseLike<T>): Promise<T> {
    if (this.#isOver) {
      promise.then(undefined, () => undefined)
      throw new Error(`the case is over; it would have waited for: ${what}`)
    }
    const entry = { what }
    this.#names.add(entry)
    try {
      return await promise
    } finally {
      this.#names.delete(entry)
    }
  }

  /** Rejects when `work` takes longer than `milliseconds`; the work itself goes on unheard, up to its next wait. */
  async limit<T>(milliseconds: number, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined
    const expired = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const names = [...this.#names].map(({ what }) => what).join('; ')
        reject(
          new assert.AssertionError({
            message: `not done after ${milliseconds} ms; waiting for: ${names || 'nothing'}`,
          }),
        )
      }, milliseconds)
    })
    try {
      return await Promise.race([work, expired])
    } finally {
      clearTimeout(timer)
      this.#isOver = true
    }
  }
}

export { sleep as delay }

/** Goes on while the case does other things; its outcome is asked for later, and is nobody's if the case ends before. */
export function meanwhile<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined)
  return promise
}

/** Resolves at the next event of this name, whatever else happens; `once` of node:events would reject on an 'error'. */
export function nextEvent(emitter: EventEmitter, name: string): Promise<unknown[]> {
  return new Promise((resolve) => emitter.once(name, (...values: unknown[]) => resolve(values)))
}

/** Counts the events of this name from now on. */
export function countEvents(emitter: EventEmitter, name: string): { count: number } {
  const counter = { count: 0 }
  emitter.on(name, () => {
    counter.count += 1
  })
  return counter
}

/** Whether the promise settles within so many milliseconds. */
export async function settlesWithin(promise: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const settled = promise.then(
    () => true,
    () => true,
  )
  return Promise.race([settled, sleep(milliseconds, false)])
}
