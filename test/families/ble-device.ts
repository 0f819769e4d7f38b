import { namedSystemError, socketClosed } from '../../src/core/errors.ts'
import type {
  AddressFamily,
  Done,
  ListenerEvents,
  ListenerHandle,
  StreamEvents,
  StreamHandle,
} from '../../src/core/family.ts'
import type { ListenRequest } from '../../src/core/options.ts'
import type { BleAddress } from '../../src/families/bluetooth/address.ts'
import { unknownBleOption } from '../../src/families/bluetooth/ble/options.ts'
import { bleFacts, formatBle } from '../../src/families/bluetooth/ble.ts'
import { Inbox } from '../../src/families/bluetooth/driver/inbox.ts'
import { bleFamily, nus, ScriptedNoble, ScriptedPeripheral } from './ble-scripted.ts'

/*
 * Devices that answer, on the far side of a scripted noble: a family over BLE with both ends in this process.
 */

/** What one notification carries. */
const ROOM = 244
const INBOX_LIMIT = 1024 * 1024

/** The device's end of a connection. */
class DeviceStream implements StreamHandle<BleAddress> {
  readonly type = 'stream'
  readonly engine = 'noble'
  readonly facts = bleFacts
  readonly fd = undefined
  readonly local: BleAddress
  readonly remote = undefined
  readonly #peripheral: ScriptedPeripheral
  readonly #inbox = new Inbox(INBOX_LIMIT)
  #isFlowing = false
  #isClosed = false
  #unanswered: (() => void)[] = []
  #writing: Done | undefined

  constructor(peripheral: ScriptedPeripheral, local: BleAddress) {
    this.#peripheral = peripheral
    this.local = local
    peripheral.write.onWrite = async (data) => {
      this.#inbox.push(Buffer.from(data))
    }
    // A device that does not read does not answer either.
    peripheral.notify.onAsk = () =>
      new Promise((resolve) => {
        if (this.#isFlowing) setImmediate(resolve)
        else this.#unanswered.push(() => resolve([]))
      })
    peripheral.once('disconnect', () => this.#gone())
  }

  start(events: StreamEvents): void {
    this.#inbox.start(events)
  }

  resume(): void {
    this.#isFlowing = true
    this.#inbox.resume()
    for (const answer of this.#unanswered.splice(0)) answer()
  }

  pause(): void {
    this.#isFlowing = false
    this.#inbox.pause()
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#isClosed || this.#peripheral.state !== 'connected') {
      done(socketClosed('write'))
      return
    }
    this.#writing = done
    void this.#notify(Buffer.concat(chunks))
  }

  async #notify(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; at += ROOM) {
      if (this.#peripheral.state !== 'connected') return
      this.#peripheral.notify.emit('data', Buffer.from(bytes.subarray(at, at + ROOM)), true)
      if ((at / ROOM) % 32 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    this.#written(null)
  }

  #written(error: Error | null): void {
    const done = this.#writing
    this.#writing = undefined
    done?.(error)
  }

  #gone(): void {
    this.#inbox.end()
    this.#written(socketClosed('write'))
  }

  end(done: Done): void {
    this.#leave()
    done(null)
  }

  #leave(): void {
    if (this.#peripheral.state === 'connected') this.#peripheral.leave()
  }

  getOption(option: unknown): never {
    throw unknownBleOption(option)
  }

  setOption(option: unknown): never {
    throw unknownBleOption(option)
  }

  ref(): void {}

  unref(): void {}

  reset(): void {
    this.close()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#inbox.close()
    this.#written(socketClosed('write'))
    this.#leave()
  }
}

/** By their addresses. */
const listening = new Set<string>()

/** A device that advertises while it listens. */
class DeviceListener implements ListenerHandle<BleAddress> {
  readonly type = 'listener'
  readonly engine = 'noble'
  readonly facts = bleFacts
  readonly fd = undefined
  readonly local: BleAddress
  readonly remote = undefined
  readonly #peripheral: ScriptedPeripheral
  readonly #waiting: DeviceStream[] = []
  #events: ListenerEvents<BleAddress> | undefined
  #isFlowing = false
  #isClosed = false

  constructor(noble: ScriptedNoble, address: BleAddress) {
    this.local = address
    this.#peripheral = new ScriptedPeripheral(address.device)
    this.#peripheral.mtu = 247
    this.#peripheral.notify.onSubscribe = async () => {
      this.#waiting.push(new DeviceStream(this.#peripheral, address))
      setImmediate(() => this.#deliver())
    }
    const before = noble.peripherals.findIndex(({ id }) => id === this.#peripheral.id)
    if (before >= 0) noble.peripherals.splice(before, 1)
    noble.peripherals.push(this.#peripheral)
    noble.advertise()
    listening.add(address.device)
  }

  start(events: ListenerEvents<BleAddress>): void {
    this.#events = events
  }

  resume(): void {
    this.#isFlowing = true
    setImmediate(() => this.#deliver())
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

  getOption(option: unknown): never {
    if (this.#isClosed) throw socketClosed('getOption')
    throw unknownBleOption(option)
  }

  setOption(option: unknown): never {
    if (this.#isClosed) throw socketClosed('setOption')
    throw unknownBleOption(option)
  }

  ref(): void {}

  unref(): void {}

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    // It is heard once more, and does not answer any more.
    this.#peripheral.onConnect = () => setImmediate(() => this.#peripheral.failed(new Error('Page Timeout (0x4)')))
    listening.delete(this.local.device)
    for (const stream of this.#waiting) stream.close()
  }
}

/** A family whose devices are scripted, as many as are asked for. */
export function scriptedFamily(): AddressFamily<BleAddress> {
  const noble = new ScriptedNoble()
  let devices = 0
  return {
    ...bleFamily,
    probe: () => ({ available: true, engine: 'noble' }),
    ephemeral: () => {
      devices++
      const device = ['02', '00', '00', '00', devices >> 8, devices & 0xff]
      const text = device.map((byte) => (typeof byte === 'string' ? byte : byte.toString(16).padStart(2, '0')))
      return { ...nus, device: text.join(':').toUpperCase() }
    },
    connect: (address, request) =>
      bleFamily.connect?.(address, { ...request, options: { noble, ...request.options } }) ?? Promise.reject(),
    listen: async (address: BleAddress, { options, signal }: ListenRequest<BleAddress>) => {
      for (const name of Object.keys(options)) throw unknownBleOption(name)
      signal?.throwIfAborted()
      if (listening.has(address.device)) throw namedSystemError('EADDRINUSE', 'bind', formatBle(address))
      return new DeviceListener(noble, address)
    },
  }
}
