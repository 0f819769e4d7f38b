import { clearInterval, setInterval } from '../core/timers.ts'
import { invalidVariable, isForUs, readCount } from './environment.ts'
import { post } from './notify-socket.ts'

/** The longest that a timer of Node's can wait. */
const LONGEST = 2 ** 31 - 1

export interface WatchdogOptions {
  /** Asked before each ping: false leaves it out, so that systemd ends a service which knows that it is ill. */
  check?: () => boolean
  /**
   * Called for a ping that could not be sent. The next one is tried all the same. Default: a warning of the process.
   */
  onError?: (error: Error) => void
}

/** Pings until it is stopped. It does not keep the process alive. */
export interface Watchdog extends Disposable {
  /** Milliseconds between two pings: half of the time after which systemd gives the service up. */
  readonly interval: number
  stop(): void
}

/**
 * Tells systemd at regular times that this process is alive: `WATCHDOG=1`, at once and then at half of `WatchdogSec=`,
 * as sd_watchdog_enabled(3) recommends. Pings come from the event loop, so one that is blocked is noticed. `undefined`
 * where nobody asks for it: WATCHDOG_USEC is not set, or WATCHDOG_PID names another process. Throws EINVAL for
 * variables that cannot be.
 */
export function watchdog({ check, onError = warn }: WatchdogOptions = {}): Watchdog | undefined {
  const microseconds = readCount('WATCHDOG_USEC')
  if (microseconds === undefined) return undefined
  if (process.env.WATCHDOG_PID !== undefined && !isForUs('WATCHDOG_PID')) return undefined
  if (microseconds < 2000) {
    throw invalidVariable('WATCHDOG_USEC', String(microseconds), 'half of it is less than the millisecond of a timer')
  }
  const interval = Math.min(Math.floor(microseconds / 2000), LONGEST)
  const stopped = new AbortController()
  /** A manager that is stuck takes no ping. The one that waits is as good as any that would wait behind it. */
  let isWaiting = false
  const send = async (): Promise<void> => {
    isWaiting = true
    try {
      await post('WATCHDOG=1', { keepsAlive: false, signal: stopped.signal })
    } catch (error) {
      if (!stopped.signal.aborted) onError(error as Error)
    } finally {
      isWaiting = false
    }
  }
  // What `check` throws is thrown here, or is the timer's uncaught exception.
  const ping = (): void => {
    if ((check === undefined || check()) && !isWaiting) void send()
  }
  ping()
  const timer = setInterval(ping, interval).unref()
  const stop = (): void => {
    clearInterval(timer)
    stopped.abort()
  }
  return { interval, stop, [Symbol.dispose]: stop }
}

function warn(error: Error): void {
  process.emitWarning(`the watchdog's ping was not sent: ${error.message}`)
}
