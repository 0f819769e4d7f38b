import { inspect } from 'node:util'
import { invalidAddress } from '../../core/address.ts'
import { unsupported } from '../../core/errors.ts'
import type { RfcommAddress } from './address.ts'
import { BDADDR_SIZE, checkBdaddr, decodeBdaddr, encodeBdaddr } from './bdaddr.ts'
import { emptySockaddr } from './sockaddr.ts'
import { formatService, parseService } from './uuid.ts'

/** RFCOMM's server channels are five bits wide, and 0 and 31 are its own; TS 07.10 as the Core specification adapts it. */
const MAX_CHANNEL = 30

/** `struct sockaddr_rc`, include/net/bluetooth/rfcomm.h: family, bdaddr at 2, channel at 8. */
const SIZE = 10
const BDADDR_AT = 2
const CHANNEL_AT = 8

export function parseRfcomm(rest: string): RfcommAddress {
  const text = `rfcomm:${rest}`
  const parts = /^\/\/([^/]*)\/([^/]*)$/.exec(rest)
  if (parts === null) throw invalidAddress(text, 'it must be rfcomm://AA:BB:CC:DD:EE:FF/channel-or-service')
  const [, device, port] = parts as unknown as [string, string, string]
  const bdaddr = checkBdaddr(device, text)
  if (/^\d+$/.test(port)) return withChannel(bdaddr, checkChannel(Number(port), text))
  const service = parseService(port)
  if (service === undefined) {
    throw invalidAddress(
      text,
      `${JSON.stringify(port)} is no channel (0 to ${MAX_CHANNEL}), no service like spp and no UUID`,
    )
  }
  return { family: 'bluetooth', scheme: 'rfcomm', bdaddr, service }
}

/** The canonical address; throws `ERR_ADDRESS_INVALID` for one that cannot be. */
export function checkRfcomm(address: RfcommAddress): RfcommAddress {
  const whole = inspect(address)
  const bdaddr = checkBdaddr(address.bdaddr, whole)
  const { channel, service }: { channel?: unknown; service?: unknown } = address
  if ((channel === undefined) === (service === undefined)) {
    throw invalidAddress(whole, 'it must have a channel or a service, and not both')
  }
  if (service === undefined) return withChannel(bdaddr, checkChannel(channel, whole))
  const uuid = typeof service === 'string' ? parseService(service) : undefined
  if (uuid === undefined) throw invalidAddress(whole, `the service ${inspect(service)} is no UUID`)
  return { family: 'bluetooth', scheme: 'rfcomm', bdaddr, service: uuid }
}

export function formatRfcomm(address: RfcommAddress): string {
  const { bdaddr, channel, service } = checkRfcomm(address)
  return `rfcomm://${bdaddr}/${service === undefined ? channel : formatService(service)}`
}

export function encodeRfcomm(address: RfcommAddress): Uint8Array {
  const { bdaddr, channel } = checkRfcomm(address)
  if (channel === undefined) {
    throw unsupported(formatRfcomm(address), 'its channel has to be looked up first, and only connect does')
  }
  const { name } = emptySockaddr(SIZE)
  name.set(encodeBdaddr(bdaddr), BDADDR_AT)
  name[CHANNEL_AT] = channel
  return name
}

export function decodeRfcomm(name: Uint8Array): RfcommAddress | undefined {
  if (name.length <= CHANNEL_AT) return undefined
  const bdaddr = decodeBdaddr(name.subarray(BDADDR_AT, BDADDR_AT + BDADDR_SIZE))
  return withChannel(bdaddr, name[CHANNEL_AT] as number)
}

function withChannel(bdaddr: string, channel: number): RfcommAddress {
  return { family: 'bluetooth', scheme: 'rfcomm', bdaddr, channel }
}

function checkChannel(channel: unknown, whole: string): number {
  const isChannel = typeof channel === 'number' && Number.isInteger(channel) && channel >= 0 && channel <= MAX_CHANNEL
  if (!isChannel) throw invalidAddress(whole, `the channel ${inspect(channel)} is not one of 0 to ${MAX_CHANNEL}`)
  return channel
}
