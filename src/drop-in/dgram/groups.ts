import { isIP, isIPv4, isIPv6 } from 'node:net'
import { interfaceIndex } from '../../families/inet/interfaces.ts'
import type { MulticastMembership, SourceMembership } from '../../families/inet/multicast.ts'

/**
 * A group and the interface to join it on, in our words: `node:dgram` names an interface by an IPv4 address of it, or by the
 * zone of an IPv6 address. Throws a `TypeError` for what is no address.
 */
export function membership(group: unknown, on: unknown): MulticastMembership {
  const address = String(group)
  if (isIP(address) === 0) throw new TypeError(`${address} is no address of a group`)
  if (on === undefined || on === null) return { group: address }
  const text = String(on)
  const isSameVersion = isIPv4(address) ? isIPv4(text) : isIPv6(text)
  if (!isSameVersion) throw new TypeError(`${text} is no address of an interface for the group ${address}`)
  if (isIPv6(text)) return { group: address, interface: zoneOf(text) }
  // Any address means any interface.
  return text === '0.0.0.0' ? { group: address } : { group: address, interface: text }
}

export function sourceMembership(source: string, group: string, on: unknown): SourceMembership {
  if (isIP(source) !== isIP(group)) throw new TypeError(`${source} and ${group} are not of one version of IP`)
  return { source, ...membership(group, on) }
}

/** The interface that multicast leaves by; 0 leaves the choice to the system. Throws a `TypeError` for what is no address. */
export function multicastInterface(address: string): string | number {
  if (isIPv4(address)) return address
  if (isIPv6(address)) return zoneOf(address)
  throw new TypeError(`${address} is no IP address`)
}

/** An interface that is not there is as good as none, as in libuv. */
function zoneOf(address: string): number {
  const zone = /%(.+)$/.exec(address)?.[1]
  return zone === undefined ? 0 : (interfaceIndex(zone) ?? 0)
}
