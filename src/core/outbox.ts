import { wrongNumber, wrongType, wrongValue } from './argument-errors.ts'
import { SocketError } from './errors.ts'
import { checkNames } from './retry.ts'
import { Compaction, compact } from './waiting.ts'

/** How much may wait for a connection, and what to do when that much does. */
export interface OutboxOptions {
  /** Messages that may wait. Default 1,024. */
  readonly messages?: number | undefined
  /** Bytes that may wait. Default 16,777,216. */
  readonly bytes?: number | undefined
  /**
   * What gives way when there is no room: with `'reject'` the new message (the default), with `'drop-oldest'` those that
   * have waited longest; either fails with `ERR_QUEUE_FULL`. With `'wait'` nothing does: `send` takes so much longer, which
   * holds up a caller that awaits it, and only such a caller is bounded.
   */
  readonly whenFull?: 'reject' | 'drop-oldest' | 'wait' | undefined
}

/** A message that was not sent, or of which it is not known whether it was. */
export interface Dropped {
  readonly data: Uint8Array
  /** Why: what `send` rejects with. */
  readonly error: Error
}

/** A message and its sender, who is told once what became of it; both callbacks return false when they came too late. */
export interface Letter {
  data: Uint8Array
  /** Fires when the sender gives up: a message that still waits is not sent then. */
  readonly signal: AbortSignal | undefined
  readonly sent: () => boolean
  readonly failed: (error: Error) => boolean
}

type Limits = Required<{ [K in keyof OutboxOptions]: NonNullable<OutboxOptions[K]> }>

const DEFAULTS: Limits = { messages: 1024, bytes: 16_777_216, whenFull: 'reject' }

/** The messages that wait for a connection, in order. They keep no memory but their own. */
export class Outbox {
  readonly #limits: Limits
  readonly #onDrop: (dropped: Dropped) => void
  #letters: Letter[] = []
  #head = 0
  #bytes = 0
  readonly #compaction: Compaction = new Compaction(() => this.#compact())

  /** Throws a `TypeError`, a `RangeError`, or `ERR_OPTION_UNKNOWN`. */
  constructor(options: OutboxOptions, onDrop: (dropped: Dropped) => void) {
    this.#limits = limitsOf(options)
    this.#onDrop = onDrop
  }

  get messages(): number {
    return this.#letters.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Queues a message; where there is no room, it or others fail. */
  add(letter: Letter): void {
    const { whenFull, messages, bytes } = this.#limits
    if (whenFull === 'drop-oldest' && messages > 0 && letter.data.length <= bytes) this.#makeRoom(letter)
    if (whenFull !== 'wait' && !this.#hasRoom(letter)) {
      this.fail(letter, this.#full())
      return
    }
    this.#letters.push(letter)
    this.#bytes += letter.data.length
    this.#compaction.ask()
  }

  #compact(): void {
    for (let index = this.#head; index < this.#letters.length; index++) {
      const letter = this.#letters[index] as Letter
      letter.data = compact(letter.data)
    }
  }

  #makeRoom(letter: Letter): void {
    while (!this.#hasRoom(letter)) this.fail(this.take() as Letter, this.#full())
  }

  #hasRoom({ data }: Letter): boolean {
    return this.messages < this.#limits.messages && this.#bytes + data.length <= this.#limits.bytes
  }

  #full(): SocketError {
    return new SocketError(
      'ERR_QUEUE_FULL',
      `send: ${this.messages} messages, ${this.#bytes} bytes wait to be sent already`,
    )
  }

  /** The one that has waited longest; it is its taker's then. */
  take(): Letter | undefined {
    const letter = this.#letters[this.#head]
    if (letter === undefined) return undefined
    this.#head++
    this.#bytes -= letter.data.length
    if (2 * this.#head >= this.#letters.length) {
      this.#letters = this.#letters.slice(this.#head)
      this.#head = 0
    }
    return letter
  }

  /** Puts back what was taken, before everything else, room or not. */
  putBack(letters: readonly Letter[]): void {
    this.#letters = [...letters, ...this.#letters.slice(this.#head)]
    this.#head = 0
    for (const { data } of letters) this.#bytes += data.length
  }

  /** Takes out a message whose sender has given up; the sender knows. */
  withdraw(letter: Letter, reason: Error): void {
    const index = this.#letters.indexOf(letter, this.#head)
    if (index !== -1) {
      this.#letters.splice(index, 1)
      this.#bytes -= letter.data.length
    }
    this.#onDrop({ data: letter.data, error: reason })
  }

  fail(letter: Letter, error: Error): void {
    if (letter.failed(error)) this.#onDrop({ data: letter.data, error })
  }

  failAll(error: Error): void {
    for (let letter = this.take(); letter !== undefined; letter = this.take()) this.fail(letter, error)
  }
}

function limitsOf(options: OutboxOptions): Limits {
  if (typeof options !== 'object' || options === null) throw wrongType('outbox must be an object')
  checkNames('outbox', options, DEFAULTS)
  const { messages = DEFAULTS.messages, bytes = DEFAULTS.bytes, whenFull = DEFAULTS.whenFull } = options
  checkLimit('messages', messages)
  checkLimit('bytes', bytes)
  if (whenFull !== 'reject' && whenFull !== 'drop-oldest' && whenFull !== 'wait') {
    throw wrongValue("outbox.whenFull must be 'reject', 'drop-oldest' or 'wait'")
  }
  return { messages, bytes, whenFull }
}

function checkLimit(name: string, value: number): void {
  const isLimit =
    typeof value === 'number' && value >= 0 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY)
  if (!isLimit) throw wrongNumber(value, `outbox.${name} must be a whole number, 0 or more`)
}
