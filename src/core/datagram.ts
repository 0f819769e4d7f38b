import { EventEmitter } from 'node:events'
import type { Address, AddressBase, AddressInput } from './address.ts'
import type { SentAncillary } from './ancillary.ts'
import { withCaller } from './awaiting-caller.ts'
import { type PeerCredentials, type PeerCredentialsOptions, peerCredentialsOf } from './credentials.ts'
import { type DeadlineOptions, enterDeadline } from './deadline.ts'
import { Destinations } from './destinations.ts'
import { reportClose, reportError } from './diagnostics.ts'
import { socketClosed, unsupported } from './errors.ts'
import type { SchemeFacts } from './facts.ts'
import type { AddressFamily, DatagramHandle, Message } from './family.ts'
import { Intake } from './intake.ts'
import type { RawOption, SocketOptions } from './options.ts'
import type { Registry } from './registry.ts'
import type { BatchResult } from './send-batch.ts'
import { SendQueue } from './send-queue.ts'
import { type Posting, Sender, type SendOptions } from './sender.ts'
import type { DatagramStats } from './stats.ts'

export interface DatagramEndpointOptions {
  /**
   * Messages that may wait to be received. Default 4,096. The queue is also full at 6 MiB of memory, which counts 512 bytes
   * for each message besides its data, and at 64 descriptors; the message that fills it may go over.
   */
  readonly receiveQueue?: number | undefined
  /** Messages that may wait to be sent. Default 1,024. */
  readonly sendQueue?: number | undefined
  /** Messages bring the descriptors that were sent with them. Default false. */
  readonly receiveFds?: boolean | undefined
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
  readonly #handle: DatagramHandle<AddressBase>
  readonly #outbox: SendQueue
  readonly #sender: Sender
  readonly #intake: Intake
  #closed = false
  /** What it was lost to. */
  #lost: Error | undefined
  #whenClosed: Promise<void> = Promise.resolve()

  /** Made by `bind`, `connect`, listeners, `socketpair` and `adopt`. */
  constructor(
    registry: Registry,
    family: AddressFamily<AddressBase>,
    handle: DatagramHandle<AddressBase>,
    options: DatagramEndpointOptions = {},
  ) {
    super()
    const { receiveFds = false } = options
    if (receiveFds && handle.carriesFds !== true) {
      handle.close()
      throw unsupported('receiveFds', 'only unixgram and unixpacket of the kernel engine carry descriptors')
    }
    this.facts = handle.facts
    this.#handle = handle
    this.#intake = new Intake(handle as DatagramHandle, this, options.receiveQueue ?? DEFAULT_RECEIVE_QUEUE)
    this.#outbox = new SendQueue(handle as DatagramHandle, options.sendQueue ?? DEFAULT_SEND_QUEUE, () =>
      this.emit('drain'),
    )
    const destinations = new Destinations(registry, family, handle)
    this.#sender = new Sender(handle as DatagramHandle, destinations, this.#outbox)
    handle.start({
      wantsFds: () => receiveFds,
      // An answer that was given meanwhile is whole, as far as it goes: no need to wait for the tick's end.
      onMessages: (batch) => this.#outbox.gather(() => this.#intake.arrived(batch as Message[])),
      onWritable: () => this.#outbox.onWritable(),
      onEnd: () => this.#end(),
      onError: (error, fatal) => this.#failed(error, fatal),
    })
  }

  // ── Sending

  /**
   * Sends one message; resolves when the system has taken it, which is not when it has arrived. Messages of one tick go
   * out in one system call. Without `to` it goes to the connected peer. `options` says what goes with it (descriptors, the
   * address to send from, a TTL of its own), and takes `signal` and `timeout` (milliseconds): they remove a message that
   * still waits from the queue, so that it is never sent.
   *
   * Rejects with the system's code (`EMSGSIZE`, `ECONNREFUSED`; the endpoint lives on), with `ERR_QUEUE_FULL` when
   * `sendQueue` messages wait already (see `ready`), with `ERR_SOCKET_CLOSED`, with `ERR_UNSUPPORTED` for what cannot go
   * with a message here.
   */
  send(data: Uint8Array | string, to?: AddressInput, options?: SendOptions): Promise<void> {
    return this.#sender.send(data, to, options)
  }

  /**
   * Sends one message now or not at all: false when the system or the queue has no room. Throws as `send` rejects, and
   * `ERR_ADDRESS_INVALID` for a host name, which would have to be looked up first.
   */
  trySend(data: Uint8Array | string, to?: AddressInput, ancillary?: SentAncillary): boolean {
    return this.#sender.trySend(data, to, ancillary)
  }

  /**
   * Sends many messages in as few system calls as the system allows, waiting for room where it has to. Never rejects for
   * a message: what was refused is told by index, and the others go out. An error that is pending on the socket (an
   * ECONNREFUSED for earlier ones) may go untold when it comes amid them; sendmmsg(2) says so under BUGS.
   *
   * On abort and timeout it rejects, and what still waits is never sent. The error's `batch` is the `BatchResult`: how many
   * messages were sent, and the index and error of each one that was not.
   */
  sendBatch(messages: readonly Posting[], deadline: DeadlineOptions = {}): Promise<BatchResult> {
    return this.#sender.sendBatch(messages, deadline)
  }

  /**
   * Resolves when there may be room for another message: the time to `trySend` again. For an unconnected Unix socket the
   * kernel does not tell when a full receiver has room (`trySend` does); the times between two tries then grow to 32 ms.
   * Rejects on abort and timeout.
   */
  async ready(deadline: DeadlineOptions = {}): Promise<void> {
    enterDeadline(deadline)
    return await this.#outbox.ready(deadline).catch(withCaller)
  }

  // ── Receiving

  /**
   * The next message; `undefined` once the peer of a connected socket has ended or the endpoint is closed. Rejects with an
   * error that the system reported on the socket (`ECONNREFUSED`; it lives on), on abort and on timeout.
   */
  async receive(options: DeadlineOptions = {}): Promise<Message | undefined> {
    enterDeadline(options)
    return await this.#intake.next(options)
  }

  /** Message after message until the end. Leaving the loop does not close the endpoint. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    const intake = this.#intake
    for (let message = await intake.next(); message !== undefined; message = await intake.next()) yield message
  }

  /** Everything that has arrived, as often as something has: one step for many messages. */
  async *batches(): AsyncGenerator<Message[], void, undefined> {
    const intake = this.#intake
    for (let first = await intake.next(); first !== undefined; first = await intake.next()) {
      yield [first, ...intake.takeAll()]
    }
  }

  /** Stops taking messages from the system, until `resume`. */
  pause(): this {
    this.#intake.pause()
    return this
  }

  resume(): this {
    this.#intake.resume()
    return this
  }

  isPaused(): boolean {
    return this.#intake.isPaused
  }

  /** Messages that were dropped because the receive queue was full. Those the system dropped are not among them. */
  get dropped(): number {
    return this.#intake.dropped
  }

  /** Messages that wait to be received, and to be sent. */
  get queued(): { readonly received: number; readonly outgoing: number } {
    return { received: this.#intake.queued, outgoing: this.#outbox.length }
  }

  /** What went through it, what waits and what was lost. Stays after close. */
  stats(): DatagramStats {
    const { received, dropped } = this.#intake
    const { sent } = this.#outbox
    return {
      messagesReceived: received.messages,
      bytesReceived: received.bytes,
      messagesSent: sent.messages,
      bytesSent: sent.bytes,
      messagesDropped: dropped,
      messagesFailed: sent.failed,
      messagesUnread: this.#intake.queued,
      messagesUnsent: this.#outbox.length,
    }
  }

  #end(): void {
    if (this.#intake.isOver) return
    this.#intake.end()
    this.emit('end')
  }

  #failed(error: Error, fatal: boolean): void {
    reportError(this, error, fatal)
    if (fatal) this.#lost = error
    const hasListeners = this.listenerCount('error') > 0
    if (hasListeners) this.emit('error', error)
    else this.#intake.fail(error)
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

  /**
   * Which process is at the other end of a connected Unix socket, as it was when the connection was made; SO_PEERCRED of
   * unix(7). Throws `ERR_UNSUPPORTED` where that is not known, ENOTCONN for a socket that has no peer.
   */
  peerCredentials(options: PeerCredentialsOptions = {}): PeerCredentials {
    if (this.#closed) throw socketClosed('peerCredentials')
    return peerCredentialsOf(this.#handle, options)
  }

  /**
   * The file descriptor, where there is one and it is open. It stays the endpoint's: do not close it. A udp socket of the
   * kernel engine has UDP_GRO on: who reads it elsewhere has to expect several messages at a time, or to set it off.
   */
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

  /**
   * Ends our direction after everything was sent, so that the peer sees the end. For schemes with `halfClose`. On abort and
   * timeout, while something still waits to be sent, nothing is ended.
   */
  async end(deadline: DeadlineOptions = {}): Promise<void> {
    enterDeadline(deadline)
    if (this.#closed) throw socketClosed('end')
    if (!this.facts.halfClose) throw unsupported('end', 'this scheme has no half close; use close')
    await this.#outbox.whenEmpty(deadline)
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
   * have arrived can still be received, but for those with descriptors, which are closed. Resolves after 'close'.
   */
  close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true
      this.#handle.close()
      this.#outbox.close()
      this.#intake.close()
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

function membership(group: string, multicastInterface: string | number | undefined): object {
  return multicastInterface === undefined ? { group } : { group, interface: multicastInterface }
}
