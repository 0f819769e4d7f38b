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
    let due = started + milliseconds
    let timer: NodeJS.Timeout
    const wait = (): void => {
      timer = setTimeout(fire, Math.ceil(due - performance.now()))
    }
    const fire = (): void => {
      const now = performance.now()
      // Timers count from when the event loop looked at the clock last, so under load they may end early.
      const isDue = now >= due
      // The next multiple of the period, however late this one is.
      if (isDue) due = started + (Math.floor((now - started) / milliseconds) + 1) * milliseconds
      wait()
      if (isDue) tick()
    }
    wait()
    return () => clearTimeout(timer)
  },
}
