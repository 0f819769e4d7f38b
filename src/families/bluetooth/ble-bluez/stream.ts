import { socketClosed } from '../../../core/errors.ts'
import type { SchemeFacts } from '../../../core/facts.ts'
import type { DatagramHandle, Done, StreamEvents, StreamHandle } from '../../../core/family.ts'
import type { RawOption } from '../../../core/options.ts'
import type { BleAddress } from '../address.ts'
import { formatBle } from '../ble/address-text.ts'
import { bleFacts } from '../ble/facts.ts'
import type { Acquired } from '../bluez/gatt.ts'
import { explained } from '../driver/explained.ts'
import { Inbox } from '../driver/inbox.ts'
import type { BluezLink } from './link.ts'
import { unknownBleBluezOption } from './options.ts'
import { Writer } from './writer.ts'

/** bluetoothd drops the notifications that a full socket has no room for, so that it is always read. */
const INBOX_LIMIT = 1024 * 1024

/** Two sockets of bluetoothd's: what it gets there it writes, and what the device notifies of comes from there. */
export class BleBluezStream implements StreamHandle<BleAddress> {
  readonly type = 'stream'
  readonly engine = 'bluez'
  readonly facts: SchemeFacts = bleFacts
  readonly fd = undefined
  readonly local = undefined
  readonly remote: BleAddress
  readonly #link: BluezLink
  readonly #sockets: readonly DatagramHandle[]
  readonly #writer: Writer
  readonly #inbox = new Inbox(INBOX_LIMIT)
  #ending: Done | undefined
  #closed = false
  #leaving: Promise<void> | undefined

  /** It owns all three from then on. */
  constructor(link: BluezLink, write: Acquired, notify: Acquired, remote: BleAddress) {
    this.#link = link
    this.#sockets = [write.socket, notify.socket]
    this.#writer = new Writer(write)
    this.remote = remote
    link.onLost((error) => this.#inbox.end(error))
    notify.socket.start({
      onMessages: (batch) => {
        for (const { data } of batch) this.#receive(data)
      },
      onWritable: () => undefined,
      onEnd: () => this.#gone(),
      onError: () => this.#gone(),
    })
    notify.socket.resume()
  }

  #receive(data: Buffer): void {
    if (this.#inbox.push(data)) return
    const why = `${INBOX_LIMIT} bytes wait to be read, and notifications cannot be held up`
    this.#inbox.end(explained('ENOBUFS', 'read', formatBle(this.remote), why))
    this.#leaveAtOnce()
  }

  /** Either the device has gone, or bluetoothd has, and does not answer then. */
  #gone(): void {
    this.#link.ask().then(
      () => this.#inbox.end(),
      (error: Error) => this.#inbox.end(this.#leaving === undefined ? error : undefined),
    )
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
    if (this.#closed) done(socketClosed('write'))
    else this.#writer.write(chunks, done)
  }

  /** There is no half close: disconnects, for which bluetoothd gives the device 2 s to take what was written. */
  end(done: Done): void {
    if (this.#closed) {
      done(socketClosed('end'))
      return
    }
    this.#ending = done
    void this.#leave().then(() => this.#over(null))
  }

  #over(error: Error | null): void {
    const done = this.#ending
    this.#ending = undefined
    done?.(error)
  }

  getOption(option: string | RawOption): unknown {
    if (this.#closed) throw socketClosed('getOption')
    throw unknownBleBluezOption(option)
  }

  setOption(option: string | RawOption): void {
    if (this.#closed) throw socketClosed('setOption')
    throw unknownBleBluezOption(option)
  }

  ref(): void {
    for (const socket of this.#sockets) socket.ref()
    this.#link.ref()
  }

  unref(): void {
    for (const socket of this.#sockets) socket.unref()
    this.#link.unref()
  }

  reset(): void {
    this.#close()
    this.#leaveAtOnce()
  }

  /** What was handed over still goes to the device; the process stays for it, a few seconds at most. */
  close(): void {
    if (this.#closed) return
    this.#close()
    this.#link.ref()
    void this.#leave()
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#inbox.close()
    this.#writer.stop()
    this.#over(socketClosed('end'))
  }

  #leave(): Promise<void> {
    this.#leaving ??= this.#link
      .drained()
      // A bluetoothd that has gone takes nothing any more.
      .catch(() => undefined)
      .then(() => this.#leaveAtOnce())
    return this.#leaving
  }

  async #leaveAtOnce(): Promise<void> {
    await this.#link.leave()
    this.#inbox.end()
    for (const socket of this.#sockets) socket.close()
  }
}
