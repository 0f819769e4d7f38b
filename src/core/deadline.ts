import { setMaxListeners } from 'node:events'
import { inspect } from 'node:util'
import { wrongNumber, wrongType } from './argument-errors.ts'
import { AbortError, namedSystemError } from './errors.ts'
import { clearTimeout, setTimeout } from './timers.ts'

export interface DeadlineOptions {
  /** Aborts what is in flight; the promise rejects with an `AbortError` whose `cause` is the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until the promise rejects with `ETIMEDOUT`. Default: no limit. */
  readonly timeout?: number | undefined
}

/** Throws a `TypeError` or, for a timeout out of range, a `RangeError`. */
export function checkDeadline({ signal, timeout }: DeadlineOptions): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw wrongType('signal must be an AbortSignal')
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0 && timeout < 2 ** 31)) {
    throw wrongNumber(timeout, `timeout must be a number of milliseconds, 0 or more, not ${inspect(timeout)}`)
  }
}

export function hasDeadline({ signal, timeout }: DeadlineOptions): boolean {
  return signal !== undefined || timeout !== undefined
}

/** As `checkDeadline`; also throws an `AbortError` where the signal has fired already. */
export function enterDeadline(options: DeadlineOptions): void {
  checkDeadline(options)
  if (options.signal?.aborted) throw new AbortError(options.signal.reason)
}

/**
 * Waits under the caller's signal and timeout: the one place where both become errors. `begin` starts what is waited for
 * and returns how to give it up. Whatever settles first settles alone: its callbacks return false when they came too late.
 */
export function waitFor<T>(
  { signal, timeout }: DeadlineOptions,
  syscall: string,
  address: string | undefined,
  begin: (resolve: (value: T) => boolean, reject: (error: Error) => boolean) => (reason: Error) => void,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(new AbortError(signal.reason))
  return new Promise<T>((resolve, reject) => {
    let settled = false
    const settle = (action: () => void): boolean => {
      if (settled) return false
      settled = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      action()
      return true
    }
    const stop = (reason: Error): void => {
      if (settle(() => reject(reason))) giveUp(reason)
    }
    const onAbort = (): void => stop(new AbortError(signal?.reason))
    const onExpiry = (): void => stop(namedSystemError('ETIMEDOUT', syscall, address))
    if (signal !== undefined) {
      // Many may wait for one signal. Node 20 would print a MaxListenersExceededWarning.
      setMaxListeners(0, signal)
      signal.addEventListener('abort', onAbort, { once: true })
    }
    const timer = timeout === undefined ? undefined : setTimeout(onExpiry, timeout)
    const giveUp = begin(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    )
  })
}

/**
 * Runs `start` under the caller's signal and timeout. When they fire first, its own signal fires with the same error, and
 * what it still brings goes to `discard`.
 */
export function withDeadline<T>(
  options: DeadlineOptions,
  syscall: string,
  address: string | undefined,
  start: (signal: AbortSignal | undefined) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  if (!hasDeadline(options)) return start(undefined)
  return waitFor<T>(options, syscall, address, (resolve, reject) => {
    const controller = new AbortController()
    start(controller.signal).then((value) => {
      if (!resolve(value)) discard(value)
    }, reject)
    return (reason) => controller.abort(reason)
  })
}
