import { AbortError, namedSystemError } from './errors.ts'

export interface DeadlineOptions {
  /** Aborts what is in flight; the promise rejects with an `AbortError` whose `cause` is the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Milliseconds until the promise rejects with `ETIMEDOUT`. Default: no limit. */
  readonly timeout?: number | undefined
}

/** Throws a `TypeError` unless both are of their type. */
export function checkDeadline({ signal, timeout }: DeadlineOptions): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw new TypeError('signal must be an AbortSignal')
  if (timeout !== undefined && !(typeof timeout === 'number' && timeout >= 0 && timeout < 2 ** 31)) {
    throw new TypeError('timeout must be a number of milliseconds, 0 or more')
  }
}

/**
 * Runs `start` under the caller's signal and timeout: the one place where both become errors. When they fire first, the
 * promise rejects at once, `start`'s own signal fires with the same error, and what it still brings goes to `discard`.
 */
export async function withDeadline<T>(
  options: DeadlineOptions,
  syscall: string,
  address: string | undefined,
  start: (signal: AbortSignal | undefined) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  const { signal, timeout } = options
  if (signal?.aborted) throw new AbortError(signal.reason)
  if (signal === undefined && timeout === undefined) return start(undefined)

  const controller = new AbortController()
  const onAbort = () => controller.abort(new AbortError(signal?.reason))
  signal?.addEventListener('abort', onAbort, { once: true })
  const expire = () => controller.abort(namedSystemError('ETIMEDOUT', syscall, address))
  const timer = timeout === undefined ? undefined : setTimeout(expire, timeout)

  const stopped = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true })
  })
  const work = start(controller.signal)
  work.then(
    (late) => controller.signal.aborted && discard(late),
    () => undefined,
  )
  try {
    return await Promise.race([work, stopped])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}
