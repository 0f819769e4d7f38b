import { namedSystemError, socketClosed } from '../../../src/core/errors.ts'
import type { SchemeFacts } from '../../../src/core/facts.ts'
import type { DatagramHandle, ListenerEvents, ListenerHandle } from '../../../src/core/family.ts'
import type { ListenRequest } from '../../../src/core/options.ts'
import type { BleAddress, L2capAddress } from '../../../src/families/bluetooth/address.ts'
import { unknownBleOption } from '../../../src/families/bluetooth/ble/options.ts'
import { bleFacts, formatBle } from '../../../src/families/bluetooth/ble.ts'
import { bluetooth } from '../../../src/families/bluetooth.ts'
import type { Child } from '../../support/child.ts'
import { GattStream } from './gatt-stream.ts'

/** ATT's own channel. */
const ATT = 4

/** Turns the advertising of controllers on and off: `gatt_radio.py`. */
export interface Radio {
  readonly child: Child
  /** The controller's number by its address. */
  readonly numbers: ReadonlyMap<string, number>
}

const taken = new Set<string>()

/** Listens as a device with the characteristics of the address: accepts a central once that is subscribed. */
export async function listenGatt(
  radio: Radio,
  address: BleAddress,
  request: ListenRequest<BleAddress>,
): Promise<GattListener> {
  for (const name of Object.keys(request.options)) throw unknownBleOption(name)
  // The kernel lets any number of sockets listen on a fixed channel.
  if (taken.has(address.device)) throw namedSystemError('EADDRINUSE', 'bind', formatBle(address))
  request.signal?.throwIfAborted()
  taken.add(address.device)
  try {
    const on: L2capAddress = {
      family: 'bluetooth',
      scheme: 'l2cap',
      bdaddr: address.device,
      cid: ATT,
      type: 'le-public',
    }
    const socket = await bluetooth.listen?.(on, { ...request, local: undefined } as ListenRequest<never>)
    if (socket === undefined) throw new Error('l2cap cannot listen')
    return new GattListener(socket as unknown as ListenerHandle, radio, address)
  } catch (error) {
    taken.delete(address.device)
    throw error
  }
}

export class GattListener implements ListenerHandle<BleAddress> {
  readonly type = 'listener'
  readonly engine = 'kernel'
  readonly facts: SchemeFacts = bleFacts
  readonly local: BleAddress
  readonly remote = undefined
  readonly #socket: ListenerHandle
  readonly #radio: Radio
  readonly #waiting: GattStream[] = []
  #events: ListenerEvents<BleAddress> | undefined
  #isFlowing = false
  #isClosed = false
  #open: GattStream | undefined

  constructor(socket: ListenerHandle, radio: Radio, address: BleAddress) {
    this.#socket = socket
    this.#radio = radio
    this.local = address
  }

  get fd(): number | undefined {
    return this.#socket.fd
  }

  start(events: ListenerEvents<BleAddress>): void {
    this.#events = events
    this.#socket.start({
      onAccept: (socket) => this.#accept(socket as DatagramHandle),
      onError: (error, fatal) => events.onError(error, fatal),
    })
    this.#socket.resume()
    this.#order('advertise')
  }

  #accept(socket: DatagramHandle): void {
    const onSubscribed = (): void => {
      this.#waiting.push(stream)
      this.#deliver()
    }
    const onGone = (): void => {
      if (this.#open !== stream) return
      this.#open = undefined
      if (!this.#isClosed) this.#order('advertise')
    }
    const stream = new GattStream(socket, this.local, onSubscribed, onGone)
    this.#open = stream
    if (this.#isClosed) stream.close()
  }

  resume(): void {
    this.#isFlowing = true
    this.#deliver()
  }

  pause(): void {
    this.#isFlowing = false
  }

  #deliver(): void {
    while (this.#isFlowing && !this.#isClosed) {
      const stream = this.#waiting.shift()
      if (stream === undefined) return
      this.#events?.onAccept(stream)
    }
  }

  #order(word: 'advertise' | 'quiet'): void {
    this.#radio.child.tell(`${word} ${this.#radio.numbers.get(this.local.device)}`)
  }

  getOption(option: unknown): never {
    if (this.#isClosed) throw socketClosed('getOption')
    throw unknownBleOption(option)
  }

  setOption(option: unknown): never {
    if (this.#isClosed) throw socketClosed('setOption')
    throw unknownBleOption(option)
  }

  ref(): void {
    this.#socket.ref()
  }

  unref(): void {
    this.#socket.unref()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#order('quiet')
    this.#socket.close()
    for (const stream of this.#waiting.splice(0)) stream.close()
    taken.delete(this.local.device)
  }
}
