import type { MessageBus } from 'dbus-native'
import type { SocketError } from '../../../core/errors.ts'
import type { StreamEndpoint } from '../../../core/stream.ts'
import type { BluezBus } from '../bluez/bus.ts'
import { type ConnectedDevice, disconnectDevice } from '../bluez/le-device.ts'

/** Round trips after which bluetoothd has read the last message: each lets it read one, and the socket holds fewer. */
const DRAIN_ROUNDS = 12

/** A device, and the connections to the bus that what was acquired of it lives by. */
export class BluezLink {
  readonly #bus: BluezBus
  /** The one that acquired: only the message of a reply has the descriptor, and `BluezBus` keeps it to itself. */
  readonly #acquirer: MessageBus
  readonly #device: ConnectedDevice
  #left: Promise<void> | undefined

  constructor(bus: BluezBus, acquirer: MessageBus, device: ConnectedDevice) {
    this.#bus = bus
    this.#acquirer = acquirer
    this.#device = device
  }

  /** Called once when bluetoothd or the bus goes away. */
  onLost(listener: (error: SocketError) => void): void {
    this.#bus.onLost(listener)
  }

  /** Resolves when bluetoothd has answered, which it does while it is there. */
  ask(): Promise<void> {
    return this.#bus.call(this.#device.path, 'org.freedesktop.DBus.Peer', 'Ping', '', [], { timeout: 5000 })
  }

  /** Resolves when bluetoothd has taken what waits in a socket whose send buffer is the smallest. */
  async drained(): Promise<void> {
    for (let round = 0; round < DRAIN_ROUNDS; round++) await this.ask()
  }

  /** Disconnects, unless others were connected before us. The second call waits for the first. */
  leave(): Promise<void> {
    this.#left ??= this.#leave()
    return this.#left
  }

  async #leave(): Promise<void> {
    if (this.#device.isOurs) await disconnectDevice(this.#bus, this.#device.path)
    this.#stream.destroy()
    await this.#bus.close().catch(() => undefined)
  }

  ref(): void {
    this.#bus.ref()
    this.#stream.ref()
  }

  unref(): void {
    this.#bus.unref()
    this.#stream.unref()
  }

  get #stream(): StreamEndpoint {
    return this.#acquirer.connection.stream as StreamEndpoint
  }
}
