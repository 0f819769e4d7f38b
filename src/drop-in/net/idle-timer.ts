import { clearTimeout, setTimeout } from '../../core/timers.ts'

/** Fires after a while without a sign of life. It never keeps the process alive. */
export class IdleTimer {
  readonly #onIdle: () => void
  #timer: NodeJS.Timeout | undefined

  constructor(onIdle: () => void) {
    this.#onIdle = onIdle
  }

  /** Begins anew with so many milliseconds; 0 for never. */
  start(milliseconds: number): void {
    this.stop()
    if (milliseconds > 0) this.#timer = setTimeout(this.#onIdle, milliseconds).unref()
  }

  touch(): void {
    this.#timer?.refresh()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
