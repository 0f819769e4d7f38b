import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { StreamEndpoint } from 'polysocket'
import {
  Connection,
  type ConnectionOptions,
  DEFAULT_MOST_WAITING,
  type DeliveredMessage,
  type Receiver,
} from './connection.ts'
import { Delivery } from './delivery.ts'
import type { CallMessage, NumberedMessage } from './messages.ts'
import { ProtocolError } from './protocol-error.ts'

export interface SessionOptions extends ConnectionOptions {
  /** Milliseconds that a session lives on without a connection. Default 10,000. */
  readonly patience?: number | undefined
}

/** How the caller's side gets its connections; the other side waits for them. */
export interface Connector {
  first(signal: AbortSignal): Promise<StreamEndpoint>
  /** Tries until it succeeds or the signal fires. */
  again(signal: AbortSignal): Promise<StreamEndpoint>
}

/** Why there is no session any more. */
export type SessionEnd =
  /** As we wanted. */
  | { readonly kind: 'finished' }
  /** There never was a connection. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** None came back within the patience. */
  | { readonly kind: 'lost' }
  /** One side found that the other one is not understood. */
  | { readonly kind: 'error'; readonly reason: string; readonly byUs: boolean }

export interface SessionEventMap {
  message: [message: CallMessage]
  lost: [why: string]
  back: []
  end: [end: SessionEnd]
}

export const DEFAULT_PATIENCE = 10_000
/** Milliseconds before a lost connection is made again: a far side that takes each and drops it is not kept busy. */
const PAUSE = 250

/**
 * What one call says to the other end, over one connection after another: nothing is lost, nothing comes twice, and
 * everything in the order in which it was sent.
 *
 * On each connection the caller's side says first, and the other one answers, which call it is and what has arrived so far;
 * then each sends again what the other has not got. What was sent is kept until it is acknowledged.
 */
export class Session extends EventEmitter<SessionEventMap> {
  readonly call: string
  /** Resolves when it has ended, and its last connection is closed. */
  readonly closed: Promise<void>
  readonly #options: SessionOptions
  readonly #connector: Connector | undefined
  readonly #delivery: Delivery
  readonly #connecting = new AbortController()
  #tellClosed: () => void = () => undefined
  #connection: Connection | undefined
  /** Both sides have said on this connection what they have. */
  #isUp = false
  #wasUp = false
  #lossTold = false
  #patience: NodeJS.Timeout | undefined
  #isFinishing = false
  #isOver = false
  /** Of the connection that there is: one that is given up tells nothing any more. */
  readonly #receiver: Receiver = {
    onMessage: (message) => this.#received(message),
    onLost: (why) => this.#lost(why),
    onBroken: ({ message }) => this.#end({ kind: 'error', reason: message, byUs: true }),
  }

  /** With a `connector` it is the caller's side, and connects by `start`; without one it waits for `take`. */
  constructor(call: string, options: SessionOptions = {}, connector?: Connector) {
    super()
    this.call = call
    this.#options = options
    this.#connector = connector
    this.#delivery = new Delivery(options.mostWaiting ?? DEFAULT_MOST_WAITING)
    this.closed = new Promise((resolve) => (this.#tellClosed = resolve))
  }

  /** The caller's side: connects for the first time. */
  async start(): Promise<void> {
    if (this.#connector === undefined) throw new TypeError('only the caller connects')
    try {
      this.#greet(await this.#connector.first(this.#connecting.signal))
    } catch (error) {
      this.#end({ kind: 'unreachable', reason: (error as Error).message })
    }
  }

  /**
   * The other side: the caller has come with a connection, and has got so many messages. An older connection is dropped.
   * Throws a `ProtocolError`, and changes nothing, where the caller has said on a later one that it has got more: what was
   * under way on a connection that is long given up may arrive after all.
   */
  take(connection: Connection, received: number): void {
    if (this.#isOver) throw new ProtocolError('the call has ended')
    this.#delivery.acknowledge(received)
    this.#connection?.destroy()
    this.#connection = connection
    this.#isUp = false
    connection.receiver = this.#receiver
    this.#sayWhatHasArrived()
    this.#begin()
  }

  /** Throws a `RangeError` where `send` would. */
  check(message: CallMessage): void {
    this.#delivery.check(message)
  }

  /** Sends it, now or when there is a connection. What is too much for a frame is a `RangeError`. */
  send(message: CallMessage): void {
    if (this.#isOver || this.#isFinishing) return
    const frame = this.#delivery.add(message)
    if (this.#isUp) this.#connection?.sendFrame(frame)
  }

  /** Ends when everything has arrived that was sent until now, or cannot within the patience. */
  finish(): void {
    if (this.#isOver || this.#isFinishing) return
    this.#isFinishing = true
    if (this.#delivery.waiting.length === 0 || !this.#wasUp) this.#end({ kind: 'finished' })
    else this.#beginPatience()
  }

  /** Ends at once; what was sent still goes out if there is a connection. */
  close(): void {
    this.#end({ kind: 'finished' })
  }

  /** Ends since the far side cannot be understood, and tells it so. */
  fail(reason: string): void {
    this.#connection?.close({ type: 'error', reason })
    this.#end({ kind: 'error', reason, byUs: true })
  }

  #greet(endpoint: StreamEndpoint): void {
    if (this.#isOver) {
      endpoint.destroy()
      return
    }
    this.#connection = new Connection(endpoint, this.#receiver, this.#options)
    this.#sayWhatHasArrived()
  }

  #sayWhatHasArrived(): void {
    this.#connection?.send({ type: 'resume', call: this.call, received: this.#delivery.received })
  }

  #received(message: DeliveredMessage): void {
    if (message.type === 'error') {
      this.#end({ kind: 'error', reason: message.reason, byUs: false })
    } else if (!this.#isUp) {
      if (message.type !== 'resume' || message.call !== this.call)
        throw new ProtocolError(`a connection begins with resume of its call, not with ${message.type}`)
      this.#delivery.acknowledge(message.received)
      this.#begin()
    } else if (message.type === 'resume') {
      throw new ProtocolError('resume has come a second time')
    } else if (message.type === 'ack') {
      this.#delivery.acknowledge(message.received)
      this.#endIfDone()
    } else {
      this.#receivedNumbered(message)
    }
  }

  #receivedNumbered({ number, ...message }: NumberedMessage): void {
    const isNew = this.#delivery.take(number)
    this.#connection?.send({ type: 'ack', received: this.#delivery.received })
    if (isNew) this.emit('message', message as CallMessage)
  }

  /** It is known what the far side has got. */
  #begin(): void {
    this.#isUp = true
    this.#wasUp = true
    for (const frame of this.#delivery.waiting) this.#connection?.sendFrame(frame)
    if (!this.#isFinishing) this.#endPatience()
    this.#endIfDone()
    if (this.#lossTold) {
      this.#lossTold = false
      this.emit('back')
    }
  }

  #endIfDone(): void {
    if (this.#isFinishing && this.#delivery.waiting.length === 0) this.#end({ kind: 'finished' })
  }

  #lost(why: string): void {
    const isNews = this.#isUp && !this.#isFinishing
    this.#connection = undefined
    this.#isUp = false
    this.#beginPatience()
    if (this.#connector !== undefined) void this.#connectAgain(this.#connector)
    if (isNews) {
      this.#lossTold = true
      this.emit('lost', why)
    }
  }

  async #connectAgain(connector: Connector): Promise<void> {
    const { signal } = this.#connecting
    try {
      await sleep(PAUSE, undefined, { signal })
      this.#greet(await connector.again(signal))
    } catch {
      // The patience ends it, or has.
    }
  }

  #beginPatience(): void {
    this.#patience ??= setTimeout(() => this.#end({ kind: 'lost' }), this.#options.patience ?? DEFAULT_PATIENCE)
  }

  #endPatience(): void {
    clearTimeout(this.#patience)
    this.#patience = undefined
  }

  #end(end: SessionEnd): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#endPatience()
    this.#connecting.abort()
    this.#connection?.close()
    void (this.#connection?.closed ?? Promise.resolve()).then(this.#tellClosed)
    this.emit('end', end)
  }
}
