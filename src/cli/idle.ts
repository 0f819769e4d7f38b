import { clearTimeout, setTimeout } from '../core/timers.ts'
import type { StreamEndpoint } from '../index.ts'

/** As socat's -t: how long answers are waited for after the last that was sent, where an end cannot be told alone. */
export const LINGER = 500

/**
 * Ends a stream without half close, whose end is that of both directions, once nothing came or went for a while: answers to
 * what was sent last may be under way. What waits to be sent goes out first.
 */
export function endWhenQuiet(endpoint: StreamEndpoint): void {
  endpoint.setTimeout(LINGER, () => endpoint.end())
}

/** Calls back once nothing happened for a while. Does nothing until it is armed. */
export class IdleTimer {
  #timer: NodeJS.Timeout | undefined
  #onIdle: () => void

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle
  }

  /** Begins to count, or counts anew with another limit. `undefined`: no limit. */
  arm(milliseconds: number | undefined): void {
    this.stop()
    if (milliseconds !== undefined) this.#timer = setTimeout(this.#onIdle, milliseconds)
  }

  /** Something happened. */
  touch(): void {
    this.#timer?.refresh()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
