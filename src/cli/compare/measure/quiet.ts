import { sleep } from '../../../core/timers.ts'

const STEP = 25

type Pause = (ms: number) => Promise<unknown>

/**
 * Waits until it `isOver`, or until the `count` has stood still for `quiet` milliseconds. They are counted in short steps,
 * each of which lets the event loop deliver what has come: where the machine stands still for a second, that is one step.
 */
export async function untilQuiet(
  quiet: number,
  count: () => number,
  isOver: () => boolean,
  pause: Pause,
): Promise<void> {
  const step = Math.min(STEP, quiet)
  let last = count()
  let left = quiet
  while (left > 0 && !isOver()) {
    await pause(step)
    const now = count()
    left = now === last ? left - step : quiet
    last = now
  }
}

/** A pause that ends, with an error, when the signal fires. */
export function pauseUntil(signal: AbortSignal): Pause {
  return (ms) => sleep(ms, undefined, { signal })
}
