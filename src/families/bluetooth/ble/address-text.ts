import { inspect } from 'node:util'
import { invalidAddress } from '../../../core/address.ts'
import type { BleAddress } from '../address.ts'
import { ANY, canonicalBdaddr } from '../bdaddr.ts'
import { numberOfUuid, parseUuid } from '../uuid.ts'

/** The Nordic UART service: what "a serial port over BLE" mostly is. We write to its RX and are notified by its TX. */
const NUS = {
  service: '6e400001-b5a3-f393-e0a9-e50e24dcca9e',
  write: '6e400002-b5a3-f393-e0a9-e50e24dcca9e',
  notify: '6e400003-b5a3-f393-e0a9-e50e24dcca9e',
} as const

type Uuids = Pick<BleAddress, 'service' | 'write' | 'notify'>

/** Reads `//AA:BB:CC:DD:EE:FF/nus` or `//<id>/<service>/<write>,<notify>`. */
export function parseBle(scheme: string, rest: string): BleAddress {
  const text = `${scheme}:${rest}`
  const parts = /^\/\/([^/]*)\/([^/]*)(?:\/([^/]*))?$/.exec(rest)
  if (parts === null) throw invalidAddress(text, 'it must be ble://device/nus or ble://device/service/write,notify')
  const [, device = '', service = '', pair] = parts
  const uuids = pair === undefined ? wellKnown(service, text) : uuidsOf(service, pair, text)
  return { family: 'bluetooth', scheme: 'ble', device: deviceOf(device, text), ...uuids }
}

/** The canonical address; throws `ERR_ADDRESS_INVALID` for one that cannot be. */
export function checkBle(address: BleAddress): BleAddress {
  const { device, service, write, notify }: Record<keyof Uuids | 'device', unknown> = address
  const whole = inspect(address)
  return {
    family: 'bluetooth',
    scheme: 'ble',
    device: deviceOf(device, whole),
    service: uuidOf('service', service, whole),
    write: uuidOf('write characteristic', write, whole),
    notify: uuidOf('notify characteristic', notify, whole),
  }
}

/** The shortest text: `nus` for the Nordic UART service, `0x1234` for UUIDs of 16 bits. */
export function formatBle(address: BleAddress): string {
  const { device, service, write, notify } = checkBle(address)
  const isNus = service === NUS.service && write === NUS.write && notify === NUS.notify
  const path = isNus ? 'nus' : `${short(service)}/${short(write)},${short(notify)}`
  return `ble://${device}/${path}`
}

function wellKnown(name: string, text: string): Uuids {
  if (name.toLowerCase() !== 'nus') {
    throw invalidAddress(text, `${JSON.stringify(name)} is not nus; any other service needs /write,notify after it`)
  }
  return NUS
}

function uuidsOf(service: string, pair: string, text: string): Uuids {
  const [write, notify, ...more] = pair.split(',')
  if (notify === undefined || more.length > 0) {
    throw invalidAddress(text, `${JSON.stringify(pair)} must be the UUIDs of two characteristics: write,notify`)
  }
  return {
    service: uuidOf('service', service, text),
    write: uuidOf('write characteristic', write, text),
    notify: uuidOf('notify characteristic', notify, text),
  }
}

function uuidOf(part: string, value: unknown, whole: string): string {
  const uuid = typeof value === 'string' ? parseUuid(value) : undefined
  if (uuid === undefined)
    throw invalidAddress(whole, `the ${part} ${inspect(value)} is no UUID, nor 0x and four digits`)
  return uuid
}

/** An identifier stands for itself: it is the system's, and only the system knows what its letters mean. */
function deviceOf(device: unknown, whole: string): string {
  const bdaddr = typeof device === 'string' ? canonicalBdaddr(device) : undefined
  if (bdaddr !== undefined && bdaddr !== ANY) return bdaddr
  const isId = typeof device === 'string' && bdaddr === undefined && /^[\w.-]{1,128}$/.test(device)
  if (!isId)
    throw invalidAddress(whole, `the device ${inspect(device)} is no address like AA:BB:CC:DD:EE:FF, nor an identifier`)
  return device
}

/** `0x1234` where the UUID is short for a number. Names like `spp` are those of RFCOMM's profiles, which GATT has not. */
function short(uuid: string): string {
  const number = numberOfUuid(uuid)
  if (number === undefined) return uuid
  return `0x${number.toString(16).padStart(number > 0xffff ? 8 : 4, '0')}`
}
