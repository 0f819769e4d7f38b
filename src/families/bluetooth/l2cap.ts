import { inspect } from 'node:util'
import { invalidAddress } from '../../core/address.ts'
import { viewOf } from '../../engine/kernel-options.ts'
import type { BluetoothAddressType, L2capAddress } from './address.ts'
import { BDADDR_SIZE, checkBdaddr, decodeBdaddr, encodeBdaddr } from './bdaddr.ts'
import { emptySockaddr } from './sockaddr.ts'

/** Address types by the number that the kernel has for them: BDADDR_BREDR and so on, include/net/bluetooth/bluetooth.h. */
const TYPES: readonly BluetoothAddressType[] = ['bredr', 'le-public', 'le-random']
/** An LE channel's number is its SPSM, of one byte; Core specification, volume 3, part A, 4.22. */
const MAX_LE_PSM = 0xff
const MAX_PSM = 0xffff
/** Each way, unless the two ends agree on another; Core specification, volume 3, part A, 5.1. */
export const DEFAULT_MTU = 672

/** `struct sockaddr_l2`, include/net/bluetooth/l2cap.h: family, PSM at 2, bdaddr at 4, CID at 10, type at 12. */
const SIZE = 14
const PSM_AT = 2
const BDADDR_AT = 4
const CID_AT = 10
const TYPE_AT = 12

export function parseL2cap(rest: string): L2capAddress {
  const text = `l2cap:${rest}`
  const parts = /^\/\/([^/?]*)(?:\/([^/?]*))?(?:\?(.*))?$/.exec(rest)
  if (parts === null) throw invalidAddress(text, 'it must be l2cap://AA:BB:CC:DD:EE:FF/psm')
  const [, device, psm, query = ''] = parts as unknown as [string, string | undefined, string | undefined, string?]
  const given = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (name !== 'type' && name !== 'cid') throw invalidAddress(text, `${JSON.stringify(name)} is neither type nor cid`)
    if (given.has(name)) throw invalidAddress(text, `${name} is given twice`)
    given.set(name, value)
  }
  const cid = given.get('cid')
  const numbers = {
    ...(psm !== undefined && { psm: readNumber(psm, 'PSM', text) }),
    ...(cid !== undefined && { cid: readNumber(cid, 'CID', text) }),
  }
  return check({ bdaddr: device, type: given.get('type'), ...numbers }, text)
}

/** The canonical address; throws `ERR_ADDRESS_INVALID` for one that cannot be. */
export function checkL2cap(address: L2capAddress): L2capAddress {
  return check(address, inspect(address))
}

export function formatL2cap(address: L2capAddress): string {
  const { bdaddr, type, psm, cid } = checkL2cap(address)
  const query = [...(cid === undefined ? [] : [`cid=${cid}`]), ...(type === undefined ? [] : [`type=${type}`])]
  const path = psm === undefined ? '' : `/0x${psm.toString(16).padStart(4, '0')}`
  return `l2cap://${bdaddr}${path}${query.length === 0 ? '' : `?${query.join('&')}`}`
}

export function encodeL2cap(address: L2capAddress): Uint8Array {
  const { bdaddr, type = 'bredr', psm = 0, cid = 0 } = checkL2cap(address)
  const { name, view } = emptySockaddr(SIZE)
  view.setUint16(PSM_AT, psm, true)
  name.set(encodeBdaddr(bdaddr), BDADDR_AT)
  view.setUint16(CID_AT, cid, true)
  name[TYPE_AT] = TYPES.indexOf(type)
  return name
}

/**
 * The kernel reports the CID of a connection beside its PSM; the PSM is the address. A fixed channel has no PSM.
 */
export function decodeL2cap(name: Uint8Array): L2capAddress | undefined {
  if (name.length <= TYPE_AT) return undefined
  const view = viewOf(name)
  const bdaddr = decodeBdaddr(name.subarray(BDADDR_AT, BDADDR_AT + BDADDR_SIZE))
  const psm = view.getUint16(PSM_AT, true)
  const cid = view.getUint16(CID_AT, true)
  const type = TYPES[name[TYPE_AT] as number]
  return make(bdaddr, type, psm === 0 && cid !== 0 ? { cid } : { psm })
}

export function isLE(address: L2capAddress): boolean {
  return address.type !== undefined && address.type !== 'bredr'
}

type Numbers = { readonly psm: number } | { readonly cid: number }

function make(bdaddr: string, type: BluetoothAddressType | undefined, numbers: Numbers): L2capAddress {
  return {
    family: 'bluetooth',
    scheme: 'l2cap',
    bdaddr,
    ...(type !== undefined && type !== 'bredr' && { type }),
    ...numbers,
  }
}

function check(
  given: { readonly bdaddr: unknown; readonly type?: unknown; readonly psm?: unknown; readonly cid?: unknown },
  whole: string,
): L2capAddress {
  const bdaddr = checkBdaddr(given.bdaddr, whole)
  const type = TYPES.find((known) => known === (given.type ?? 'bredr'))
  if (type === undefined) {
    throw invalidAddress(whole, `the type ${JSON.stringify(given.type)} is none of ${TYPES.join(', ')}`)
  }
  const { psm, cid } = given
  if ((psm === undefined) === (cid === undefined)) {
    throw invalidAddress(whole, 'it must have a PSM or a CID, and not both')
  }
  if (psm === undefined) return make(bdaddr, type, { cid: checkNumber(cid, 'CID', 1, MAX_PSM, whole) })
  const number = checkNumber(psm, 'PSM', 0, type === 'bredr' ? MAX_PSM : MAX_LE_PSM, whole)
  // Core specification, volume 3, part A, 4.2: so that a PSM of more than two bytes could be told to go on.
  if (type === 'bredr' && number !== 0 && (number & 0x0101) !== 1) {
    throw invalidAddress(whole, `the PSM ${hex(number)} is not odd with bit 8 clear, as those of BR/EDR are`)
  }
  return make(bdaddr, type, { psm: number })
}

function checkNumber(value: unknown, what: string, least: number, most: number, whole: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  const shown = typeof value === 'number' ? hex(value) : inspect(value)
  throw invalidAddress(whole, `the ${what} ${shown} is not one of ${hex(least)} to ${hex(most)}`)
}

/** Decimal, or hexadecimal after `0x`. */
function readNumber(text: string, what: string, whole: string): number {
  if (/^(\d{1,6}|0x[0-9a-f]{1,6})$/i.test(text)) return Number(text)
  throw invalidAddress(whole, `the ${what} ${JSON.stringify(text)} is no number`)
}

function hex(number: number): string {
  return Number.isInteger(number) && number >= 0 ? `0x${number.toString(16)}` : String(number)
}
