import { inspect } from 'node:util'
import type { AddressBase, AddressInput } from './address.ts'
import { wrongNumber, wrongType, wrongValue } from './argument-errors.ts'
import type { PeerCredentials } from './credentials.ts'
import { checkDeadline } from './deadline.ts'
import type { Handle } from './family.ts'
import { type RetryOptions, type RetryPolicy, retryPolicy } from './retry.ts'

/** Which machinery moves the bytes: our addon, or Node's own net and dgram modules. */
export type EngineName = 'kernel' | 'node'

/** A socket option by its numbers, for those that have no name here; see setsockopt(2). */
export interface RawOption {
  readonly level: number
  readonly name: number
  /** For reading: how many bytes to ask for. Default 4. */
  readonly length?: number
}

/**
 * Named socket options, each with its type. Families add theirs by declaration merging. A name that the scheme does
 * not know is `ERR_OPTION_UNKNOWN`. Each is applied at its phase: after socket(2), before bind, before listen, after accept.
 */
export interface SocketOptions {
  /** SO_RCVBUF in bytes. The kernel doubles it for its bookkeeping, and reads back the double; socket(7). */
  receiveBuffer?: number
  /** SO_SNDBUF in bytes; as with `receiveBuffer`. */
  sendBuffer?: number
  /** Datagrams: messages tell when the kernel took them in, as `timestamp`. Default false. SO_TIMESTAMPNS, socket(7). */
  receiveTimestamp?: boolean
}

/** Options of `connect`, `bind`, and the base of those of `listen`. */
export interface OpenOptions extends SocketOptions {
  /** Aborts what is in flight: the promise rejects with an `AbortError` and the socket is closed. */
  signal?: AbortSignal
  /** Milliseconds until the operation fails with `ETIMEDOUT`. Default: none of ours, the system's applies. */
  timeout?: number
  /** Forces an engine. Default: `kernel` where the addon is there, else `node`. */
  engine?: EngineName
  /** The address to bind to before connecting. */
  local?: AddressInput
  /** Streams: keep our side open after the peer ended its own. Default false, as in `node:net`. */
  allowHalfOpen?: boolean
  /** Streams: bytes buffered in each direction before backpressure. Default 65,536. */
  highWaterMark?: number
  /**
   * Datagrams: messages that may wait to be received. Default 4,096. The queue is also full at 6 MiB, which counts 512 bytes for
   * each message besides its data, and at 64 descriptors. When it is full, a reliable scheme stops reading; any other drops.
   */
  receiveQueue?: number
  /** Datagrams: messages that wait to be sent. Default 1,024. */
  sendQueue?: number
  /**
   * unixgram, unixpacket: messages bring the descriptors that were sent with them, as `fds`. Default false: the system closes
   * them. `ERR_UNSUPPORTED` for any other scheme; a stream has its event 'fds' instead.
   */
  receiveFds?: boolean
}

/** Options of `connect` and `createConnection`. */
export interface ConnectOptions extends OpenOptions {
  /**
   * Tries again while nobody answers: `true`, how many tries in all, or `RetryOptions`. `signal` and `timeout` hold for all
   * of it, pauses included. The last error is thrown, with the number of tries as its `attempts`. Default: one try.
   */
  retry?: boolean | number | RetryOptions
}

export interface ListenOptions extends OpenOptions {
  /** Connections that may wait in the kernel; listen(2). Default 511, as in Node. */
  backlog?: number
  /** Connections that may be open at a time; one more is closed at once and reported by 'drop'. Default: no limit. */
  maxConnections?: number
  /**
   * Decides by the process at the other end whether a connection may be. Where it gives anything but `true`, the connection is
   * closed before a byte of it is read, and reported by 'drop'. `ERR_UNSUPPORTED` where the family does not know its peers.
   */
  allow?: (peer: PeerCredentials) => boolean
}

/** Options of `discover`; families have more of their own. */
export interface DiscoverOptions {
  /** Ends the search: the iteration throws an `AbortError`. */
  signal?: AbortSignal
  /** Milliseconds to search for; the iteration then ends. Default: until it is left. */
  timeout?: number
}

/** What a family gets: the caller's options, checked, with the parts that are core's business taken out. */
export interface OpenRequest<A> {
  /** Fires on the caller's abort and on the timeout; the family closes what it opened and rejects with `signal.reason`. */
  readonly signal: AbortSignal | undefined
  readonly engine: EngineName | undefined
  /** To bind to before connecting. */
  readonly local: A | undefined
  /** Told of each socket before it connects, where there is one by then: to `ref`, `unref` or look at, not to close. */
  readonly onSocket?: ((socket: Handle<AddressBase>) => void) | undefined
  /** Everything else by name: socket options, and options of the family's own. */
  readonly options: Readonly<Record<string, unknown>>
}

export interface ListenRequest<A> extends OpenRequest<A> {
  readonly backlog: number
}

/** The options that are core's own business; the rest is the family's. */
export const CORE_OPTIONS: readonly string[] = [
  'signal',
  'timeout',
  'engine',
  'local',
  'allowHalfOpen',
  'highWaterMark',
  'receiveQueue',
  'sendQueue',
  'receiveFds',
  'backlog',
  'maxConnections',
  'allow',
]

/** Throws a `TypeError` or, for a number out of range, a `RangeError`. */
export function checkOpenOptions(options: OpenOptions): void {
  if (typeof options !== 'object' || options === null) throw wrongType('options must be an object')
  checkDeadline(options)
  const { engine, allowHalfOpen, receiveFds } = options
  if (engine !== undefined && engine !== 'kernel' && engine !== 'node')
    throw wrongValue(`engine must be 'kernel' or 'node', not ${inspect(engine)}`)
  if (allowHalfOpen !== undefined && typeof allowHalfOpen !== 'boolean')
    throw wrongType('allowHalfOpen must be a boolean')
  if (receiveFds !== undefined && typeof receiveFds !== 'boolean') throw wrongType('receiveFds must be a boolean')
  checkCount(options, 'highWaterMark')
  checkCount(options, 'receiveQueue')
  checkCount(options, 'sendQueue')
}

/** The options of one try, and how to try again if at all. */
export function splitConnectOptions(options: ConnectOptions): { once: OpenOptions; policy: RetryPolicy | undefined } {
  checkOpenOptions(options)
  const { retry, ...once } = options
  return { once, policy: retryPolicy(retry) }
}

export function checkListenOptions(options: ListenOptions): void {
  checkOpenOptions(options)
  checkCount(options, 'backlog')
  const { maxConnections, allow } = options
  if (allow !== undefined && typeof allow !== 'function') throw wrongType('allow must be a function')
  if (maxConnections !== Number.POSITIVE_INFINITY) checkCount(options, 'maxConnections')
}

function checkCount<K extends string>(options: { [key in K]?: number }, name: K): void {
  const value = options[name]
  if (value === undefined) return
  const isCount = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31
  if (!isCount) throw wrongNumber(value, `${name} must be a whole number, 0 or more, not ${inspect(value)}`)
}

/** What is left for the family: socket options and its own. Those that are `undefined` count as not given. */
export function familyOptions(options: OpenOptions): Readonly<Record<string, unknown>> {
  const rest = Object.entries(options).filter(([name, value]) => !CORE_OPTIONS.includes(name) && value !== undefined)
  return Object.fromEntries(rest)
}
