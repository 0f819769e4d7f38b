import { explained, namedSystemError, SocketError } from '../../../core/errors.ts'
import { BLUEZ_PATH, type BluezBus, type Properties } from './bus.ts'

export const ADAPTER = 'org.bluez.Adapter1'
export const DEVICE = 'org.bluez.Device1'

export interface FoundAdapter {
  readonly path: string
  /** `hci0` */
  readonly id: string
  readonly properties: Properties
}

export function allAdapters(bus: BluezBus): FoundAdapter[] {
  return Object.entries(bus.objects.filter(ADAPTER))
    .map(([path, properties]) => ({ path, id: path.slice(BLUEZ_PATH.length + 1), properties }))
    .sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }))
}

/**
 * The adapter of this name (`hci0`) or address; without one, the first that is powered. Throws `ENODEV` for one that is
 * not there, `ENETDOWN` for one that is off, `ERR_FAMILY_UNAVAILABLE` where there is none at all.
 */
export function poweredAdapter(bus: BluezBus, wanted: string | undefined, operation: string): FoundAdapter {
  const adapters = allAdapters(bus)
  if (adapters.length === 0) {
    throw new SocketError(
      'ERR_FAMILY_UNAVAILABLE',
      'bluetooth is not available here: there is no adapter; plug one in, or see whether `rfkill list` says that it is blocked',
    )
  }
  const candidates = adapters.filter(({ id, properties }) => wanted === undefined || isAdapter(wanted, id, properties))
  if (candidates.length === 0) throw namedSystemError('ENODEV', operation, wanted)
  const adapter = candidates.find(({ properties }) => properties.Powered === true)
  if (adapter === undefined) throw adapterOff(operation, candidates[0]?.id)
  return adapter
}

function isAdapter(wanted: string, id: string, { Address }: Properties): boolean {
  return wanted === id || (typeof Address === 'string' && wanted.toUpperCase() === Address)
}

export function adapterOff(operation: string, id: string | undefined): SocketError {
  const why = 'the adapter is off; turn it on by its setPowered(true), or: bluetoothctl power on'
  return explained('ENETDOWN', operation, id, why)
}

/** The object of a device, by the adapter that knows it. */
export function pathOfDevice(bus: BluezBus, adapter: FoundAdapter, address: string): string | undefined {
  const devices = Object.entries(bus.objects.filter(DEVICE))
  return devices.find(([, { Adapter, Address }]) => Adapter === adapter.path && Address === address)?.[0]
}
