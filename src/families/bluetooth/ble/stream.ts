import { explained, socketClosed } from '../../../core/errors.ts'
import type { SchemeFacts } from '../../../core/facts.ts'
import type { Done } from '../../../core/family.ts'
import type { RawOption } from '../../../core/options.ts'
import type { BleAddress } from '../address.ts'
import { DriverStream, INBOX_LIMIT } from '../driver/stream.ts'
import { isOrderly, lossOf } from './errors.ts'
import { bleFacts } from './facts.ts'
import type { Link } from './link.ts'
import { unknownBleOption } from './options.ts'
import type { Sender } from './sender.ts'

/** A connection whose characteristics are subscribed to. */
export class BleStream extends DriverStream<BleAddress> {
  readonly engine = 'noble'
  readonly facts: SchemeFacts = bleFacts
  readonly #link: Link
  readonly #sender: Sender
  #ending: Done | undefined

  constructor(link: Link, sender: Sender, remote: BleAddress) {
    super(remote)
    this.#link = link
    this.#sender = sender
    link.onLost((reason) => this.#lost(reason))
  }

  /** What the device notifies of. */
  receive(data: Buffer): void {
    if (this.inbox.push(data)) return
    const { address } = this.#link
    const why = `${INBOX_LIMIT} bytes wait to be read, and notifications cannot be held up`
    this.inbox.end(explained('ENOBUFS', 'read', address, why))
    void this.#link.disconnect()
  }

  protected send(chunks: readonly Uint8Array[]): Promise<void> {
    return this.#sender.send(chunks)
  }

  /** There is no half close: disconnects once the device has taken everything. */
  end(done: Done): void {
    if (this.isClosed || this.#link.isLeaving) {
      done(this.isClosed ? socketClosed('end') : null)
      return
    }
    this.#ending = done
    void this.#link.disconnect(() => this.#confirmEnd())
  }

  async #confirmEnd(): Promise<void> {
    try {
      await this.#sender.confirm()
    } catch (error) {
      // What a device that went had not taken is its own affair, as with every socket.
      if (!this.#link.isLost) return this.#over(error as Error)
    }
    this.#over(null)
  }

  #over(error: Error | null): void {
    const done = this.#ending
    this.#ending = undefined
    done?.(error)
  }

  /** What the device or noble ended, not we. */
  #lost(reason: unknown): void {
    const isEnd = this.#link.isLeaving || isOrderly(reason)
    this.inbox.end(isEnd ? undefined : lossOf('read', this.#link.address, reason))
  }

  protected unknownOption(option: string | RawOption): Error {
    return unknownBleOption(option)
  }

  reset(): void {
    this.#stop()
    void this.#link.disconnect()
  }

  /** What was handed over still reaches the device, for which it gets 5 s. */
  close(): void {
    if (this.isClosed) return
    this.#stop()
    void this.#link.disconnect(async () => this.#sender.confirm())
  }

  #stop(): void {
    if (this.isClosed) return
    this.#sender.stop()
    this.markClosed()
    this.#over(socketClosed('end'))
  }
}
