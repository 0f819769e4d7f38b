import { clearImmediate, clearTimeout, performance, setImmediate, setInterval, setTimeout } from '../../core/timers.ts'

/** The longest that setTimeout can wait; an alarm for later is set again when that is over. */
const LONGEST = 2 ** 31 - 1

/**
 * Calls back once at the earliest of the times that it was set to, never inside `set`. One for each queue: a callback
 * takes everything that is due by then, so that a thousand messages of one turn cost one callback.
 *
 * Times are those of `performance.now()`.
 */
export class Alarm {
  readonly #ring: () => void
  #at = Number.POSITIVE_INFINITY
  #immediate: NodeJS.Immediate | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(ring: () => void) {
    this.#ring = ring
  }

  /** Rings at `at`, or sooner where it was set to that already. 0 and any time that has passed mean: in this turn's end. */
  set(at: number): void {
    if (at >= this.#at) return
    this.cancel()
    this.#at = at
    const wait = at === 0 ? 0 : at - performance.now()
    // An immediate must hold the loop: one that does not is left waiting while the loop sleeps. It is over in a turn.
    if (wait <= 0) this.#immediate = setImmediate(this.#fire)
    else this.#timer = setTimeout(this.#fire, Math.min(Math.ceil(wait), LONGEST)).unref()
  }

  cancel(): void {
    if (this.#immediate !== undefined) clearImmediate(this.#immediate)
    if (this.#timer !== undefined) clearTimeout(this.#timer)
    this.#forget()
  }

  readonly #fire = (): void => {
    this.#forget()
    this.#ring()
  }

  #forget(): void {
    this.#at = Number.POSITIVE_INFINITY
    this.#immediate = undefined
    this.#timer = undefined
  }
}

/** How many holds keep the process alive, by way of one timer that does nothing. */
let holds = 0
let heart: NodeJS.Timeout | undefined

/** Keeps the process alive while its socket waits and is not unreferenced, as a socket of the kernel's does. */
export class Hold {
  #waiting = false
  #referenced = true
  #held = false

  wait(waiting: boolean): void {
    this.#waiting = waiting
    this.#update()
  }

  ref(): void {
    this.#referenced = true
    this.#update()
  }

  unref(): void {
    this.#referenced = false
    this.#update()
  }

  #update(): void {
    const held = this.#waiting && this.#referenced
    if (held === this.#held) return
    this.#held = held
    holds += held ? 1 : -1
    heart ??= setInterval(() => {}, LONGEST).unref()
    if (holds === 0) heart.unref()
    else if (holds === 1) heart.ref()
  }
}

/**
 * Waits for `begin` to call back, or for the signal, which rejects with its reason. `begin` returns what undoes it;
 * that is called however the waiting ends. Keeps the process alive meanwhile.
 */
export function waitFor<T>(
  signal: AbortSignal | undefined,
  begin: (resolve: (value: T) => void, reject: (error: Error) => void) => () => void,
): Promise<T> {
  const hold = new Hold()
  let undo = (): void => {}
  let onAbort = (): void => {}
  return new Promise<T>((resolve, reject) => {
    signal?.throwIfAborted()
    hold.wait(true)
    onAbort = () => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort)
    undo = begin(resolve, reject)
  }).finally(() => {
    hold.wait(false)
    signal?.removeEventListener('abort', onAbort)
    undo()
  })
}

/** At least one turn of the event loop. */
export function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return waitFor<void>(signal, (resolve) => {
    const alarm = new Alarm(resolve)
    alarm.set(milliseconds === 0 ? 0 : performance.now() + milliseconds)
    return () => alarm.cancel()
  })
}
