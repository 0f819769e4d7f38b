import { inspect } from 'node:util'
import { wrongNumber, wrongType } from './argument-errors.ts'
import { unknownOption } from './errors.ts'

/** When to try again, and how long to wait before it. */
export interface RetryOptions {
  /** Tries in all, the first one included. Default: no limit; then only success, `signal`, `timeout` and `when` end them. */
  readonly attempts?: number | undefined
  /** Milliseconds that one try may take; it then fails with `ETIMEDOUT`. `Infinity` for no limit. Default 30,000. */
  readonly attemptTimeout?: number | undefined
  /** Milliseconds between the first try and the second, before `jitter`. Default 100. */
  readonly minDelay?: number | undefined
  /** Milliseconds that a pause may have at most. Default 30,000. */
  readonly maxDelay?: number | undefined
  /** How much longer each pause is than the one before it. Default 2. */
  readonly factor?: number | undefined
  /**
   * The part of each pause that is left to chance, 0 to 1, so that clients that lost one server do not all come back
   * together. Default 1, a pause of any length up to the full one: "full jitter" of the AWS Architecture Blog,
   * "Exponential Backoff And Jitter". 0.5 is its "equal jitter", 0 always waits the full length.
   */
  readonly jitter?: number | undefined
  /**
   * Whether to try again after the error of try number `attempt` (from 1). Default: `isTransient`. Where a name may be
   * registered later, as in a container network: `(error) => isTransient(error) || error.code === 'ENOTFOUND'`.
   */
  readonly when?: ((error: NodeJS.ErrnoException, attempt: number) => boolean) | undefined
  /** Told before each pause. */
  readonly onRetry?: ((retry: Retry) => void) | undefined
}

/** A try that failed, and what follows. */
export interface Retry {
  /** Tries until now: 1 when the first one failed. */
  readonly attempt: number
  /** Milliseconds until the next. */
  readonly delay: number
  readonly error: Error
}

/** With every default filled in. */
export type RetryPolicy = Required<{ [K in keyof RetryOptions]: NonNullable<RetryOptions[K]> }>

const DEFAULTS: RetryPolicy = {
  attempts: Number.POSITIVE_INFINITY,
  attemptTimeout: 30_000,
  minDelay: 100,
  maxDelay: 30_000,
  factor: 2,
  jitter: 1,
  when: isTransient,
  onRetry: () => undefined,
}

/** Nobody there, not yet, or not any more; or too much at once. Told by the system, a name server or a Bluetooth device. */
const TRANSIENT: ReadonlySet<string> = new Set([
  // Our own port, while the last connection from it lingers (TIME_WAIT of tcp), or all ports while there are too many.
  'EADDRINUSE',
  'EADDRNOTAVAIL',
  'EAGAIN',
  'EAI_AGAIN',
  'EBUSY',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'EMFILE',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'ENFILE',
  'ENOBUFS',
  // The path of a Unix socket: the server has not made it yet.
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
])

/**
 * Whether an error of connecting may pass by itself: `ECONNREFUSED`, `ENOENT` (of a Unix path), `ECONNRESET`, `ETIMEDOUT`,
 * `EHOSTUNREACH`, `EHOSTDOWN`, `ENETUNREACH`, `ENETDOWN`, `ENETRESET`, `EAI_AGAIN`, `ECONNABORTED`, `EPIPE`, `EAGAIN`, `EBUSY`,
 * an own address or port that is still in use (`EADDRINUSE`, `EADDRNOTAVAIL`), and a lack of descriptors or buffers (`EMFILE`,
 * `ENFILE`, `ENOBUFS`). An address that cannot be, a name that does not exist (`ENOTFOUND`), a missing permission or misuse
 * do not.
 */
export function isTransient(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code !== undefined && TRANSIENT.has(code)
}

/** Reads `retry`; `undefined` for no retries. Throws a `TypeError`, a `RangeError`, or `ERR_OPTION_UNKNOWN`. */
export function retryPolicy(retry: boolean | number | RetryOptions | undefined): RetryPolicy | undefined {
  if (retry === undefined || retry === false) return undefined
  const options = retry === true ? {} : typeof retry === 'number' ? { attempts: retry } : retry
  if (typeof options !== 'object' || options === null) throw wrongType('retry must be a boolean, a number or an object')
  checkNames('retry', options, DEFAULTS)
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const policy: RetryPolicy = { ...DEFAULTS, ...Object.fromEntries(given) }
  if (policy.attempts !== Number.POSITIVE_INFINITY) check(policy, 'attempts', isCount, 'a whole number, 1 or more')
  if (policy.attemptTimeout !== Number.POSITIVE_INFINITY) check(policy, 'attemptTimeout', isTime, MILLISECONDS)
  check(policy, 'minDelay', isTime, MILLISECONDS)
  check(policy, 'maxDelay', isTime, MILLISECONDS)
  check(policy, 'factor', (value) => Number.isFinite(value) && (value as number) >= 1, 'a number, 1 or more')
  check(policy, 'jitter', (value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number, 0 to 1')
  check(policy, 'when', isFunction, 'a function')
  check(policy, 'onRetry', isFunction, 'a function')
  return policy
}

/** Throws `ERR_OPTION_UNKNOWN` for a name in `options` that is none of those in `known`. */
export function checkNames(what: string, options: object, known: object): void {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(known, name)) throw unknownOption(what, name, Object.keys(known))
  }
}

const MILLISECONDS = 'a number of milliseconds, 0 or more'

function check(policy: RetryPolicy, name: keyof RetryPolicy, isRight: (value: unknown) => boolean, what: string): void {
  const value = policy[name]
  if (!isRight(value)) throw wrongNumber(value, `retry.${name} must be ${what}, not ${inspect(value)}`)
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < 2 ** 31
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}
