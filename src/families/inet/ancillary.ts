import { isIP } from 'node:net'
import { inspect } from 'node:util'
import { wrongNumber, wrongType, wrongValue } from '../../core/argument-errors.ts'
import {
  type AncillaryField,
  type AncillaryForm,
  receiveTimestamp,
  timestampField,
} from '../../engine/ancillary-field.ts'
import type { ControlPart } from '../../engine/control.ts'
import {
  boolean,
  decodeInt,
  encodeInt,
  type FamilyOption,
  type KernelOption,
  SOL_SOCKET,
} from '../../engine/kernel-options.ts'
import { interfaceIndex } from './interfaces.ts'
import { ipv4Bytes, ipv4Text, ipv6Bytes, ipv6Text, isMapped } from './ip.ts'
import { AF_INET6 } from './sockaddr.ts'

/** Where a datagram came in. */
export interface PacketInfo {
  /** The address of ours that it was sent to; a group's or a broadcast address where it was that. */
  readonly address: string
  /** The number of the interface that it came in by. */
  readonly interface: number
}

/** Where a datagram is to leave from. */
export interface PacketSource {
  /** The address of ours to send from. Default: the system's choice. */
  readonly address?: string | undefined
  /** The interface to leave by: its name or number. Default: by the routes. */
  readonly interface?: string | number | undefined
}

/** Options of udp that ask for what comes with messages. */
export interface InetAncillaryOptions {
  /** udp: messages tell where they came in, as `packetInfo`. Default false. IP_PKTINFO, ip(7); RFC 3542 section 6.1. */
  receivePacketInfo?: boolean
  /** udp: messages tell the hops that they had left, as `ttl`. Default false. IP_RECVTTL, ip(7); RFC 3542 section 6.3. */
  receiveTtl?: boolean
  /** udp: messages tell their type of service, as `tos`. Default false. IP_RECVTOS, ip(7); RFC 3542 section 6.5. */
  receiveTos?: boolean
  /** udp: messages tell how many the system has dropped, as `drops`. Default false. SO_RXQ_OVFL, socket(7). */
  receiveDrops?: boolean
}

declare module '../../core/ancillary.ts' {
  interface ReceivedAncillary {
    /** `receivePacketInfo`. */
    readonly packetInfo?: PacketInfo
    /** `receiveTtl`: TTL, or hop limit. */
    readonly ttl?: number
    /** `receiveTos`: type of service, or traffic class: DSCP and ECN. */
    readonly tos?: number
    /** `receiveDrops`: messages that the system dropped on this socket before this one, for lack of room. */
    readonly drops?: number
  }
  interface SentAncillary {
    /** udp: where the message leaves from. IP_PKTINFO, ip(7); RFC 3542 section 6.2. */
    readonly packetInfo?: PacketSource | undefined
    /** udp: hops that the message may travel, 1 to 255. */
    readonly ttl?: number | undefined
    /** udp: type of service, or traffic class, 0 to 255. */
    readonly tos?: number | undefined
  }
}

const IPPROTO_IP = 0
const IPPROTO_IPV6 = 41
const IP_TOS = 1
const IP_TTL = 2
const IP_PKTINFO = 8
const IP_RECVTTL = 12
const IP_RECVTOS = 13
const IPV6_RECVPKTINFO = 49
const IPV6_PKTINFO = 50
const IPV6_RECVHOPLIMIT = 51
const IPV6_HOPLIMIT = 52
const IPV6_RECVTCLASS = 66
const IPV6_TCLASS = 67
const SO_RXQ_OVFL = 40

/** A socket of AF_INET6 that carries IPv4 as well is asked twice, since each packet comes with the words of its own IP. */
function asksFor(brings: string, ipv4: number, ipv6: number): FamilyOption {
  const common = { codec: boolean, phase: 'socket', schemes: ['udp'], brings } as const
  const forIPv4: KernelOption = { level: IPPROTO_IP, name: ipv4, ...common }
  const forIPv6: KernelOption = { level: IPPROTO_IPV6, name: ipv6, ...common, also: forIPv4 }
  return ({ domain }) => (domain === AF_INET6 ? forIPv6 : forIPv4)
}

export const inetAncillaryOptions: Readonly<Record<string, FamilyOption>> = {
  receivePacketInfo: asksFor('packetInfo', IP_PKTINFO, IPV6_RECVPKTINFO),
  receiveTtl: asksFor('ttl', IP_RECVTTL, IPV6_RECVHOPLIMIT),
  receiveTos: asksFor('tos', IP_RECVTOS, IPV6_RECVTCLASS),
  receiveDrops: {
    level: SOL_SOCKET,
    name: SO_RXQ_OVFL,
    codec: boolean,
    phase: 'socket',
    schemes: ['udp'],
    brings: 'drops',
  },
  receiveTimestamp: { ...receiveTimestamp, schemes: ['udp'] },
}

/** IP_TOS comes as one byte, all others as an int. */
const byteOrInt = (data: Uint8Array): number => (data.length < 4 ? (data[0] ?? 0) : decodeInt(data))

export const inetAncillary: Readonly<Record<string, AncillaryField>> = {
  packetInfo: {
    received: [
      // The packet's own address comes last: ipi_ifindex, ipi_spec_dst, ipi_addr.
      form(IPPROTO_IP, IP_PKTINFO, (data) => ({
        address: ipv4Text(data.subarray(8, 12)),
        interface: decodeInt(data),
      })),
      form(IPPROTO_IPV6, IPV6_PKTINFO, (data) => ({
        address: ipv6Text(data.subarray(0, 16)),
        interface: decodeInt(data, 16),
      })),
    ],
    encode: encodePacketSource,
  },
  ttl: {
    received: [form(IPPROTO_IP, IP_TTL, byteOrInt), form(IPPROTO_IPV6, IPV6_HOPLIMIT, byteOrInt)],
    encode: (value, to) => encodeNumber(value, to, 'ttl', 1, IP_TTL, IPV6_HOPLIMIT),
  },
  tos: {
    received: [form(IPPROTO_IP, IP_TOS, byteOrInt), form(IPPROTO_IPV6, IPV6_TCLASS, byteOrInt)],
    encode: (value, to) => encodeNumber(value, to, 'tos', 0, IP_TOS, IPV6_TCLASS),
  },
  drops: {
    received: [form(SOL_SOCKET, SO_RXQ_OVFL, (data) => decodeInt(data) >>> 0)],
    // The kernel says nothing before the first one.
    otherwise: 0,
  },
  timestamp: timestampField,
}

function form(level: number, type: number, decode: (data: Uint8Array) => unknown): AncillaryForm {
  return { level, type, decode }
}

/** What goes out as IPv4 is told in the words of IPv4, whatever the socket: `to` is a sockaddr. */
function leavesAsIPv4(to: Uint8Array): boolean {
  const isIPv6 = to.length >= 28
  return !isIPv6 || isMapped(to.subarray(8, 24))
}

function encodeNumber(
  value: unknown,
  to: Uint8Array,
  what: string,
  least: number,
  ipv4: number,
  ipv6: number,
): ControlPart {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > 255) {
    throw wrongNumber(value, `${what} must be a whole number from ${least} to 255, not ${inspect(value)}`)
  }
  const data = encodeInt(value)
  return leavesAsIPv4(to) ? { level: IPPROTO_IP, type: ipv4, data } : { level: IPPROTO_IPV6, type: ipv6, data }
}

function encodePacketSource(value: unknown, to: Uint8Array): ControlPart {
  if (typeof value !== 'object' || value === null) {
    throw wrongType(`packetInfo must be an object with address or interface, not ${inspect(value)}`)
  }
  const { address, interface: by }: { [field in keyof PacketSource]: unknown } = value
  const index = by === undefined ? 0 : indexOf(by)
  if (leavesAsIPv4(to)) {
    const data = new Uint8Array(12)
    data.set(encodeInt(index), 0)
    if (address !== undefined) data.set(addressBytes(address, 4), 4)
    return { level: IPPROTO_IP, type: IP_PKTINFO, data }
  }
  const data = new Uint8Array(20)
  if (address !== undefined) data.set(addressBytes(address, 6), 0)
  data.set(encodeInt(index), 16)
  return { level: IPPROTO_IPV6, type: IPV6_PKTINFO, data }
}

function addressBytes(address: unknown, version: 4 | 6): Uint8Array {
  const isText = typeof address === 'string'
  const bytes = isText && isIP(address) === version ? (version === 4 ? ipv4Bytes : ipv6Bytes)(address) : undefined
  if (bytes === undefined)
    throw wrongValue(`packetInfo.address must be an IPv${version} address, as the destination is`)
  return bytes
}

function indexOf(by: unknown): number {
  const index = typeof by === 'number' || typeof by === 'string' ? interfaceIndex(String(by)) : undefined
  if (index === undefined)
    throw wrongValue(`packetInfo.interface must be an interface of this machine, not ${inspect(by)}`)
  return index
}
