import { decodeInt, encodeInt, littleEndian, viewOf } from '../../engine/kernel-options.ts'
import { interfaceIndex, interfaceName } from './interfaces.ts'
import { ipv4Text, ipv6Text } from './ip.ts'
import type { HostAndPort } from './text.ts'

export const AF_INET = 2
export const AF_INET6 = 10
/** `struct sockaddr_in`: family, port, address, 8 bytes of padding. */
const SOCKADDR_IN = 16
/** `struct sockaddr_in6`: family, port, flow info, address, scope. */
const SOCKADDR_IN6 = 28

/**
 * The sockaddr; `undefined` for a host that has no address, `'zone'` for one whose zone is no interface of this
 * machine.
 */
export function encodeSockaddr({ host: { address, zone }, port }: HostAndPort): Uint8Array | 'zone' | undefined {
  if (address === undefined) return undefined
  const isIPv4 = address.length === 4
  const name = new Uint8Array(isIPv4 ? SOCKADDR_IN : SOCKADDR_IN6)
  const view = viewOf(name)
  view.setUint16(0, isIPv4 ? AF_INET : AF_INET6, littleEndian)
  view.setUint16(2, port)
  name.set(address, isIPv4 ? 4 : 8)
  if (zone !== undefined) {
    const index = interfaceIndex(zone)
    if (index === undefined) return 'zone'
    name.set(encodeInt(index), 24)
  }
  return name
}

/** The reverse; `undefined` for what is no address of these families. A zone is given by name where it has one. */
export function decodeSockaddr(name: Uint8Array): { host: string; port: number } | undefined {
  if (name.length < SOCKADDR_IN) return undefined
  const view = viewOf(name)
  const family = view.getUint16(0, littleEndian)
  const port = view.getUint16(2)
  if (family === AF_INET) return { host: ipv4Text(name.subarray(4, 8)), port }
  if (family !== AF_INET6 || name.length < SOCKADDR_IN6) return undefined
  const host = ipv6Text(name.subarray(8, 24))
  const zone = decodeInt(name, 24)
  return { host: zone === 0 ? host : `${host}%${interfaceName(zone) ?? zone}`, port }
}
