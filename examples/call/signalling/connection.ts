import type { StreamEndpoint } from 'polysocket'
import { FrameReader } from './frames.ts'
import { encodeMessage, type LinkMessage, parseMessage, type SignallingMessage } from './messages.ts'
import { ProtocolError } from './protocol-error.ts'

/** What a connection does about silence, and about a peer that does not read. */
export interface ConnectionOptions {
  /** Milliseconds between two pings. Default 2,000. */
  readonly pingEvery?: number | undefined
  /** So many pings in a row without a sign of life, and the connection is lost. Default 3. */
  readonly pingsMissing?: number | undefined
  /** Bytes of messages that may wait to arrive. Default 1 MiB. */
  readonly mostWaiting?: number | undefined
}

/** Pings and pongs are the connection's own business. */
export type DeliveredMessage = Exclude<SignallingMessage, { type: 'ping' | 'pong' }>

/** Whom a connection tells. Of the last two only one is called, and once. */
export interface Receiver {
  /** May throw a `ProtocolError`: the connection is then broken. */
  onMessage(message: DeliveredMessage): void
  /** It is closed: by the peer, by the network, or since nothing was heard for too long; in words. */
  onLost(why: string): void
  /** What came cannot be. The peer was told, and the connection is being closed. */
  onBroken(error: ProtocolError): void
}

/** How long a closed connection may go on to hand over what was sent, in milliseconds. */
const FAREWELL = 1000
export const DEFAULT_MOST_WAITING: number = 1024 * 1024
/** Bytes that may wait to be sent besides these messages: a peer that lets so many answers wait has stopped reading. */
const MOST_ANSWERS = 3 * 1024 * 1024

/** One connection that carries messages, over a stream endpoint of any scheme. */
export class Connection {
  /** Changes hands when it is known which call the connection is for. */
  receiver: Receiver
  /** Resolves when the endpoint is closed. */
  readonly closed: Promise<void>
  readonly #endpoint: StreamEndpoint
  readonly #reader = new FrameReader()
  readonly #pings: NodeJS.Timeout
  readonly #mostUnsent: number
  #pingsUnanswered = 0
  #isOver = false

  constructor(
    endpoint: StreamEndpoint,
    receiver: Receiver,
    { pingEvery = 2000, pingsMissing = 3, mostWaiting = DEFAULT_MOST_WAITING }: ConnectionOptions = {},
  ) {
    this.#endpoint = endpoint
    this.#mostUnsent = mostWaiting + MOST_ANSWERS
    this.receiver = receiver
    this.closed = new Promise((resolve) => endpoint.once('close', () => resolve()))
    endpoint.on('data', (chunk: Buffer) => this.#received(chunk))
    endpoint.on('end', () => this.#lost(`it was closed ${this.#reader.end()}`))
    endpoint.on('error', (error) => this.#lost(error.message))
    endpoint.on('close', () => this.#lost('it was closed'))
    // Counted by pings, not by the clock: a machine that was suspended hears its peer before it counts again.
    this.#pings = setInterval(() => this.#ping(pingsMissing), pingEvery)
  }

  send(message: LinkMessage): void {
    this.sendFrame(encodeMessage(message))
  }

  sendFrame(frame: Buffer): void {
    if (this.#isOver) return
    if (this.#endpoint.writableLength + frame.length > this.#mostUnsent) this.#lost('the far side does not read')
    else this.#endpoint.write(frame)
  }

  /**
   * What was sent still goes out, `last` after it; what comes is thrown away. It is read nevertheless, since tcp takes back
   * what is under way when a socket is closed with something unread (RFC 1122, section 4.2.2.13).
   */
  close(last?: LinkMessage): void {
    if (this.#isOver) return
    this.#stop()
    if (last === undefined) this.#endpoint.end()
    else this.#endpoint.end(encodeMessage(last))
    const timer = setTimeout(() => this.#endpoint.destroy(), FAREWELL)
    this.#endpoint.once('close', () => clearTimeout(timer))
  }

  /** At once. */
  destroy(): void {
    this.#stop()
    this.#endpoint.destroy()
  }

  #stop(): void {
    this.#isOver = true
    clearInterval(this.#pings)
  }

  #received(chunk: Buffer): void {
    if (this.#isOver) return
    this.#pingsUnanswered = 0
    try {
      for (const frame of this.#reader.push(chunk)) {
        const message = parseMessage(frame)
        if (message.type === 'ping') this.send({ type: 'pong' })
        else if (message.type !== 'pong') this.receiver.onMessage(message)
        // The message may have ended it.
        if (this.#isOver) return
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.close({ type: 'error', reason: error.message })
      this.receiver.onBroken(error)
    }
  }

  #lost(why: string): void {
    if (this.#isOver) return
    // rfcomm has one connection on a channel: the next one needs this one's place.
    this.destroy()
    this.receiver.onLost(why)
  }

  #ping(pingsMissing: number): void {
    if (this.#pingsUnanswered >= pingsMissing) {
      this.#lost('the far side is silent')
      return
    }
    this.#pingsUnanswered++
    this.send({ type: 'ping' })
  }
}
