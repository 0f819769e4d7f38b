import { clearTimeout, setTimeout } from '../core/timers.ts'

/** RFC 8305, section 5: the recommended Connection Attempt Delay, in milliseconds. */
const ATTEMPT_DELAY = 250

/**
 * Connects to whichever of several addresses answers first, as RFC 8305 ("Happy Eyeballs") says: attempts start one after
 * the other, the next one when the last has failed or {@link ATTEMPT_DELAY} has passed, and run side by side. The first
 * success wins; the others are aborted, and what they still bring goes to `discard`. When all fail, the first one's error
 * is thrown, as that address was preferred, with all of them as its cause.
 */
export async function race<A, T>(
  candidates: readonly A[],
  signal: AbortSignal | undefined,
  attempt: (candidate: A, signal: AbortSignal | undefined) => Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  const [only] = candidates
  if (only !== undefined && candidates.length === 1) return attempt(only, signal)

  const stop = new AbortController()
  const attemptSignal = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal])
  return new Promise<T>((resolve, reject) => {
    const errors: Error[] = []
    let next = 0
    let settled = false
    let timer: NodeJS.Timeout | undefined

    const settle = (): void => {
      settled = true
      clearTimeout(timer)
      stop.abort()
    }
    const failed = (index: number, error: Error): void => {
      errors[index] = error
      if (settled) return
      const failures = errors.filter((each) => each !== undefined)
      if (signal?.aborted || failures.length === candidates.length) {
        settle()
        const first = errors[0] ?? error
        if (failures.length > 1 && first.cause === undefined) first.cause = new AggregateError(failures)
        reject(signal?.aborted ? signal.reason : first)
      } else {
        startNext()
      }
    }
    const startNext = (): void => {
      clearTimeout(timer)
      const index = next++
      const candidate = candidates[index]
      if (candidate === undefined) return
      if (next < candidates.length) timer = setTimeout(startNext, ATTEMPT_DELAY)
      attempt(candidate, attemptSignal).then(
        (result) => {
          if (settled) {
            discard(result)
            return
          }
          settle()
          resolve(result)
        },
        (error: Error) => failed(index, error),
      )
    }
    startNext()
  })
}
