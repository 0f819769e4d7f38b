import type { SchemeFacts } from '../../core/facts.ts'
import type { ListenerEvents, ListenerHandle } from '../../core/family.ts'
import type { RawOption } from '../../core/options.ts'
import type { RfcommAddress } from './address.ts'
import type { BluezRegistration } from './bluez/registration.ts'

/** A listening socket whose service record lasts as long as it does. */
export class PublishedListener implements ListenerHandle<RfcommAddress> {
  readonly type = 'listener'
  readonly #socket: ListenerHandle<RfcommAddress>
  readonly #registration: BluezRegistration | undefined

  constructor(socket: ListenerHandle<RfcommAddress>, registration: BluezRegistration | undefined) {
    this.#socket = socket
    this.#registration = registration
  }

  get facts(): SchemeFacts {
    return this.#socket.facts
  }

  get engine(): string {
    return this.#socket.engine
  }

  get fd(): number | undefined {
    return this.#socket.fd
  }

  get local(): RfcommAddress | undefined {
    return this.#socket.local
  }

  get remote(): undefined {
    return undefined
  }

  getOption(option: string | RawOption): unknown {
    return option === 'published' ? this.#registration !== undefined : this.#socket.getOption(option)
  }

  setOption(option: string | RawOption, value: unknown): void {
    this.#socket.setOption(option, value)
  }

  start(events: ListenerEvents<RfcommAddress>): void {
    this.#socket.start(events)
  }

  resume(): void {
    this.#socket.resume()
  }

  pause(): void {
    this.#socket.pause()
  }

  ref(): void {
    this.#socket.ref()
    this.#registration?.ref()
  }

  unref(): void {
    this.#socket.unref()
    this.#registration?.unref()
  }

  close(): void {
    this.#socket.close()
    // What bluetoothd answers to our leaving changes nothing.
    this.#registration?.close().catch(() => undefined)
  }
}
