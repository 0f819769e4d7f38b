import { performance } from 'node:perf_hooks'

/** Where a conversation's time comes from, so that tests can make it. */
export interface Clock {
  /** Milliseconds since 1970, without ever jumping. */
  now(): number
  /** Calls back about every so many milliseconds, without drift; what it returns ends that. */
  every(milliseconds: number, tick: () => void): () => void
}

/** The time of day when the process started, and the steady clock from there. */
export const steadyClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  every: (milliseconds, tick) => {
    const started = performance.now()
    let timer: NodeJS.Timeout
    const wait = (): void => {
      const now = performance.now()
      // Each wait ends at a multiple of the period, however late the one before it ended. setTimeout(3) itself cuts to
      // whole milliseconds, and would end a little before.
      const due = started + (Math.floor((now - started) / milliseconds) + 1) * milliseconds
      timer = setTimeout(
        () => {
          wait()
          tick()
        },
        Math.ceil(due - now),
      )
    }
    wait()
    return () => clearTimeout(timer)
  },
}
