import { inspect } from 'node:util'
import { wrongValue } from '../core/argument-errors.ts'
import { unsupported } from '../core/errors.ts'
import type { AddressFamily, AnyHandle, Availability, ListenerHandle } from '../core/family.ts'
import type { ListenRequest, OpenRequest } from '../core/options.ts'
import type { BleAddress, BluetoothAddress, L2capAddress, RfcommAddress } from './bluetooth/address.ts'
import { ANY } from './bluetooth/bdaddr.ts'
import { formatBle, parseBle } from './bluetooth/ble/address-text.ts'
import { bleFacts } from './bluetooth/ble/facts.ts'
import { probeBle } from './bluetooth/ble/load.ts'
import type { BluetoothDevice } from './bluetooth/bluez/device.ts'
import type { DeviceDiscoveryOptions } from './bluetooth/bluez/discovery.ts'
import { isLE } from './bluetooth/l2cap.ts'
import type { BluetoothSocketOptions } from './bluetooth/options.ts'
import { probeSerialPort } from './bluetooth/serial-port/module.ts'
import { bluetoothSockets } from './bluetooth/sockets.ts'

export type {
  BleAddress,
  BluetoothAddress,
  BluetoothAddressType,
  L2capAddress,
  RfcommAddress,
} from './bluetooth/address.ts'
export type { BleSocketOptions } from './bluetooth/ble.ts'
export type { BluetoothDevice, BluetoothKind } from './bluetooth/bluez/device.ts'
export type { DeviceDiscoveryOptions } from './bluetooth/bluez/discovery.ts'
export type { BluetoothSecurity, BluetoothSocketOptions, PublishedService } from './bluetooth/options.ts'
export type { SerialPortSocketOptions } from './bluetooth/serial-port.ts'

declare module '../core/address.ts' {
  interface SchemeMap {
    rfcomm: { address: RfcommAddress; kind: 'stream' }
    l2cap: { address: L2capAddress; kind: 'datagram' }
    ble: { address: BleAddress; kind: 'stream' }
  }
  interface DiscoveryMap {
    bluetooth: { options: DeviceDiscoveryOptions; found: BluetoothDevice }
  }
}

declare module '../core/options.ts' {
  interface SocketOptions extends BluetoothSocketOptions {}
}

/**
 * Bluetooth: serial ports (`rfcomm`) and L2CAP channels (`l2cap`) by the kernel's own sockets, or RFCOMM by a driver where the
 * kernel has none; GATT (`ble`) by noble. What is not needed to open a socket is loaded on first use.
 */
export const bluetooth: AddressFamily<BluetoothAddress> = {
  name: 'bluetooth',
  schemes: { ...bluetoothSockets.schemes, ble: bleFacts },
  probe,
  parse: (scheme, rest) => (scheme === 'ble' ? parseBle(scheme, rest) : bluetoothSockets.parse(scheme, rest)),
  format: (address) => (address.scheme === 'ble' ? formatBle(address) : bluetoothSockets.format(address)),
  toSocat(address) {
    if (address.scheme === 'ble') throw unsupported(`${formatBle(address)} in socat`, 'it is no socket')
    return bluetoothSockets.toSocat?.(address) as string
  },
  /** Nothing can be reached from the adapter that it listens on, so that no address will do by itself. */
  ephemeral: () => undefined,
  connect,
  listen,
  adopt: (fd, request) => bluetoothSockets.adopt?.(fd, request),
  async *discover(options) {
    const { discoverDevices } = await import('./bluetooth/bluez/discovery.ts')
    yield* discoverDevices(options)
  },
}

const sockets: AddressFamily<BluetoothAddress> = bluetoothSockets

function probe(scheme: string): Availability {
  if (scheme === 'ble') return probeBle()
  return scheme === 'rfcomm' && DRIVER_BY_DEFAULT !== undefined ? probeSerialPort() : sockets.probe(scheme)
}

/** Windows has RFCOMM sockets, and Node cannot open them. */
const DRIVER_BY_DEFAULT = process.platform === 'win32' ? 'serial-port' : undefined

async function connect(
  address: BluetoothAddress,
  request: OpenRequest<BluetoothAddress>,
): Promise<AnyHandle<BluetoothAddress>> {
  if (address.scheme === 'ble') {
    const { connectBle } = await import('./bluetooth/ble.ts')
    return connectBle(address, request as OpenRequest<BleAddress>)
  }
  const { driver = DRIVER_BY_DEFAULT, ...options } = request.options
  if (address.scheme !== 'rfcomm' || driver === undefined) {
    const { local = lowEnergyLocal(address) } = request
    return (sockets.connect as Connect)(address, {
      ...request,
      local,
      options: driver === undefined ? options : request.options,
    })
  }
  if (driver !== 'serial-port') throw wrongValue(`the driver must be 'serial-port', not ${inspect(driver)}`)
  const { connectSerialPort } = await import('./bluetooth/serial-port.ts')
  return connectSerialPort(address, request as OpenRequest<RfcommAddress>)
}

/** An LE socket has to be bound as one before its MTU can be set, and may be bound to any adapter. */
function lowEnergyLocal(address: BluetoothAddress): L2capAddress | undefined {
  if (address.scheme !== 'l2cap' || !isLE(address)) return undefined
  return { family: 'bluetooth', scheme: 'l2cap', bdaddr: ANY, type: 'le-public', psm: 0 }
}

async function listen(
  address: BluetoothAddress,
  request: ListenRequest<BluetoothAddress>,
): Promise<ListenerHandle<BluetoothAddress>> {
  const text = bluetooth.format(address)
  if (address.scheme === 'ble') throw unsupported(`listen on ${text}`, 'we connect to BLE devices, and are none')
  const { service, driver, ...options } = request.options
  if (driver !== undefined) throw unsupported(`listen on ${text} with a driver`, 'drivers only connect')
  if (service === undefined || address.scheme !== 'rfcomm') return (sockets.listen as Listen)(address, request)
  const { listenPublished } = await import('./bluetooth/publish.ts')
  return listenPublished(address, service, { ...request, options } as ListenRequest<RfcommAddress>)
}

type Connect = NonNullable<AddressFamily<BluetoothAddress>['connect']>
type Listen = NonNullable<AddressFamily<BluetoothAddress>['listen']>
