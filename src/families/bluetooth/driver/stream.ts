import type { AddressBase } from '../../../core/address.ts'
import { socketClosed } from '../../../core/errors.ts'
import type { SchemeFacts } from '../../../core/facts.ts'
import type { Done, StreamEvents, StreamHandle } from '../../../core/family.ts'
import type { RawOption } from '../../../core/options.ts'
import { Inbox } from './inbox.ts'

/** Of a driver that cannot be held up, so many bytes may wait to be read. */
export const INBOX_LIMIT: number = 1024 * 1024

/** What streams over a driver have in common: what arrives waits in an inbox, one write at a time goes out. */
export abstract class DriverStream<A extends AddressBase> implements StreamHandle<A> {
  abstract readonly engine: string
  abstract readonly facts: SchemeFacts
  readonly type = 'stream'
  readonly fd = undefined
  readonly local = undefined
  readonly remote: A
  protected readonly inbox: Inbox = new Inbox(INBOX_LIMIT)
  #writing: Done | undefined
  #isClosed = false

  constructor(remote: A) {
    this.remote = remote
  }

  protected get isClosed(): boolean {
    return this.#isClosed
  }

  start(events: StreamEvents): void {
    this.inbox.start(events)
  }

  resume(): void {
    this.inbox.resume()
  }

  pause(): void {
    this.inbox.pause()
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#isClosed) {
      done(socketClosed('write'))
      return
    }
    this.#writing = done
    this.send(chunks).then(
      () => this.#written(null),
      (error: Error) => this.#written(error),
    )
  }

  /** Resolves when the driver has taken the bytes. One call at a time. */
  protected abstract send(chunks: readonly Uint8Array[]): Promise<void>

  #written(error: Error | null): void {
    const done = this.#writing
    this.#writing = undefined
    done?.(error)
  }

  getOption(option: string | RawOption): unknown {
    if (this.#isClosed) throw socketClosed('getOption')
    throw this.unknownOption(option)
  }

  setOption(option: string | RawOption): void {
    if (this.#isClosed) throw socketClosed('setOption')
    throw this.unknownOption(option)
  }

  protected abstract unknownOption(option: string | RawOption): Error

  /** A driver that reads keeps the process alive, and knows no way to be told not to. */
  ref(): void {}

  unref(): void {}

  abstract end(done: Done): void

  abstract reset(): void

  abstract close(): void

  /** Nothing is delivered any more, and a write that waits is told. */
  protected markClosed(): void {
    this.#isClosed = true
    this.inbox.close()
    this.#written(socketClosed('write'))
  }
}
