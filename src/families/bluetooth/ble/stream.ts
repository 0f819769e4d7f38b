import { socketClosed } from '../../../core/errors.ts'
import type { SchemeFacts } from '../../../core/facts.ts'
import type { Done, StreamEvents, StreamHandle } from '../../../core/family.ts'
import type { RawOption } from '../../../core/options.ts'
import type { BleAddress } from '../address.ts'
import { explained } from '../driver/explained.ts'
import { Inbox } from '../driver/inbox.ts'
import { isOrderly, lossOf } from './errors.ts'
import { bleFacts } from './facts.ts'
import type { Link } from './link.ts'
import { unknownBleOption } from './options.ts'
import type { Sender } from './sender.ts'

/** Notifications cannot be held up; so much may wait for a reader that does not read. Some ten seconds of a fast device. */
const INBOX_LIMIT = 1024 * 1024

/** A connection whose characteristics are subscribed to. */
export class BleStream implements StreamHandle<BleAddress> {
  readonly type = 'stream'
  readonly engine = 'noble'
  readonly facts: SchemeFacts = bleFacts
  readonly fd = undefined
  readonly local = undefined
  readonly remote: BleAddress
  readonly #link: Link
  readonly #inbox = new Inbox(INBOX_LIMIT)
  readonly #sender: Sender
  #writing: Done | undefined
  #ending: Done | undefined
  #closed = false

  constructor(link: Link, sender: Sender, remote: BleAddress) {
    this.#link = link
    this.#sender = sender
    this.remote = remote
    link.onLost((reason) => this.#lost(reason))
  }

  /** What the device notifies of. */
  receive(data: Buffer): void {
    if (this.#inbox.push(data)) return
    const { address } = this.#link
    const why = `${INBOX_LIMIT} bytes wait to be read, and notifications cannot be held up`
    this.#inbox.end(explained('ENOBUFS', 'read', address, why))
    void this.#link.disconnect()
  }

  start(events: StreamEvents): void {
    this.#inbox.start(events)
  }

  resume(): void {
    this.#inbox.resume()
  }

  pause(): void {
    this.#inbox.pause()
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#closed) {
      done(socketClosed('write'))
      return
    }
    this.#writing = done
    this.#sender.send(chunks).then(
      () => this.#written(null),
      (error: Error) => this.#written(error),
    )
  }

  #written(error: Error | null): void {
    const done = this.#writing
    this.#writing = undefined
    done?.(error)
  }

  /** There is no half close: disconnects once the device has taken everything. */
  end(done: Done): void {
    if (this.#closed || this.#link.isLeaving) {
      done(this.#closed ? socketClosed('end') : null)
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
    this.#inbox.end(isEnd ? undefined : lossOf('read', this.#link.address, reason))
  }

  getOption(option: string | RawOption): unknown {
    if (this.#closed) throw socketClosed('getOption')
    throw unknownBleOption(option)
  }

  setOption(option: string | RawOption): void {
    if (this.#closed) throw socketClosed('setOption')
    throw unknownBleOption(option)
  }

  /** noble keeps the process alive while there is a connection, and knows no way to be told not to. */
  ref(): void {}

  unref(): void {}

  reset(): void {
    this.#close()
    void this.#link.disconnect()
  }

  /** What was handed over still reaches the device, for which it gets 5 s. */
  close(): void {
    if (this.#closed) return
    this.#close()
    void this.#link.disconnect(async () => this.#sender.confirm())
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#sender.stop()
    this.#inbox.close()
    this.#written(socketClosed('write'))
    this.#over(socketClosed('end'))
  }
}
