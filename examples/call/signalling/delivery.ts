import { type CallMessage, encodeMessage } from './messages.ts'
import { ProtocolError } from './protocol-error.ts'

/**
 * The numbers of a session, in both directions: what was sent and not acknowledged yet, and how far the other side's
 * messages have arrived. It outlives connections, so that nothing is lost with one, and nothing comes twice.
 */
export class Delivery {
  readonly #mostWaiting: number
  /** Those above `#acknowledged`, in order, as they go over the wire. */
  readonly #waiting: Buffer[] = []
  #waitingBytes = 0
  #acknowledged = 0
  #received = 0

  /** `mostWaiting`: bytes that may wait for their acknowledgement. */
  constructor(mostWaiting: number) {
    this.#mostWaiting = mostWaiting
  }

  /**
   * Throws a `RangeError` where the message is too long for a frame, or too much waits already. Only texts and presence can
   * be too many: what moves the call on, or ends it, always has room. Changes nothing.
   */
  check(message: CallMessage): void {
    const { length } = this.#encode(message)
    const canBeMany = message.type === 'text' || message.type === 'presence'
    if (canBeMany && this.#waitingBytes + length > this.#mostWaiting)
      throw new RangeError(`${this.#waitingBytes} bytes wait to arrive already, and ${this.#mostWaiting} is the most`)
  }

  /** Gives the message the next number; returns the frame to send. */
  add(message: CallMessage): Buffer {
    const frame = this.#encode(message)
    this.#waiting.push(frame)
    this.#waitingBytes += frame.length
    return frame
  }

  #encode(message: CallMessage): Buffer {
    return encodeMessage({ ...message, number: this.#acknowledged + this.#waiting.length + 1 })
  }

  /** The frames that the other side has not confirmed, in order. */
  get waiting(): readonly Buffer[] {
    return this.#waiting
  }

  /** The last number that has arrived here; 0 for none. */
  get received(): number {
    return this.#received
  }

  /** The other side has everything up to this number. */
  acknowledge(received: number): void {
    const confirmed = received - this.#acknowledged
    if (confirmed < 0)
      throw new ProtocolError(
        `message ${this.#acknowledged} had arrived, and now only ${received}: the call is forgotten`,
      )
    if (confirmed > this.#waiting.length) throw new ProtocolError(`message ${received} is confirmed and was never sent`)
    for (const frame of this.#waiting.splice(0, confirmed)) this.#waitingBytes -= frame.length
    this.#acknowledged = received
  }

  /** A message with this number has come: true when it is the next, false when it was here before. */
  take(number: number): boolean {
    if (number > this.#received + 1)
      throw new ProtocolError(`message ${number} has come, and ${this.#received + 1} is missing`)
    if (number <= this.#received) return false
    this.#received = number
    return true
  }
}
