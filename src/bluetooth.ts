/**
 * What there is to Bluetooth besides sockets: the services of a device, by SDP; adapters and pairing, by bluetoothd over D-Bus.
 * Devices nearby are found by `discover('bluetooth')` of `polysocket`.
 *
 * @module
 */
import { inspect } from 'node:util'
import { wrongValue } from './core/argument-errors.ts'
import { checkDeadline, type DeadlineOptions, withDeadline } from './core/deadline.ts'
import { ANY, canonicalBdaddr } from './families/bluetooth/bdaddr.ts'
import { readServices } from './families/bluetooth/sdp/lookup.ts'
import type { BluetoothService } from './families/bluetooth/sdp/services.ts'
import { sdpConnect } from './families/bluetooth/sockets.ts'

export { adapters, type BluetoothAdapter, type DiscoverableOptions } from './families/bluetooth/bluez/adapters.ts'
export type { AgentCapability, Consent, PairingAgent } from './families/bluetooth/bluez/agent.ts'
export {
  type PairingOptions,
  type PairOptions,
  pair,
  registerAgent,
  unpair,
} from './families/bluetooth/bluez/pairing.ts'
export type { BluezRegistration } from './families/bluetooth/bluez/registration.ts'
export { type LocalAdapter, localAdapters } from './families/bluetooth/local-adapters.ts'
export type { Element } from './families/bluetooth/sdp/element.ts'
export type { BluetoothProfile, BluetoothService } from './families/bluetooth/sdp/services.ts'

export interface ServiceDiscoveryOptions extends DeadlineOptions {
  /** The address of the adapter to ask from. Default: one that the kernel chooses. */
  readonly local?: string
}

/**
 * Asks a device (`AA:BB:CC:DD:EE:FF`) for its services: SDP over L2CAP, which needs neither bluetoothd nor privileges nor
 * pairing. Rejects as `connect` does where the device cannot be reached (`EHOSTDOWN`, `EHOSTUNREACH`), with `EPROTO` where it
 * answers what cannot be, `EREMOTEIO` where it answers with an error, `ETIMEDOUT`, or an `AbortError`.
 */
export async function discoverServices(
  device: string,
  options: ServiceDiscoveryOptions = {},
): Promise<BluetoothService[]> {
  checkDeadline(options)
  const bdaddr = checkDevice('device', device)
  const local = options.local === undefined ? undefined : { bdaddr: checkDevice('local', options.local) }
  const read = (signal: AbortSignal | undefined): Promise<BluetoothService[]> =>
    readServices(sdpConnect(local), bdaddr, signal)
  return withDeadline(options, 'sdp', bdaddr, read, () => undefined)
}

function checkDevice(what: string, text: unknown): string {
  const bdaddr = typeof text === 'string' ? canonicalBdaddr(text) : undefined
  if (bdaddr === undefined || bdaddr === ANY) {
    throw wrongValue(`${what} must be an address like AA:BB:CC:DD:EE:FF, not ${inspect(text)}`)
  }
  return bdaddr
}
