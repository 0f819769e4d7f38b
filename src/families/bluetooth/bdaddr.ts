import { type AddressBase, invalidAddress } from '../../core/address.ts'

/** BDADDR_ANY in text: any of our own adapters. */
export const ANY = 'any'
export const BDADDR_SIZE = 6

/** The address as it is written: `AA:BB:CC:DD:EE:FF` in upper case, or `any`. `undefined` for anything else. */
export function canonicalBdaddr(text: string): string | undefined {
  if (text === ANY) return ANY
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text)) return undefined
  return text === '00:00:00:00:00:00' ? ANY : text.toUpperCase()
}

/** Throws `ERR_ADDRESS_INVALID` where the text is neither a device address nor `any`. */
export function checkBdaddr(text: unknown, whole: string | AddressBase): string {
  const bdaddr = typeof text === 'string' ? canonicalBdaddr(text) : undefined
  if (bdaddr === undefined) {
    throw invalidAddress(whole, `the device ${JSON.stringify(text)} is no address like AA:BB:CC:DD:EE:FF, nor any`)
  }
  return bdaddr
}

/** `bdaddr_t`: the six bytes in reverse order. `bdaddr` is canonical. */
export function encodeBdaddr(bdaddr: string): Uint8Array {
  if (bdaddr === ANY) return new Uint8Array(BDADDR_SIZE)
  const bytes = bdaddr.split(':').map((pair) => Number.parseInt(pair, 16))
  return Uint8Array.from(bytes.reverse())
}

export function decodeBdaddr(bytes: Uint8Array): string {
  const pairs = [...bytes.subarray(0, BDADDR_SIZE)].reverse().map((byte) => byte.toString(16).padStart(2, '0'))
  return canonicalBdaddr(pairs.join(':')) as string
}
