import { numberOfUuid } from '../uuid.ts'
import { BLUEZ_PATH, type Properties } from './bus.ts'

/** `bredr` is "classic" Bluetooth (RFCOMM, L2CAP), `le` Bluetooth Low Energy (GATT); a device may be both. */
export type BluetoothKind = 'bredr' | 'le'

/** A device as bluetoothd knows it: org.bluez.Device1, doc/device-api.txt of BlueZ. */
export interface BluetoothDevice {
  /** `AA:BB:CC:DD:EE:FF` */
  readonly address: string
  /** `random`: made up by the device, which may change it. */
  readonly addressType: 'public' | 'random'
  /** As far as can be told from what the device has shown of itself. */
  readonly kinds: readonly BluetoothKind[]
  /** What it calls itself, where it has said so. */
  readonly name: string | undefined
  /** Class of device, 24 bits, of BR/EDR devices; Bluetooth Assigned Numbers, 2.8. */
  readonly class: number | undefined
  /** How strong it was received, in dBm; while a search sees it. */
  readonly rssi: number | undefined
  /** The services that it has announced, as whole UUIDs in lower case; seldom all that it has. */
  readonly services: readonly string[]
  readonly paired: boolean
  readonly connected: boolean
  readonly trusted: boolean
  /** The adapter of ours that knows it: `hci0`. */
  readonly adapter: string
}

/** `seenAs` is the kind of search that found it, where that was one kind alone. */
export function deviceOf(properties: Properties, seenAs?: BluetoothKind): BluetoothDevice {
  const { Address, AddressType, Name, Class, RSSI, UUIDs, Paired, Connected, Trusted, Adapter } = properties
  const services = Array.isArray(UUIDs) ? UUIDs.map((uuid) => String(uuid).toLowerCase()) : []
  return {
    address: text(Address) ?? '',
    addressType: AddressType === 'random' ? 'random' : 'public',
    kinds: kindsOf(properties, services, seenAs),
    name: text(Name),
    class: number(Class),
    rssi: number(RSSI),
    services,
    paired: Paired === true,
    connected: Connected === true,
    trusted: Trusted === true,
    adapter: (text(Adapter) ?? '').slice(BLUEZ_PATH.length + 1),
  }
}

/**
 * bluetoothd does not say which radio a device was seen by. Only BR/EDR devices have a class and services of SDP; only LE
 * ones have random addresses and advertising flags. What shows nothing of either is LE: BR/EDR devices tell their class.
 */
function kindsOf(properties: Properties, services: readonly string[], seenAs?: BluetoothKind): BluetoothKind[] {
  const { Class, AddressType, AdvertisingFlags, Appearance } = properties
  const isBredr = Class !== undefined || services.some(isSdpService) || seenAs === 'bredr'
  const showsLe = AddressType === 'random' || AdvertisingFlags !== undefined || Appearance !== undefined
  const isLe = showsLe || seenAs === 'le' || !isBredr
  return [...(isBredr ? ['bredr' as const] : []), ...(isLe ? ['le' as const] : [])]
}

/** Bluetooth Assigned Numbers, 3.3: service classes of SDP are 0x10xx to 0x14xx, services of GATT 0x18xx. */
function isSdpService(uuid: string): boolean {
  const number = numberOfUuid(uuid)
  return number !== undefined && number >= 0x1000 && number < 0x1800
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}
