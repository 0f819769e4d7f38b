import { unsupported } from '../../core/errors.ts'
import type { StreamHandle } from '../../core/family.ts'
import type { OpenRequest } from '../../core/options.ts'
import type { BleAddress } from './address.ts'
import { canonicalBdaddr } from './bdaddr.ts'
import { checkBle, formatBle } from './ble/address-text.ts'
import { BluezLink } from './ble-bluez/link.ts'
import { type BleBluezSocketOptions, readBleBluezOptions } from './ble-bluez/options.ts'
import { BleBluezStream } from './ble-bluez/stream.ts'
import { BluezBus } from './bluez/bus.ts'
import { connectSystemBus } from './bluez/connection.ts'
import { type Acquired, acquire, findCharacteristics } from './bluez/gatt.ts'
import { connectDevice, disconnectDevice } from './bluez/le-device.ts'
import { poweredAdapter } from './bluez/objects.ts'

export type { BleBluezSocketOptions } from './ble-bluez/options.ts'

declare module '../../core/options.ts' {
  interface SocketOptions extends BleBluezSocketOptions {}
}

/**
 * Connects to a pair of characteristics of a device through bluetoothd, without root and without noble: `AcquireWrite` and
 * `AcquireNotify` of doc/gatt-api.txt of BlueZ (5.46 and later).
 *
 * - The device has 20 s to be heard (`EHOSTDOWN`), bluetoothd 25 s to connect, the services 30 s to be told (`ETIMEDOUT`;
 *   `ENOTFOUND` for what the device does not have). A characteristic is one program's at a time (`EBUSY`).
 * - Writes are without response: the device has to know that (`EOPNOTSUPP`). bluetoothd takes what it is given and does not
 *   tell when it has reached the device; `end` lets the device have 2 s for the rest, which is bluetoothd's limit.
 * - A device cannot be held up: a reader that lets 1 MiB wait ends the connection with `ENOBUFS`.
 * - The end of the stream is the device's disconnect, for whatever reason, or an error when bluetoothd goes
 *   (`ERR_FAMILY_UNAVAILABLE`). There is no half close: `end` disconnects, unless the device was connected before.
 */
export async function connectBleBluez(
  address: BleAddress,
  request: OpenRequest<BleAddress>,
): Promise<StreamHandle<BleAddress>> {
  const { adapter } = readBleBluezOptions(request)
  const to = checkBle(address)
  const text = formatBle(to)
  if (canonicalBdaddr(to.device) === undefined) {
    throw unsupported(`${text} by the driver bluez`, 'bluetoothd knows devices by their address')
  }
  const { signal } = request
  signal?.throwIfAborted()
  const bus = await BluezBus.open(signal)
  try {
    return await open(bus, adapter, to, text, signal)
  } catch (error) {
    await bus.close().catch(() => undefined)
    throw error
  }
}

async function open(
  bus: BluezBus,
  wanted: string | undefined,
  to: BleAddress,
  text: string,
  signal: AbortSignal | undefined,
): Promise<BleBluezStream> {
  const device = await connectDevice(bus, poweredAdapter(bus, wanted, 'connect'), to.device, signal, text)
  const acquired: Acquired[] = []
  let link: BluezLink | undefined
  try {
    const paths = findCharacteristics(bus, device.path, to, text)
    const acquirer = await connectSystemBus(signal)
    link = new BluezLink(bus, acquirer, device)
    const notify = await acquire(acquirer, paths.notify, 'AcquireNotify', signal, text)
    acquired.push(notify)
    const write = await acquire(acquirer, paths.write, 'AcquireWrite', signal, text)
    acquired.push(write)
    signal?.throwIfAborted()
    return new BleBluezStream(link, write, notify, to)
  } catch (error) {
    for (const { socket } of acquired) socket.close()
    if (link !== undefined) await link.leave()
    else if (device.isOurs) await disconnectDevice(bus, device.path)
    throw error
  }
}
