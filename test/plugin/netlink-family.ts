import { endianness } from 'node:os'
import { type AddressFamily, invalidAddress, kernelFamily } from '../../src/index.ts'

/** netlink(7): the port of a socket (`pid`; 0 is the kernel, or lets it choose) and a mask of multicast groups. */
export interface NetlinkAddress {
  readonly family: 'netlink'
  readonly scheme: 'netlink'
  readonly port: number
  readonly groups: number
}

declare module '../../src/index.ts' {
  interface SchemeMap {
    netlink: { address: NetlinkAddress; kind: 'datagram' }
  }
}

const AF_NETLINK = 16
const SOCK_RAW = 3
const NETLINK_ROUTE = 0
const littleEndian = endianness() === 'LE'

/** A family as a user writes it, outside the package: `netlink:<port>[?groups=<mask>]`, of the protocol NETLINK_ROUTE. */
export const netlink: AddressFamily<NetlinkAddress> = kernelFamily<NetlinkAddress>({
  name: 'netlink',
  domain: AF_NETLINK,
  schemes: { netlink: { type: SOCK_RAW, protocol: NETLINK_ROUTE } },
  encode({ port, groups }) {
    const name = new DataView(new ArrayBuffer(12))
    name.setUint16(0, AF_NETLINK, littleEndian)
    name.setUint32(4, port, littleEndian)
    name.setUint32(8, groups, littleEndian)
    return new Uint8Array(name.buffer)
  },
  decode(bytes) {
    const name = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    return make(name.getUint32(4, littleEndian), name.getUint32(8, littleEndian))
  },
  parse(scheme, rest) {
    const match = /^(\d+)(?:\?groups=(\d+))?$/.exec(rest)
    if (match === null) throw invalidAddress(`${scheme}:${rest}`, 'it must be a port, and groups if any')
    return make(Number(match[1]), Number(match[2] ?? 0))
  },
  format: ({ port, groups }) => `netlink:${port}${groups === 0 ? '' : `?groups=${groups}`}`,
})

function make(port: number, groups: number): NetlinkAddress {
  return { family: 'netlink', scheme: 'netlink', port, groups }
}
