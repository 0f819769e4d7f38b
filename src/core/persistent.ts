import { EventEmitter } from 'node:events'
import { wrongNumber, wrongType } from './argument-errors.ts'
import { type Carrier, carrierOf } from './carrier.ts'
import type { DatagramEndpoint } from './datagram.ts'
import { checkDeadline, type DeadlineOptions, enterDeadline, hasDeadline, waitFor } from './deadline.ts'
import { AbortError, namedSystemError, SocketError, socketClosed } from './errors.ts'
import { checkOpenOptions, type OpenOptions } from './options.ts'
import { type Dropped, type Letter, Outbox, type OutboxOptions } from './outbox.ts'
import { type Retry, type RetryOptions, type RetryPolicy, retryPolicy } from './retry.ts'
import { toBytes } from './sender.ts'
import type { StreamEndpoint } from './stream.ts'
import { clearTimeout, performance, setTimeout } from './timers.ts'
import { type Pause, Tries, withRetries } from './tries.ts'

/** Options of `persistent`: those of each connection, and when to make the next. */
export interface PersistentOptions<E = StreamEndpoint | DatagramEndpoint> extends OpenOptions {
  /** Closes it, for good: `connection` and iteration throw an `AbortError`. */
  signal?: AbortSignal
  /** Milliseconds that it may take to connect, at first and after each loss; it then gives up with `ETIMEDOUT`. Default: no limit. */
  timeout?: number
  /**
   * How to try again. `attempts` counts tries in a row, a connection that did not last `stableAfter` being one more that
   * failed. Whatever ended a connection, another is tried; `when` is asked about tries that made none.
   */
  retry?: RetryOptions
  /** Milliseconds that a connection has to last until the pauses begin with the shortest again. Default 5,000. */
  stableAfter?: number
  /** What may wait while there is no connection, or while it takes no more. */
  outbox?: OutboxOptions
  /**
   * Makes a new connection ready: logs in, subscribes. Before it is done (when its promise resolves) the connection counts
   * for nothing: 'connect' is not emitted, the outbox waits. Where it throws, the try has failed with that error; where the
   * connection is lost meanwhile, with `ECONNABORTED` or the connection's own.
   */
  prepare?(endpoint: E): unknown
}

export interface PersistentEventMap<E> {
  /** There is a connection. What a listener writes to it at once goes before what waits in the outbox. */
  connect: [endpoint: E]
  /** The connection is lost or closed; the error where one is known. Once for each 'connect'. */
  disconnect: [error: Error | undefined]
  /** A try has failed, or a connection was lost: another try follows in `delay` milliseconds. */
  retry: [retry: Retry]
  /** A message was not sent, or it is not known whether it was. `send` rejects with the same error. */
  drop: [dropped: Dropped]
  /** It gave up, and is closed. Not thrown for want of a listener where `connection` or an iteration tells it. */
  error: [error: Error]
  close: []
}

interface Waiter<E> {
  resolve(endpoint: E): unknown
  reject(error: Error): unknown
}

/** What it is made of: an address's text, and one try to connect to it. */
export interface PersistentSource<E> {
  readonly address: string
  readonly open: (signal: AbortSignal | undefined) => Promise<E>
}

const DEFAULT_STABLE_AFTER = 5000
/** As in `DatagramEndpoint`. */
const DEFAULT_SEND_QUEUE = 1024

/**
 * Keeps a connection to one address: connects, and connects again when the connection is lost, with growing pauses. Each
 * connection is an endpoint of its own, told by 'connect', by iteration, or by `connection`.
 *
 * `send` sends a message on whichever connection there is, and keeps it until there is one. A message is never split over
 * two connections and never sent twice, so it is sent once or not at all: what the system had taken when a connection broke
 * may or may not have arrived.
 *
 * A lost connection is noticed as its endpoint notices it: by reading (a stream's end comes after its last byte; messages
 * are read when somebody receives), or by the next `send`. Who only sends on a stream calls `endpoint.resume()`. For a host
 * that vanishes there is TCP's keep-alive. A scheme that is neither connected nor reliable (udp) has nothing to lose.
 */
export class PersistentConnection<E extends StreamEndpoint | DatagramEndpoint = StreamEndpoint | DatagramEndpoint>
  extends EventEmitter<PersistentEventMap<E>>
  implements AsyncDisposable
{
  readonly #source: PersistentSource<E>
  readonly #options: PersistentOptions<E>
  readonly #tries: Tries
  readonly #outbox: Outbox
  readonly #waiters = new Set<Waiter<E>>()
  readonly #stop = new AbortController()
  readonly #ended: Promise<void>
  #iterations = 0
  #carrier: Carrier<E> | undefined
  #timer: NodeJS.Timeout | undefined
  #referenced = true
  #closed = false
  #failure: Error | undefined

  /** Made by `persistent`. */
  constructor(source: PersistentSource<E>, options: PersistentOptions<E>) {
    super()
    const policy = retryPolicy(options.retry === undefined ? true : options.retry) as RetryPolicy
    const onRetry = (retry: Retry): void => {
      policy.onRetry(retry)
      this.emit('retry', retry)
    }
    this.#source = source
    this.#options = options
    this.#tries = new Tries({ ...policy, onRetry })
    this.#outbox = new Outbox(options.outbox === undefined ? {} : options.outbox, (dropped) =>
      process.nextTick(() => this.emit('drop', dropped)),
    )
    this.#ended = this.#live()
  }

  // ── The connection

  /** The connection that there is; `undefined` while there is none. */
  get endpoint(): E | undefined {
    return this.#carrier?.isOpen ? this.#carrier.endpoint : undefined
  }

  /**
   * The connection that there is, or the next one. Rejects on abort and timeout, with `ERR_SOCKET_CLOSED` once it is closed,
   * and with the error for which it gave up.
   */
  async connection(options: DeadlineOptions = {}): Promise<E> {
    enterDeadline(options)
    return this.endpoint ?? this.#next(options)
  }

  async #next(options: DeadlineOptions): Promise<E> {
    if (this.#closed) throw this.#failure ?? socketClosed('connection')
    return waitFor<E>(options, 'connection', this.#source.address, (resolve, reject) => {
      const waiter = { resolve, reject }
      this.#waiters.add(waiter)
      return () => this.#waiters.delete(waiter)
    })
  }

  /**
   * Connection after connection, each once: the one that there is, then every new one. One that came and went while the
   * loop was busy is left out. Ends when it is closed, throws when it gives up. Leaving the loop closes nothing.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    this.#iterations++
    try {
      for (let last: E | undefined; ; ) {
        const current = this.endpoint
        last = current !== undefined && current !== last ? current : await this.#next({})
        yield last
      }
    } catch (error) {
      if (!this.#closed || this.#failure !== undefined) throw error
    } finally {
      this.#iterations--
    }
  }

  // ── Sending

  /**
   * Sends one message, or, on a stream, these bytes without anything between them. Resolves when the system has taken it,
   * which is not when it has arrived. The bytes must stay as they are until then.
   *
   * Rejects with `ERR_QUEUE_FULL` when there is no room in the outbox, with `ERR_SOCKET_CLOSED` when it is closed first (what
   * it gave up for is the `cause`), on abort and timeout: in these cases a message that had still to wait is not sent. Otherwise
   * with the connection's error: the message was refused (`EMSGSIZE`), or the connection broke while it was on its way, and
   * nobody knows whether it arrived.
   * All but what comes after closing is told by 'drop', too, so that a promise that nobody looks at ends no process.
   */
  send(data: Uint8Array | string, options: DeadlineOptions = {}): Promise<void> {
    let bytes: Uint8Array
    try {
      checkDeadline(options)
      bytes = toBytes(data)
    } catch (misuse) {
      return Promise.reject(misuse)
    }
    const sending = this.#post(bytes, options)
    sending.catch(() => undefined)
    return sending
  }

  #post(data: Uint8Array, options: DeadlineOptions): Promise<void> {
    if (this.#closed) return Promise.reject(socketClosed('send', this.#failure))
    // The outbox may replace `data` by a copy; only the parcel may hold the original, or its block would stay.
    const parcel = { data }
    return waitFor<void>(options, 'send', this.#source.address, (resolve, reject) => {
      const giveUp = hasDeadline(options) ? new AbortController() : undefined
      const letter: Letter = Object.assign(parcel, { signal: giveUp?.signal, sent: () => resolve(), failed: reject })
      if (this.#outbox.messages === 0 && this.#carrier?.hasRoom) this.#carrier.carry(letter)
      else this.#outbox.add(letter)
      return (reason) => {
        giveUp?.abort(reason)
        this.#outbox.withdraw(letter, reason)
      }
    })
  }

  /** What waits in the outbox. */
  get queued(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#outbox.messages, bytes: this.#outbox.bytes }
  }

  readonly #pump = (): void => {
    while (this.#carrier?.hasRoom) {
      const letter = this.#outbox.take()
      if (letter === undefined) return
      this.#carrier.carry(letter)
    }
  }

  // ── Its life

  async #live(): Promise<void> {
    const { signal } = this.#options
    const onAbort = (): void => this.#shut(new AbortError(signal?.reason))
    if (signal?.aborted) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
    let failure: Error | undefined
    let isTold = false
    try {
      while (!this.#closed) await this.#liveOnce()
    } catch (error) {
      if (!this.#closed) {
        failure = error as Error
        isTold = this.#waiters.size > 0 || this.#iterations > 0
        this.#shut(failure)
      }
    }
    signal?.removeEventListener('abort', onAbort)
    await new Promise<void>((resolve) => {
      process.nextTick(() => {
        resolve()
        try {
          if (failure !== undefined && (!isTold || this.listenerCount('error') > 0)) this.emit('error', failure)
        } finally {
          this.emit('close')
        }
      })
    })
  }

  /** From the first try to the end of the connection that came of it, and the pause before the next. */
  async #liveOnce(): Promise<void> {
    const { stableAfter = DEFAULT_STABLE_AFTER, timeout } = this.#options
    const { signal } = this.#stop
    const { address } = this.#source
    const carrier = await withRetries(
      { signal, timeout },
      this.#tries,
      address,
      (trying) => this.#attempt(trying),
      (late) => late.close(),
      this.#pause,
    )
    if (this.#closed) {
      carrier.close()
      return
    }
    const start = performance.now()
    const error = await this.#keep(carrier)
    this.emit('disconnect', error)
    if (this.#closed) return
    if (performance.now() - start >= stableAfter) this.#tries.reset()
    const reason = error ?? new SocketError('ERR_SOCKET_CLOSED', `${address} has closed the connection`, { address })
    if (this.#tries.areUsedUp) throw reason
    await this.#pause(this.#tries.announcePause(reason), signal)
  }

  async #attempt(signal: AbortSignal | undefined): Promise<Carrier<E>> {
    const { prepare, sendQueue = DEFAULT_SEND_QUEUE } = this.#options
    const carrier = carrierOf(await this.#source.open(signal), sendQueue, this.#outbox, this.#pump)
    if (prepare === undefined) return carrier
    const close = (): void => carrier.close()
    signal?.addEventListener('abort', close, { once: true })
    let failure: unknown
    try {
      await Promise.race([prepare(carrier.endpoint), carrier.over])
      if (carrier.isOpen) return carrier
    } catch (error) {
      if (carrier.isOpen) {
        carrier.close()
        throw error
      }
      failure = error
    } finally {
      signal?.removeEventListener('abort', close)
    }
    // What `prepare` says then is only that its connection was lost.
    carrier.close()
    const { error } = await carrier.over
    throw error ?? namedSystemError('ECONNABORTED', 'connect', this.#source.address, failure)
  }

  /** Resolves when the connection is over, to its error. */
  async #keep(carrier: Carrier<E>): Promise<Error | undefined> {
    this.#carrier = carrier
    try {
      this.#announce(carrier.endpoint)
      await carrier.over
    } finally {
      // Over it is, unless a listener has thrown.
      carrier.close()
      const { unsent } = await carrier.over
      this.#carrier = undefined
      this.#outbox.putBack(unsent)
      if (this.#closed) this.#outbox.failAll(socketClosed('send', this.#failure))
    }
    return (await carrier.over).error
  }

  #announce(endpoint: E): void {
    if (!this.#referenced) endpoint.unref()
    const waiters = [...this.#waiters]
    this.#waiters.clear()
    for (const waiter of waiters) waiter.resolve(endpoint)
    this.emit('connect', endpoint)
    this.#pump()
  }

  readonly #pause: Pause = (milliseconds, signal) =>
    waitFor<void>({ signal }, 'connect', this.#source.address, (resolve) => {
      const timer = setTimeout(() => resolve(), milliseconds)
      if (!this.#referenced) timer.unref()
      this.#timer = timer
      return () => clearTimeout(timer)
    })

  /** Keeps the process alive, as it does from the start. */
  ref(): this {
    this.#referenced = true
    this.#timer?.ref()
    this.endpoint?.ref()
    return this
  }

  /** Lets the process end although it is open; a try that is under way ends before. */
  unref(): this {
    this.#referenced = false
    this.#timer?.unref()
    this.endpoint?.unref()
    return this
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * Closes the connection that there is, as `destroy` does, and makes no further one; a second call does nothing. What waits
   * in the outbox fails with `ERR_SOCKET_CLOSED`. Resolves with 'close'.
   */
  close(): Promise<void> {
    this.#shut(undefined)
    return this.#ended
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #shut(failure: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#failure = failure
    this.#stop.abort()
    this.#carrier?.close()
    for (const waiter of this.#waiters) waiter.reject(failure ?? socketClosed('connection'))
    this.#waiters.clear()
    this.#outbox.failAll(socketClosed('send', failure))
  }
}

/** Throws a `TypeError` or a `RangeError`. `retry` and `outbox` are checked where they are read. */
export function checkPersistentOptions(options: PersistentOptions<never>): void {
  checkOpenOptions(options)
  const { stableAfter, prepare, retry } = options
  if (stableAfter !== undefined && !(typeof stableAfter === 'number' && stableAfter >= 0)) {
    throw wrongNumber(stableAfter, 'stableAfter must be a number of milliseconds, 0 or more')
  }
  if (prepare !== undefined && typeof prepare !== 'function') throw wrongType('prepare must be a function')
  if (retry !== undefined && typeof retry !== 'object') throw wrongType('retry must be an object')
}
