import { type DeadlineOptions, withDeadline } from './deadline.ts'
import { SocketError } from './errors.ts'
import type { RetryPolicy } from './retry.ts'
import { sleep } from './timers.ts'

/** Waits; gives up, and leaves no timer, when the signal fires. */
export type Pause = (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>

/** One row of tries: how many there were, and how long to wait before the next. */
export class Tries {
  readonly policy: RetryPolicy
  readonly #random: () => number
  #made = 0
  #delay: number

  /** `random` gives numbers from 0 up to 1. */
  constructor(policy: RetryPolicy, random: () => number = Math.random) {
    this.policy = policy
    this.#random = random
    this.#delay = policy.minDelay
  }

  get made(): number {
    return this.#made
  }

  get areUsedUp(): boolean {
    return this.#made >= this.policy.attempts
  }

  begin(): void {
    this.#made++
  }

  /** The length of the next pause, in milliseconds. Tells `onRetry` of it. */
  announcePause(error: Error): number {
    const { factor, jitter, maxDelay, onRetry } = this.policy
    const full = Math.min(this.#delay, maxDelay)
    this.#delay = Math.min(full * factor, maxDelay)
    const delay = full * (1 - jitter * this.#random())
    onRetry({ attempt: this.#made, delay, error })
    return delay
  }

  /** Starts over: as if there had been no try. */
  reset(): void {
    this.#made = 0
    this.#delay = this.policy.minDelay
  }
}

/**
 * Tries until a try succeeds, is not worth another, or the caller's signal or timeout ends it; both hold for all tries and
 * pauses together. Throws the last error as it came, with `attempts` on it. `ETIMEDOUT` of the whole has it as its cause.
 * What a try brings too late goes to `discard`.
 */
export async function withRetries<T>(
  options: DeadlineOptions,
  tries: Tries,
  address: string,
  attempt: (signal: AbortSignal | undefined) => Promise<T>,
  discard: (late: T) => void,
  pause: Pause = defaultPause,
): Promise<T> {
  const { attemptTimeout, when } = tries.policy
  const timeout = attemptTimeout === Number.POSITIVE_INFINITY ? undefined : attemptTimeout
  let last: Error | undefined
  const run = async (signal: AbortSignal | undefined): Promise<T> => {
    for (;;) {
      tries.begin()
      try {
        return await withDeadline({ signal, timeout }, 'connect', address, attempt, discard)
      } catch (error) {
        last = error as Error
        if (signal?.aborted || tries.areUsedUp || !when(last, tries.made)) throw last
      }
      await pause(tries.announcePause(last), signal)
    }
  }
  try {
    return await withDeadline(options, 'connect', address, run, discard)
  } catch (error) {
    if (error instanceof SocketError) error.attempts = tries.made
    if (error instanceof SocketError && error !== last && error.cause === undefined && last !== undefined)
      error.cause = last
    throw error
  }
}

async function defaultPause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, signal === undefined ? {} : { signal })
}
