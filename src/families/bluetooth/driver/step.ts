import { clearTimeout, setTimeout } from '../../../core/timers.ts'

/** One wait that cannot last for ever. */
export interface Step<T> {
  readonly signal?: AbortSignal | undefined
  /** Milliseconds. */
  readonly limit: number
  /** The error when the limit is reached. */
  readonly expired: () => Error
  /** Starts what is waited for. Returns how to clean up, which is called once, however it ended. */
  readonly begin: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void
}

/** Settles with whatever comes first. Rejects with `signal.reason` when the signal fires. */
export function step<T>({ signal, limit, expired, begin }: Step<T>): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise<T>((resolve, reject) => {
    let over = false
    let cleanUp: (() => void) | undefined
    const settle = (action: () => void): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      cleanUp?.()
      action()
    }
    const onAbort = (): void => settle(() => reject(signal?.reason))
    const timer = setTimeout(() => settle(() => reject(expired())), limit)
    signal?.addEventListener('abort', onAbort, { once: true })
    const stop = begin(
      (value) => settle(() => resolve(value)),
      (error) => settle(() => reject(error)),
    )
    if (over) stop()
    else cleanUp = stop
  })
}
