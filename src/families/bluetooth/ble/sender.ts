import { socketClosed } from '../../../core/errors.ts'
import type { Characteristics } from './gatt.ts'
import type { Link } from './link.ts'

/** What every device takes until it has said more, and the most that noble asks for; Core specification, volume 3, part F, 3.2.8. */
const LEAST_MTU = 23
const MOST_MTU = 256

/** Opcode and handle of a write, which the MTU includes. */
const WRITE_HEADER = 3

/** Writes without response until the device is asked for a sign of life. Some 4 kB, and so much waits inside of noble. */
const WINDOW = 16

/**
 * Bytes out, in writes as large as the device takes.
 *
 * A write without response has no end that could be waited for: noble takes any number of them and lets them wait in memory.
 * So after every 16th the device is asked something harmless (for the descriptors of a characteristic), and answers when it
 * has taken what was sent before: requests and writes reach it in order.
 */
export class Sender {
  readonly #link: Link
  readonly #characteristics: Characteristics
  #unconfirmed = 0
  #stopped = false

  constructor(link: Link, characteristics: Characteristics) {
    this.#link = link
    this.#characteristics = characteristics
  }

  /** Resolves when the last byte was handed over. One call at a time. */
  async send(chunks: readonly Uint8Array[]): Promise<void> {
    const { write, withResponse } = this.#characteristics
    const bytes = joined(chunks)
    let at = 0
    while (at < bytes.length) {
      if (this.#stopped) throw socketClosed('write')
      const piece = bytes.subarray(at, at + this.#room())
      await this.#link.ask('write', 'the write', () => write.writeAsync(piece, !withResponse))
      at += piece.length
      if (!withResponse) this.#unconfirmed++
      if (this.#unconfirmed >= WINDOW) await this.confirm()
    }
  }

  /** Resolves when the device has taken what was handed over. */
  async confirm(): Promise<void> {
    if (this.#unconfirmed === 0) return
    this.#unconfirmed = 0
    const { notify } = this.#characteristics
    await this.#link.ask('write', 'a sign of life', () => notify.discoverDescriptorsAsync())
  }

  /** A `send` that is under way stops after the piece that it is at. */
  stop(): void {
    this.#stopped = true
  }

  /** noble takes the device's word for the MTU also where it is more than what it asked for itself. */
  #room(): number {
    const { mtu } = this.#link.peripheral
    return Math.min(Math.max(mtu ?? LEAST_MTU, LEAST_MTU), MOST_MTU) - WRITE_HEADER
  }
}

/** noble takes nothing but a Buffer, whatever it says. */
function joined(chunks: readonly Uint8Array[]): Buffer {
  const [only] = chunks
  if (only === undefined) return Buffer.alloc(0)
  return chunks.length === 1 ? Buffer.from(only.buffer, only.byteOffset, only.byteLength) : Buffer.concat(chunks)
}
