import { EventEmitter } from 'node:events'
import { type Address, type AddressBase, type AddressInput, invalidAddress } from './address.ts'
import { checkDeadline, type DeadlineOptions, waitFor } from './deadline.ts'
import { AbortError, socketClosed, unsupported } from './errors.ts'
import type { SchemeFacts } from './facts.ts'
import type { AddressFamily, DatagramHandle, Message } from './family.ts'
import type { RawOption, SocketOptions } from './options.ts'
import { ReceiveQueue } from './receive-queue.ts'
import type { Registry } from './registry.ts'
import { type Completion, SendQueue } from './send-queue.ts'

export interface DatagramEndpointOptions {
  /** Messages that may wait to be received. Default 4,096; and never more than 4 MiB of them. */
  readonly receiveQueue?: number | undefined
  /** Messages that may wait to be sent. Default 1,024. */
  readonly sendQueue?: number | undefined
}

/** A message for `sendBatch`: without `to` it goes to the connected peer. */
export interface Posting {
  readonly data: Uint8Array | string
  readonly to?: AddressInput
}

export interface BatchResult {
  /** How many the system took. */
  readonly sent: number
  /** Which it refused, by their index in the batch. */
  readonly failed: readonly { readonly index: number; readonly error: Error }[]
}

export interface DatagramEventMap {
  message: [message: Message]
  batch: [messages: Message[]]
  drain: []
  end: []
  error: [error: Error]
  close: []
  newListener: [event: string | symbol, listener: () => void]
}

const DEFAULT_RECEIVE_QUEUE = 4096
const DEFAULT_SEND_QUEUE = 1024
/** Destinations given as text that are remembered, so that an answer to the same peer is not parsed again. */
const REMEMBERED_TARGETS = 64

/**
 * One end that sends and receives messages: UDP, Unix datagrams, and the connected message sockets (SOCK_SEQPACKET),
 * whose facts say that they are connected, reliable and ordered.
 *
 * Messages are taken by listening for 'message' or 'batch', or by `receive`, iteration or `batches`. Nothing is read from
 * the system before one of them is used. Where nobody keeps up, a reliable scheme holds up the sender; any other drops
 * what finds the queue full, and counts it in `dropped`.
 */
export class DatagramEndpoint extends EventEmitter<DatagramEventMap> implements AsyncDisposable {
  readonly facts: SchemeFacts
  readonly #registry: Registry
  readonly #family: AddressFamily<AddressBase>
  readonly #handle: DatagramHandle<AddressBase>
  readonly #outbox: SendQueue
  readonly #inbox: ReceiveQueue
  readonly #targets = new Map<string, unknown>()
  /** By identity, and only for objects that cannot change: the addresses that we report are frozen. */
  readonly #targetsOfObjects = new WeakMap<object, unknown>()
  #wanted = false
  #paused = false
  /** The handle was told to read. */
  #reading = false
  #ended = false
  #closed = false
  #dropped = 0
  #whenClosed: Promise<void> = Promise.resolve()

  /** Made by `bind`, `connect`, listeners, `socketpair` and `adopt`. */
  constructor(
    registry: Registry,
    family: AddressFamily<AddressBase>,
    handle: DatagramHandle<AddressBase>,
    options: DatagramEndpointOptions = {},
  ) {
    super()
    this.facts = handle.facts
    this.#registry = registry
    this.#family = family
    this.#handle = handle
    this.#inbox = new ReceiveQueue(options.receiveQueue ?? DEFAULT_RECEIVE_QUEUE)
    this.#outbox = new SendQueue(handle as DatagramHandle, options.sendQueue ?? DEFAULT_SEND_QUEUE, () =>
      this.emit('drain'),
    )
    handle.start({
      onMessages: (batch) => this.#arrived(batch as Message[]),
      onWritable: () => this.#outbox.onWritable(),
      onEnd: () => this.#end(),
      onError: (error, fatal) => this.#failed(error, fatal),
    })
    this.on('newListener', (event) => {
      if (event === 'message' || event === 'batch') this.#wantForListeners()
    })
  }

  // ── Sending

  /**
   * Sends one message; resolves when the system has taken it, which is not when it has arrived. Messages of one tick go
   * out in one system call. Without `to` it goes to the connected peer.
   *
   * Rejects with the system's code (`EMSGSIZE`, `ECONNREFUSED`; the endpoint lives on), with `ERR_QUEUE_FULL` when
   * `sendQueue` messages wait already (see `ready`), with `ERR_SOCKET_CLOSED`.
   */
  async send(data: Uint8Array | string, to?: AddressInput): Promise<void> {
    const bytes = toBytes(data)
    if (this.#closed) throw socketClosed('send')
    const target = this.#target(to)
    const resolved = target instanceof Promise ? await target : target
    return new Promise<void>((resolve, reject) => {
      this.#outbox.push({ data: bytes, target: resolved }, { sent: resolve, failed: reject })
    })
  }

  /**
   * Sends one message now or not at all: false when the system or the queue has no room. Throws as `send` rejects, and
   * `ERR_ADDRESS_INVALID` for a host name, which would have to be looked up first.
   */
  trySend(data: Uint8Array | string, to?: AddressInput): boolean {
    const bytes = toBytes(data)
    if (this.#closed) throw socketClosed('send')
    const target = this.#target(to)
    if (target instanceof Promise) {
      target.catch(() => undefined)
      throw invalidAddress(this.#registry.format(to as AddressInput), 'trySend cannot look up a host name')
    }
    return this.#outbox.trySend({ data: bytes, target })
  }

  /**
   * Sends many messages in as few system calls as the system allows, waiting for room where it has to. Never rejects for
   * a message: what was refused is told by index, and the others go out.
   */
  async sendBatch(messages: readonly Posting[]): Promise<BatchResult> {
    if (!Array.isArray(messages)) throw new TypeError('messages must be an array')
    const postings = messages.map(({ data, to }) => ({ data: toBytes(data), to }))
    if (this.#closed) throw socketClosed('send')
    const batch = new BatchCount(postings.length)
    for (const [index, { data, to }] of postings.entries()) {
      try {
        const target = this.#target(to)
        const resolved = target instanceof Promise ? await target : target
        if (!this.#outbox.hasRoom) await this.#outbox.ready()
        this.#outbox.push({ data, target: resolved }, batch.completion(index))
      } catch (error) {
        batch.completion(index).failed(error as Error)
      }
    }
    return batch.done
  }

  /**
   * Resolves when there may be room for another message: the time to `trySend` again. For an unconnected Unix socket the
   * kernel does not tell when a full receiver has room (`trySend` does); the times between two tries then grow to 32 ms.
   */
  ready(): Promise<void> {
    return this.#outbox.ready()
  }

  /** What the handle calls a destination; remembered, since an answer mostly goes where the one before went. */
  #target(to: AddressInput | undefined): unknown {
    if (to === undefined) return undefined
    const known = typeof to === 'string' ? this.#targets.get(to) : this.#targetsOfObjects.get(to)
    if (known !== undefined) return known
    const target = this.#resolveTarget(to)
    // A looked-up name is not remembered: its addresses may change.
    if (target instanceof Promise) return target
    if (typeof to !== 'string') {
      if (Object.isFrozen(to)) this.#targetsOfObjects.set(to, target)
      return target
    }
    if (this.#targets.size >= REMEMBERED_TARGETS) this.#targets.clear()
    this.#targets.set(to, target)
    return target
  }

  #resolveTarget(to: AddressInput): unknown {
    const { address, family } = this.#registry.resolve(to)
    if (family !== this.#family) {
      throw invalidAddress(family.format(address), `this socket is of the family ${this.#family.name}`)
    }
    return this.#handle.target(address)
  }

  // ── Receiving

  /**
   * The next message; `undefined` once the peer of a connected socket has ended or the endpoint is closed. Rejects with an
   * error that the system reported on the socket (`ECONNREFUSED`; it lives on), on abort and on timeout.
   */
  async receive(options: DeadlineOptions = {}): Promise<Message | undefined> {
    checkDeadline(options)
    if (options.signal?.aborted) throw new AbortError(options.signal.reason)
    return this.#next(options)
  }

  async #next(options: DeadlineOptions = {}): Promise<Message | undefined> {
    const message = this.#inbox.shift()
    if (message !== undefined) {
      this.#update()
      return message
    }
    if (this.#ended || this.#closed) return undefined
    return waitFor(options, 'receive', undefined, (deliver, fail) => {
      const waiter = { deliver, fail }
      this.#inbox.wait(waiter)
      this.#want()
      return () => this.#inbox.forget(waiter)
    })
  }

  /** Message after message until the end. Leaving the loop does not close the endpoint. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    for (let message = await this.#next(); message !== undefined; message = await this.#next()) yield message
  }

  /** Everything that has arrived, as often as something has: one step for many messages. */
  async *batches(): AsyncGenerator<Message[], void, undefined> {
    for (let first = await this.#next(); first !== undefined; first = await this.#next()) {
      const batch = [first, ...this.#inbox.takeAll()]
      this.#update()
      yield batch
    }
  }

  /** Stops taking messages from the system, until `resume`. */
  pause(): this {
    this.#paused = true
    this.#update()
    return this
  }

  resume(): this {
    this.#paused = false
    this.#wantForListeners()
    return this
  }

  isPaused(): boolean {
    return this.#paused
  }

  /** Messages that were dropped because the receive queue was full. Those the system dropped are not among them. */
  get dropped(): number {
    return this.#dropped
  }

  /** Messages that wait to be received, and to be sent. */
  get queued(): { readonly received: number; readonly outgoing: number } {
    return { received: this.#inbox.length, outgoing: this.#outbox.length }
  }

  #want(): void {
    this.#wanted = true
    this.#update()
  }

  /** Reads from the system exactly while somebody wants messages and there is room for them. */
  #update(): void {
    if (this.#closed || this.#ended) return
    const room = this.#reading ? !this.#inbox.isFull : this.#inbox.hasRoom
    const read = this.#wanted && !this.#paused && (room || !this.facts.reliable)
    if (read === this.#reading) return
    this.#reading = read
    if (read) this.#handle.resume()
    else this.#handle.pause()
  }

  /** What has arrived before there was a listener, or while it was paused, is the listener's too. */
  #wantForListeners(): void {
    this.#want()
    if (this.#inbox.length > 0) process.nextTick(() => this.#arrived(this.#inbox.takeAll()))
  }

  #arrived(batch: Message[]): void {
    const kept = this.#inbox.length > 0 ? batch : this.#announce(batch)
    for (const message of kept) {
      // What a reliable scheme has taken from the system already must not be lost; it stops reading instead.
      if (this.#inbox.isFull && !this.facts.reliable) this.#dropped++
      else this.#inbox.push(message)
    }
    this.#update()
  }

  /** Gives messages to the listeners, as long as they want them; returns those that are left. */
  #announce(batch: Message[]): Message[] {
    if (this.#paused || this.#closed) return batch
    const hasMessageListener = this.listenerCount('message') > 0
    if (this.listenerCount('batch') > 0) {
      this.emit('batch', batch)
      if (!hasMessageListener) return []
    }
    let next = 0
    while (next < batch.length && !this.#paused && !this.#closed && this.listenerCount('message') > 0) {
      this.emit('message', batch[next++] as Message)
    }
    return batch.slice(next)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#inbox.end()
    this.emit('end')
  }

  #failed(error: Error, fatal: boolean): void {
    const hasListeners = this.listenerCount('error') > 0
    if (hasListeners) this.emit('error', error)
    else this.#inbox.fail(error)
    if (fatal) void this.close()
  }

  // ── The socket

  /** Our own address; `undefined` where the system has none. */
  get local(): Address | undefined {
    return this.#handle.local as Address | undefined
  }

  /** The peer of a connected socket. */
  get remote(): Address | undefined {
    return this.#handle.remote as Address | undefined
  }

  get engine(): string {
    return this.#handle.engine
  }

  /** The file descriptor, where there is one and it is open. It stays the endpoint's: do not close it. */
  get fd(): number | undefined {
    return this.#handle.fd
  }

  /** Reads a socket option by name, or by level and name as bytes (a `Buffer`); getsockopt(2). */
  getOption<K extends keyof SocketOptions>(name: K): NonNullable<SocketOptions[K]>
  getOption(option: RawOption): Buffer
  getOption(option: string | RawOption): unknown
  getOption(option: string | RawOption): unknown {
    if (this.#closed) throw socketClosed('getOption')
    return this.#handle.getOption(option)
  }

  /** Sets a socket option by name, or by level and name as bytes; setsockopt(2). */
  setOption<K extends keyof SocketOptions>(name: K, value: NonNullable<SocketOptions[K]>): void
  setOption(option: string | RawOption, value: unknown): void
  setOption(option: string | RawOption, value: unknown): void {
    if (this.#closed) throw socketClosed('setOption')
    this.#handle.setOption(option, value)
  }

  /** Joins a multicast group, on one interface (its name, or a local address) or the system's choice; ip(7), ipv6(7). */
  addMembership(group: string, multicastInterface?: string | number): this {
    return this.#set('joinGroup', membership(group, multicastInterface))
  }

  dropMembership(group: string, multicastInterface?: string | number): this {
    return this.#set('leaveGroup', membership(group, multicastInterface))
  }

  /** The interface that multicast leaves by: its name, index, or a local address. */
  setMulticastInterface(multicastInterface: string | number): this {
    return this.#set('multicastInterface', multicastInterface)
  }

  /** Hops that a multicast datagram may travel. Default 1: the local network. */
  setMulticastTTL(ttl: number): this {
    return this.#set('multicastTtl', ttl)
  }

  /** Whether multicast that we send comes back to this machine. Default true. */
  setMulticastLoopback(loopback: boolean): this {
    return this.#set('multicastLoopback', loopback)
  }

  /** Hops that a datagram may travel. Default: the system's, usually 64. */
  setTTL(ttl: number): this {
    return this.#set('ttl', ttl)
  }

  setBroadcast(broadcast: boolean): this {
    return this.#set('broadcast', broadcast)
  }

  #set(name: string, value: unknown): this {
    this.setOption(name, value)
    return this
  }

  ref(): this {
    this.#handle.ref()
    return this
  }

  /** Lets the process end although the endpoint is open. */
  unref(): this {
    this.#handle.unref()
    return this
  }

  /** Ends our direction after everything was sent, so that the peer sees the end. For schemes with `halfClose`. */
  async end(): Promise<void> {
    if (this.#closed) throw socketClosed('end')
    if (!this.facts.halfClose) throw unsupported('end', 'this scheme has no half close; use close')
    await this.#outbox.whenEmpty()
    if (this.#closed) throw socketClosed('end')
    await new Promise<void>((resolve, reject) =>
      this.#handle.end((error) => (error === null ? resolve() : reject(error))),
    )
  }

  get closed(): boolean {
    return this.#closed
  }

  /**
   * Closes the socket; a second call does nothing. Messages that wait to be sent fail with `ERR_SOCKET_CLOSED`; those that
   * have arrived can still be received. Resolves after 'close'.
   */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      this.#handle.close()
      this.#outbox.close()
      this.#inbox.end()
      this.#whenClosed = new Promise((resolve) => {
        process.nextTick(() => {
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

/** Gathers what became of the messages of one `sendBatch`. */
class BatchCount {
  readonly done: Promise<BatchResult>
  readonly #failed: { index: number; error: Error }[] = []
  #sent = 0
  #left: number
  #resolve: (result: BatchResult) => void = () => undefined

  constructor(size: number) {
    this.#left = size
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    if (size === 0) this.#settle()
  }

  completion(index: number): Completion {
    return {
      sent: () => {
        this.#sent++
        this.#count()
      },
      failed: (error) => {
        this.#failed.push({ index, error })
        this.#count()
      },
    }
  }

  #count(): void {
    if (--this.#left === 0) this.#settle()
  }

  #settle(): void {
    this.#failed.sort((a, b) => a.index - b.index)
    this.#resolve({ sent: this.#sent, failed: this.#failed })
  }
}

function toBytes(data: Uint8Array | string): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (typeof data === 'string') return Buffer.from(data)
  throw new TypeError('a message must be a Uint8Array or a string')
}

function membership(group: string, multicastInterface: string | number | undefined): object {
  return multicastInterface === undefined ? { group } : { group, interface: multicastInterface }
}
