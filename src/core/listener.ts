import { EventEmitter } from 'node:events'
import type { Address, AddressBase } from './address.ts'
import { type PeerCredentials, peerCredentialsOf } from './credentials.ts'
import { checkDeadline, type DeadlineOptions, waitFor } from './deadline.ts'
import { reportAccept, reportClose, reportError } from './diagnostics.ts'
import { socketClosed, unsupported } from './errors.ts'
import type { SchemeFacts } from './facts.ts'
import type { AnyHandle, ListenerHandle } from './family.ts'
import { Offer } from './hand-over.ts'
import type { RawOption, SocketOptions } from './options.ts'
import type { ListenerStats } from './stats.ts'
import type { StreamEndpoint } from './stream.ts'

/** What a listener accepts: `StreamEndpoint` or `DatagramEndpoint`, of which it needs only this. */
export interface Accepted {
  readonly local: Address | undefined
  readonly remote: Address | undefined
  on(event: 'close', listener: () => void): unknown
}

/** What `listen` gives a listener. */
export interface ListenerOptions {
  readonly maxConnections?: number | undefined
  readonly allow?: ((peer: PeerCredentials) => boolean) | undefined
}

/** A connection that the listener closed at once, and why. */
export interface DroppedConnection {
  /**
   * 'maxConnections': as many were open. 'denied': `allow` refused the peer. 'failed': the connection was lost before it was
   * accepted, or an option given to `listen` could not be set on it.
   */
  readonly reason: 'maxConnections' | 'denied' | 'failed'
  /** Our end; with 'failed', the address of the listener. */
  readonly local: Address | undefined
  readonly remote: Address | undefined
  /** With 'denied': the peer's process. Absent where the kernel no longer knows it. */
  readonly peer?: PeerCredentials
  /** With 'failed': a `SocketError` with the system's code (`ECONNABORTED`, `EINVAL`). */
  readonly error?: Error
}

export interface ListenerEventMap<E> {
  connection: [endpoint: E]
  /** A connection was refused or failed, and is closed. */
  drop: [connection: DroppedConnection]
  /** No descriptor was left for a connection (EMFILE, ENFILE). Accepting pauses and goes on by itself. */
  exhausted: [error: Error]
  error: [error: Error]
  close: []
  newListener: [event: string | symbol, listener: () => void]
  removeListener: [event: string | symbol, listener: () => void]
}

interface Acceptor<E> {
  resolve(endpoint: E): unknown
  reject(error: Error): unknown
}

/**
 * Accepts connections of one address. They are taken by listening for 'connection', or by `accept` or iteration; before
 * one of them is used, and between two `accept`s, connections wait in the kernel's backlog.
 */
export class Listener<E extends Accepted = Accepted>
  extends EventEmitter<ListenerEventMap<E>>
  implements AsyncDisposable
{
  readonly facts: SchemeFacts
  /** Connections that may be open at a time; one more is closed at once and reported by 'drop'. */
  maxConnections: number
  readonly #handle: ListenerHandle<AddressBase>
  readonly #wrap: (handle: AnyHandle<AddressBase>) => E
  readonly #acceptors = new Set<Acceptor<E>>()
  readonly #allow: ((peer: PeerCredentials) => boolean) | undefined
  readonly #address: Address | undefined
  #connections = 0
  #acceptedCount = 0
  #dropped = 0
  #accepting = false
  #closed = false
  /** What it was lost to. */
  #lost: Error | undefined
  /** Set while the listener is being handed over. */
  #offer: Offer | undefined
  /** One for all connections. */
  readonly #onClose = (): void => {
    this.#connections--
  }
  #whenClosed: Promise<void> = Promise.resolve()

  /** Made by `listen`, `adopt` and `takeOver`. */
  constructor(
    handle: ListenerHandle<AddressBase>,
    wrap: (handle: AnyHandle<AddressBase>) => E,
    { maxConnections = Number.POSITIVE_INFINITY, allow }: ListenerOptions = {},
  ) {
    super()
    if (allow !== undefined && handle.knowsPeers !== true) {
      handle.close()
      throw unsupported('allow', 'this listener does not know which process connects')
    }
    this.#allow = allow
    this.facts = handle.facts
    this.maxConnections = maxConnections
    this.#handle = handle
    this.#wrap = wrap
    this.#address = handle.local as Address | undefined
    handle.start({
      onAccept: (accepted) => this.#accepted(accepted),
      onDrop: (error, remote) => this.#lostOne(error, remote as Address | undefined),
      onError: (error, fatal) => this.#failed(error, fatal),
    })
    this.on('newListener', (event) => {
      if (event === 'connection') this.#accept(true)
    })
    this.on('removeListener', (event) => {
      if (event === 'connection') this.#update()
    })
  }

  #accepted(handle: AnyHandle<AddressBase>): void {
    if (this.#connections >= this.maxConnections) {
      this.#drop(handle, 'maxConnections')
      return
    }
    if (this.#allow !== undefined && !this.#admits(handle, this.#allow)) return
    const endpoint = this.#wrap(handle)
    this.#acceptedCount++
    this.#connections++
    endpoint.on('close', this.#onClose)
    reportAccept(this, endpoint)
    const [acceptor] = this.#acceptors.size > 0 ? this.#acceptors : []
    if (acceptor !== undefined) {
      this.#acceptors.delete(acceptor)
      acceptor.resolve(endpoint)
    } else {
      this.emit('connection', endpoint)
    }
    this.#update()
  }

  /** Asks `allow`. What it throws goes where an exception of a listener's goes, and nobody was let in. */
  #admits(handle: AnyHandle<AddressBase>, allow: (peer: PeerCredentials) => boolean): boolean {
    let peer: PeerCredentials | undefined
    let isAdmitted = false
    try {
      peer = peerCredentialsOf(handle, {})
      // A promise is no answer: only `true` is.
      isAdmitted = allow(peer) === true
    } finally {
      if (!isAdmitted) this.#drop(handle, 'denied', peer)
    }
    return isAdmitted
  }

  #drop(handle: AnyHandle<AddressBase>, reason: DroppedConnection['reason'], peer?: PeerCredentials): void {
    const { local, remote } = handle as AnyHandle
    this.#dropped++
    handle.close()
    this.emit('drop', { reason, local, remote, ...(peer !== undefined && { peer }) })
  }

  #lostOne(error: Error, remote: Address | undefined): void {
    this.#dropped++
    reportError(this, error, false)
    this.emit('drop', { reason: 'failed', local: this.#address, remote, error })
  }

  #failed(error: Error, fatal: boolean): void {
    reportError(this, error, fatal)
    if (!fatal) {
      this.emit('exhausted', error)
      return
    }
    this.#lost = error
    const acceptors = [...this.#acceptors]
    this.#acceptors.clear()
    for (const acceptor of acceptors) acceptor.reject(error)
    void this.close()
    if (acceptors.length === 0) this.emit('error', error)
  }

  /** Takes connections from the system exactly while somebody wants them. */
  #update(): void {
    this.#accept(this.#acceptors.size > 0 || this.listenerCount('connection') > 0)
  }

  #accept(wanted: boolean): void {
    if (this.#closed || wanted === this.#accepting) return
    this.#accepting = wanted
    if (wanted) this.#handle.resume()
    else this.#handle.pause()
  }

  /** The next connection. Rejects on abort and timeout, and with `ERR_SOCKET_CLOSED` when the listener is closed. */
  async accept(options: DeadlineOptions = {}): Promise<E> {
    checkDeadline(options)
    if (this.#closed) throw socketClosed('accept')
    return waitFor<E>(options, 'accept', undefined, (resolve, reject) => {
      const acceptor = { resolve, reject }
      this.#acceptors.add(acceptor)
      this.#update()
      return () => {
        this.#acceptors.delete(acceptor)
        this.#update()
      }
    })
  }

  /** Connection after connection, until the listener is closed. Leaving the loop does not close it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<E, void, undefined> {
    while (!this.#closed) {
      try {
        yield await this.accept()
      } catch (error) {
        if (this.#closed && (error as NodeJS.ErrnoException).code === 'ERR_SOCKET_CLOSED') return
        throw error
      }
    }
  }

  /** Where it listens, with the port or name that the system chose. Stays after close. */
  get address(): Address {
    return this.#address as Address
  }

  get engine(): string {
    return this.#handle.engine
  }

  /** The file descriptor, where there is one and it is open. It stays the listener's: do not close it. */
  get fd(): number | undefined {
    return this.#handle.fd
  }

  /** Connections that it accepted and that are open now. */
  get connections(): number {
    return this.#connections
  }

  /** How many connections it accepted and dropped, and how many of them are open. Stays after close. */
  stats(): ListenerStats {
    return { accepted: this.#acceptedCount, dropped: this.#dropped, connections: this.#connections }
  }

  get closed(): boolean {
    return this.#closed
  }

  getOption<K extends keyof SocketOptions>(name: K): NonNullable<SocketOptions[K]>
  getOption(option: RawOption): Buffer
  getOption(option: string | RawOption): unknown
  getOption(option: string | RawOption): unknown {
    if (this.#closed) throw socketClosed('getOption')
    return this.#handle.getOption(option)
  }

  setOption<K extends keyof SocketOptions>(name: K, value: NonNullable<SocketOptions[K]>): void
  setOption(option: string | RawOption, value: unknown): void
  setOption(option: string | RawOption, value: unknown): void {
    if (this.#closed) throw socketClosed('setOption')
    this.#handle.setOption(option, value)
  }

  ref(): this {
    this.#handle.ref()
    return this
  }

  /** Lets the process end although the listener is open. */
  unref(): this {
    this.#handle.unref()
    return this
  }

  /**
   * Hands the listening socket over to another process, without a connection being refused or lost: `endpoint` is a Unix
   * stream to that process, which calls `takeOver` with its end, before or after. Until it has the socket we go on
   * accepting; then this listener closes, and resolves. Connections that wait in the backlog are the other's to accept,
   * those that we have accepted live on here. The file of a Unix socket stays, and becomes the other's to remove.
   *
   * Rejects with `ERR_UNSUPPORTED` for a listener or stream that is not the kernel engine's, with `ERR_SOCKET_CLOSED`,
   * `ECONNRESET` where the other process goes away, `EPROTO` where it does not speak as `takeOver` does, and on abort and
   * timeout. This listener then goes on as before, and the stream is destroyed. Exactly one of the two processes has the
   * socket, also when one exits meanwhile: where the successor has it by the timeout, this resolves. Do not use the stream
   * meanwhile.
   */
  async handOver(endpoint: StreamEndpoint, options: DeadlineOptions = {}): Promise<void> {
    checkDeadline(options)
    if (this.#closed) throw socketClosed('handOver')
    if (this.#handle.token === undefined || this.#offer !== undefined) {
      const why =
        this.#offer === undefined ? 'a listener of this kind stays in its process' : 'it is being handed over already'
      throw unsupported('handOver', why)
    }
    this.#offer = new Offer(endpoint, this.#handle)
    try {
      await this.#offer.give(options)
      await this.close()
    } catch (error) {
      throw this.#closed ? socketClosed('handOver') : error
    } finally {
      this.#offer = undefined
    }
  }

  /** Stops accepting; a second call does nothing. Connections that were accepted live on. Resolves after 'close'. */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      if (this.#offer === undefined || this.#offer.end()) this.#handle.close()
      else this.#handle.abandon?.()
      for (const acceptor of this.#acceptors) acceptor.reject(socketClosed('accept'))
      this.#acceptors.clear()
      this.#whenClosed = new Promise((resolve) => {
        process.nextTick(() => {
          reportClose(this, this.#lost)
          this.emit('close')
          resolve()
        })
      })
    }
    return this.#whenClosed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
