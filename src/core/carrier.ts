import type { DatagramEndpoint } from './datagram.ts'
import type { SchemeFacts } from './facts.ts'
import type { Letter, Outbox } from './outbox.ts'
import { StreamEndpoint } from './stream.ts'

/** How a connection ended. */
export interface Ending {
  /** `undefined` where it was closed in good order, or nobody was told why. */
  readonly error: Error | undefined
  /** Messages that it was given and that certainly were not sent, in order. */
  readonly unsent: readonly Letter[]
}

/** One connection as a carrier of messages, whatever its kind. Listens for its errors, so that they end no process. */
export interface Carrier<E> {
  readonly endpoint: E
  /** Whether it can still be sent on. */
  readonly isOpen: boolean
  readonly hasRoom: boolean
  /** Resolves when it is closed and each message has come to its end. */
  readonly over: Promise<Ending>
  carry(letter: Letter): void
  close(): void
}

/** `onRoom` is called when there may be room again. What fails on the way is failed by the outbox. */
export function carrierOf<E extends StreamEndpoint | DatagramEndpoint>(
  endpoint: E,
  sendQueue: number,
  outbox: Outbox,
  onRoom: () => void,
): Carrier<E> {
  const carrier: Carrier<StreamEndpoint | DatagramEndpoint> =
    endpoint instanceof StreamEndpoint
      ? new StreamCarrier(endpoint, outbox, onRoom)
      : new DatagramCarrier(endpoint as DatagramEndpoint, sendQueue, outbox, onRoom)
  return carrier as Carrier<E>
}

/**
 * A message is one write. What the stream had not passed on when it broke fails: how much of it left is not known, and a
 * part must not be followed by the whole on another connection.
 */
class StreamCarrier implements Carrier<StreamEndpoint> {
  readonly endpoint: StreamEndpoint
  readonly over: Promise<Ending>
  readonly #outbox: Outbox

  constructor(endpoint: StreamEndpoint, outbox: Outbox, onRoom: () => void) {
    this.endpoint = endpoint
    this.#outbox = outbox
    endpoint.on('drain', onRoom)
    let reason: Error | undefined
    endpoint.on('error', (error) => {
      reason = error
    })
    this.over = new Promise((resolve) => endpoint.once('close', () => resolve({ error: reason, unsent: [] })))
  }

  get isOpen(): boolean {
    const { allowHalfOpen, readableEnded, writable } = this.endpoint
    return writable && (allowHalfOpen || !readableEnded)
  }

  get hasRoom(): boolean {
    return this.isOpen && !this.endpoint.writableNeedDrain
  }

  carry(letter: Letter): void {
    this.endpoint.write(letter.data, (error) => {
      if (error) this.#outbox.fail(letter, error)
      else letter.sent()
    })
  }

  close(): void {
    this.endpoint.destroy()
  }
}

/** As many messages as go out in one system call. */
const BATCH = 64

/** What sending answers when the connection is lost, or the peer of a Unix socket was closed. */
const LOST: ReadonlySet<string> = new Set([
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETRESET',
  'ENETUNREACH',
  'ENODEV',
  'ENOTCONN',
  'EPIPE',
  'ESHUTDOWN',
  'ETIMEDOUT',
])

/** A message that the system refused was not sent: it may go out on the next connection. */
class DatagramCarrier implements Carrier<DatagramEndpoint> {
  readonly endpoint: DatagramEndpoint
  readonly over: Promise<Ending>
  readonly #outbox: Outbox
  readonly #onRoom: () => void
  readonly #limit: number
  readonly #unsent: Letter[] = []
  #onTheWay = 0
  #error: Error | undefined
  #isClosed = false
  #end: (ending: Ending) => void = () => undefined

  constructor(endpoint: DatagramEndpoint, sendQueue: number, outbox: Outbox, onRoom: () => void) {
    this.endpoint = endpoint
    this.#outbox = outbox
    this.#onRoom = onRoom
    this.#limit = Math.min(BATCH, sendQueue)
    this.over = new Promise((resolve) => {
      this.#end = resolve
    })
    endpoint.once('end', () => this.close())
    endpoint.once('close', () => {
      this.#isClosed = true
      this.#endIfDone()
    })
  }

  get isOpen(): boolean {
    return !this.endpoint.closed
  }

  get hasRoom(): boolean {
    return this.isOpen && this.#onTheWay < this.#limit
  }

  carry(letter: Letter): void {
    this.#onTheWay++
    const options = letter.signal && { signal: letter.signal }
    this.endpoint.send(letter.data, undefined, options).then(
      () => {
        letter.sent()
        this.#settled()
      },
      (error: Error) => {
        this.#failed(letter, error)
        this.#settled()
      },
    )
  }

  #failed(letter: Letter, error: Error): void {
    if (letter.signal?.aborted) return
    if (!this.endpoint.closed && isLoss(error, this.endpoint.facts)) {
      this.#error = error
      this.close()
    }
    // Once it is closed, all that waited fails because of it, unsent.
    if (this.endpoint.closed) this.#unsent.push(letter)
    else this.#outbox.fail(letter, error)
  }

  #settled(): void {
    this.#onTheWay--
    this.#onRoom()
    this.#endIfDone()
  }

  #endIfDone(): void {
    if (this.#isClosed && this.#onTheWay === 0) this.#end({ error: this.#error, unsent: this.#unsent })
  }

  close(): void {
    void this.endpoint.close()
  }
}

/** Without a connection (UDP) the error is that of one message, and the socket as good as before. */
function isLoss(error: Error, { connected, reliable }: SchemeFacts): boolean {
  return (connected || reliable) && LOST.has((error as NodeJS.ErrnoException).code ?? '')
}
