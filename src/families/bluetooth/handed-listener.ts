import { explained, type SocketError, unknownOption } from '../../core/errors.ts'
import type { SchemeFacts } from '../../core/facts.ts'
import type { AddressFamily, ListenerEvents, ListenerHandle, StreamHandle } from '../../core/family.ts'
import type { RawOption } from '../../core/options.ts'
import { queueMicrotask } from '../../core/timers.ts'
import { loadAddon } from '../../engine/addon.ts'
import { closeForeign } from '../../engine/descriptors.ts'
import type { RfcommAddress } from './address.ts'
import { ANY } from './bdaddr.ts'
import type { BluezRegistration } from './bluez/registration.ts'
import type { BluetoothSocketAddress } from './sockets.ts'

type Options = Readonly<Record<string, unknown>>

/** Connections that somebody else accepted, as descriptors: they wait here until they are wanted. */
export class HandedListener implements ListenerHandle<RfcommAddress> {
  readonly type = 'listener'
  readonly engine = 'bluez'
  readonly facts: SchemeFacts
  readonly fd: undefined
  readonly local: RfcommAddress
  readonly remote: undefined
  readonly #sockets: AddressFamily<BluetoothSocketAddress>
  readonly #options: Options
  readonly #backlog: number
  readonly #waiting: StreamHandle<RfcommAddress>[] = []
  #registration: BluezRegistration | undefined
  #events: ListenerEvents<RfcommAddress> | undefined
  #failure: SocketError | undefined
  #accepting = false
  #isOpen = true

  /** `options` are set on each connection; more than `backlog` of them do not wait, and are closed. */
  constructor(channel: number, options: Options, backlog: number, sockets: AddressFamily<BluetoothSocketAddress>) {
    this.local = { family: 'bluetooth', scheme: 'rfcomm', bdaddr: ANY, channel }
    this.facts = sockets.schemes.rfcomm as SchemeFacts
    this.#options = options
    this.#backlog = backlog
    this.#sockets = sockets
  }

  /** Takes ownership of a connected socket. */
  take(fd: number): void {
    const handle = this.#adopted(fd)
    if (handle === undefined) return
    if (!this.#isOpen) {
      handle.close()
      return
    }
    try {
      if (this.#waiting.length >= this.#backlog) {
        throw explained('ENOBUFS', 'accept', undefined, `${this.#backlog} connections wait to be accepted already`)
      }
      for (const [name, value] of Object.entries(this.#options)) handle.setOption(name, value)
    } catch (error) {
      const { remote } = handle
      handle.close()
      this.#events?.onDrop?.(error as Error, remote)
      return
    }
    this.#waiting.push(handle)
    this.#deliver()
  }

  /** Returns `undefined` and closes the descriptor where it is no RFCOMM connection: the sender chose what it is. */
  #adopted(fd: number): StreamHandle<RfcommAddress> | undefined {
    const handle = this.#tryAdopt(fd)
    if (handle?.type === 'stream') return handle as StreamHandle<RfcommAddress>
    const { addon } = loadAddon()
    if (handle !== undefined) handle.close()
    else if (addon !== undefined) closeForeign(addon, fd)
    return undefined
  }

  #tryAdopt(fd: number): ReturnType<NonNullable<AddressFamily<BluetoothSocketAddress>['adopt']>> {
    try {
      return this.#sockets.adopt?.(fd)
    } catch {
      return undefined
    }
  }

  /** Nobody will hand over any more. */
  lost(error: SocketError): void {
    this.#failure = error
    if (this.#isOpen) this.#events?.onError(error, true)
  }

  /** Lets go of the registration when the listener closes, or at once if it has. */
  registered(registration: BluezRegistration): void {
    this.#registration = registration
    if (!this.#isOpen) this.#unregister()
  }

  #deliver(): void {
    while (this.#accepting && this.#isOpen) {
      const handle = this.#waiting.shift()
      if (handle === undefined) return
      this.#events?.onAccept(handle)
    }
  }

  getOption(option: string | RawOption): unknown {
    if (option === 'published') return this.#failure === undefined
    throw this.#noOption(option)
  }

  setOption(option: string | RawOption): void {
    throw this.#noOption(option)
  }

  #noOption(option: string | RawOption): SocketError {
    return unknownOption('a listener of bluetoothd', option, ['published'])
  }

  start(events: ListenerEvents<RfcommAddress>): void {
    this.#events = events
    const failure = this.#failure
    if (failure !== undefined) queueMicrotask(() => this.lost(failure))
  }

  resume(): void {
    this.#accepting = true
    // Not from within: nothing is called back before `start` has returned.
    queueMicrotask(() => this.#deliver())
  }

  pause(): void {
    this.#accepting = false
  }

  ref(): void {
    this.#registration?.ref()
  }

  unref(): void {
    this.#registration?.unref()
  }

  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#events = undefined
    for (const handle of this.#waiting.splice(0)) handle.close()
    this.#unregister()
  }

  #unregister(): void {
    // What bluetoothd answers to our leaving changes nothing.
    this.#registration?.close().catch(() => undefined)
  }
}
