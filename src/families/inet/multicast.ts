import { inspect } from 'node:util'
import { wrongNumber, wrongType, wrongValue } from '../../core/argument-errors.ts'
import { namedSystemError } from '../../core/errors.ts'
import { encodeInt, type OptionCodec, writeOnly } from '../../engine/kernel-options.ts'
import type { Host } from './host.ts'
import { interfaceIndex, interfaceOfAddress } from './interfaces.ts'
import { ipv4Bytes, ipv6Bytes } from './ip.ts'
import { encodeSockaddr } from './sockaddr.ts'

/** A multicast group, and the interface to join it on; the system chooses one where none is given. */
export interface MulticastMembership {
  /** An IPv4 address of 224.0.0.0/4, or an IPv6 address of ff00::/8. */
  readonly group: string
  /** The interface's name, number, or an IP address that it has. */
  readonly interface?: string | number
}

/** A multicast group as far as one sender is concerned; RFC 4607. */
export interface SourceMembership extends MulticastMembership {
  /** The IP address, of the group's version, that messages are taken from. */
  readonly source: string
}

/** `struct ip_mreqn`: group, local address, interface number. */
export const membershipIPv4: OptionCodec = writeOnly((value) => {
  const { group, interface: on } = readMembership(value)
  const address = ipv4Bytes(group)
  if (address === undefined) throw wrongValue(`the group ${JSON.stringify(group)} is no IPv4 address`)
  return mreqn(address, on)
})

/** `struct ipv6_mreq`: group, interface number. */
export const membershipIPv6: OptionCodec = writeOnly((value) => {
  const { group, interface: on } = readMembership(value)
  const address = ipv6Bytes(group)
  if (address === undefined) throw wrongValue(`the group ${JSON.stringify(group)} is no IPv6 address`)
  const bytes = new Uint8Array(20)
  bytes.set(address, 0)
  bytes.set(encodeInt(indexOf(on)), 16)
  return bytes
})

/**
 * `struct group_source_req` of RFC 3678: interface number, group, source, each address a `sockaddr_storage` that is aligned
 * as a `long`.
 */
export const sourceMembership: OptionCodec = writeOnly((value) => {
  const { group, interface: on } = readMembership(value)
  const { source }: { source?: unknown } = Object(value)
  if (typeof source !== 'string') throw wrongType(`a membership's source must be a string, not ${inspect(source)}`)
  const names = [group, source].map((text) => encodeSockaddr({ host: hostOf(text), port: 0 }))
  const [groupName, sourceName] = names as [Uint8Array, Uint8Array]
  if (groupName.length !== sourceName.length) {
    throw wrongValue(`the group ${group} and the source ${source} are of different versions of IP`)
  }
  const bytes = new Uint8Array(LONG + 2 * SOCKADDR_STORAGE)
  bytes.set(encodeInt(indexOf(on)), 0)
  bytes.set(groupName, LONG)
  bytes.set(sourceName, LONG + SOCKADDR_STORAGE)
  return bytes
})

const SOCKADDR_STORAGE = 128
const LONG = ['arm', 'ia32', 'mips', 'mipsel', 'ppc'].includes(process.arch) ? 4 : 8

function hostOf(text: string): Host {
  const address = ipv4Bytes(text) ?? ipv6Bytes(text)
  if (address === undefined) throw wrongValue(`${JSON.stringify(text)} is no IP address`)
  return { text, address }
}

export const multicastInterfaceIPv4: OptionCodec = writeOnly((value) => mreqn(new Uint8Array(4), readInterface(value)))
export const multicastInterfaceIPv6: OptionCodec = writeOnly((value) => encodeInt(indexOf(readInterface(value))))

/** Whether a membership is one of an IPv4 group, which an IPv6 socket joins by IPv4's option. */
export function isIPv4Membership(value: unknown): boolean {
  const group = typeof value === 'object' && value !== null && 'group' in value ? value.group : undefined
  return typeof group === 'string' && ipv4Bytes(group) !== undefined
}

function mreqn(group: Uint8Array, on: string | number | undefined): Uint8Array {
  const bytes = new Uint8Array(12)
  bytes.set(group, 0)
  const local = typeof on === 'string' ? ipv4Bytes(on) : undefined
  // By its address the kernel finds an interface by itself, and says EADDRNOTAVAIL or ENODEV where there is none.
  if (local !== undefined) bytes.set(local, 4)
  else bytes.set(encodeInt(indexOf(on)), 8)
  return bytes
}

function readMembership(value: unknown): MulticastMembership {
  const { group, interface: on }: { group?: unknown; interface?: unknown } = Object(value)
  if (typeof group !== 'string') {
    throw wrongType(`a membership must be { group: string, interface?: string | number }, not ${inspect(value)}`)
  }
  return on === undefined ? { group } : { group, interface: readInterface(on) }
}

function readInterface(value: unknown): string | number {
  const isIndex = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31
  if (isIndex || (typeof value === 'string' && value !== '')) return value
  throw wrongNumber(value, `an interface must be a name, a number or an IP address, not ${inspect(value)}`)
}

/** `::%eth0` is how `node:dgram` names an interface by its zone. */
function indexOf(on: string | number | undefined): number {
  if (on === undefined) return 0
  if (typeof on === 'number') return on
  const name = on.includes('%') ? on.slice(on.indexOf('%') + 1) : (interfaceOfAddress(on) ?? on)
  const index = interfaceIndex(name)
  if (index === undefined) throw namedSystemError('ENODEV', 'setsockopt', on)
  return index
}
