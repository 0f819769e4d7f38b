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
