import {
  boolean,
  count,
  type FamilyOption,
  type KernelOption,
  lingerSeconds,
  type OptionCodec,
  SO_BROADCAST,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOL_SOCKET,
  secondsFromMilliseconds,
  socketLevelOptions,
  whole,
} from '../../engine/kernel-options.ts'
import {
  isIPv4Membership,
  type MulticastMembership,
  membershipIPv4,
  membershipIPv6,
  multicastInterfaceIPv4,
  multicastInterfaceIPv6,
  type SourceMembership,
  sourceMembership,
} from './multicast.ts'
import { AF_INET6 } from './sockaddr.ts'

/** Options of tcp and udp. */
export interface InetSocketOptions {
  /** tcp: sends small segments at once instead of gathering them. Default false. TCP_NODELAY, tcp(7). */
  noDelay?: boolean
  /** tcp: asks an idle peer whether it is still there. Default false. SO_KEEPALIVE, socket(7). */
  keepAlive?: boolean
  /**
   * tcp: milliseconds of silence before the first keep-alive probe, rounded up to seconds, up to 32,767,000. Default 2 h.
   * TCP_KEEPIDLE, tcp(7).
   */
  keepAliveDelay?: number
  /**
   * tcp: milliseconds between keep-alive probes, rounded up to seconds, up to 32,767,000. Default 75 s. TCP_KEEPINTVL,
   * tcp(7).
   */
  keepAliveInterval?: number
  /** tcp: unanswered keep-alive probes before the connection is given up, 1 to 127. Default 9. TCP_KEEPCNT, tcp(7). */
  keepAliveCount?: number
  /**
   * tcp: acknowledges at once instead of waiting for data to go with it. Not lasting: the system takes the choice back,
   * and does so when a connection is made. TCP_QUICKACK, tcp(7).
   */
  quickAck?: boolean
  /**
   * tcp: milliseconds that sent data may stay unacknowledged; 0 for the system's choice, the default. TCP_USER_TIMEOUT,
   * tcp(7).
   */
  userTimeout?: number
  /**
   * tcp: what close does with unsent data. `false`, the default: the system goes on sending. 0: it is dropped and the
   * peer gets a reset. More: close blocks the whole thread for up to so many seconds. SO_LINGER, socket(7).
   */
  linger?: number | false
  /**
   * Binds to an address that old connections still use. Default true for a tcp listener, else false. SO_REUSEADDR,
   * socket(7).
   */
  reuseAddress?: boolean
  /**
   * Several sockets at one address, each getting a share. `'try'`: only where the system can. Default false.
   * SO_REUSEPORT, socket(7).
   */
  reusePort?: boolean | 'try'
  /**
   * Whether an IPv6 socket refuses IPv4. Default false for `*` and `::`, whatever the system's own. IPV6_V6ONLY,
   * ipv6(7).
   */
  ipv6Only?: boolean
  /** Hops that a packet may travel, 1 to 255. Default 64. IP_TTL, ip(7); IPV6_UNICAST_HOPS, ipv6(7). */
  ttl?: number
  /** Type of service, or traffic class: DSCP and ECN, 0 to 255. Default 0. IP_TOS, ip(7); IPV6_TCLASS, ipv6(7). */
  tos?: number
  /** udp: may send to broadcast addresses. Default false. SO_BROADCAST, socket(7). */
  broadcast?: boolean
  /**
   * udp: hops that a multicast message may travel, 0 to 255. Default 1. IP_MULTICAST_TTL, ip(7); IPV6_MULTICAST_HOPS,
   * ipv6(7).
   */
  multicastTtl?: number
  /**
   * udp: our multicast messages come back to this machine. Default true. IP_MULTICAST_LOOP, ip(7); IPV6_MULTICAST_LOOP,
   * ipv6(7).
   */
  multicastLoopback?: boolean
  /**
   * udp: the interface that multicast leaves by: its name, its number, or an IP address that it has. IP_MULTICAST_IF,
   * ip(7).
   */
  multicastInterface?: string | number
  /** udp: joins a multicast group. IP_ADD_MEMBERSHIP, ip(7); IPV6_JOIN_GROUP, ipv6(7). */
  joinGroup?: MulticastMembership
  /** udp: leaves a group that was joined. IP_DROP_MEMBERSHIP, ip(7); IPV6_LEAVE_GROUP, ipv6(7). */
  leaveGroup?: MulticastMembership
  /** udp: joins a multicast group for what one sender sends to it. MCAST_JOIN_SOURCE_GROUP, RFC 3678; ip(7). */
  joinSourceGroup?: SourceMembership
  /** udp: leaves a group that was joined for one sender. MCAST_LEAVE_SOURCE_GROUP, RFC 3678; ip(7). */
  leaveSourceGroup?: SourceMembership
}

const IPPROTO_IP = 0
const IPPROTO_TCP = 6
const IPPROTO_IPV6 = 41

const reusePort: OptionCodec = {
  ...boolean,
  encode: (value, option) => boolean.encode(value === 'try' ? true : value, option),
}

function tcp(name: number, codec: OptionCodec): KernelOption {
  return { level: IPPROTO_TCP, name, codec, phase: 'socket', isInherited: true, schemes: ['tcp'] }
}

function ofSocket(name: number, codec: OptionCodec, ...schemes: string[]): KernelOption {
  const option: KernelOption = { level: SOL_SOCKET, name, codec, phase: 'socket', isInherited: true }
  return schemes.length === 0 ? option : { ...option, schemes }
}

/** One option, two numbers. An IPv6 socket that carries IPv4 too keeps IPv4's half on its own, so both are set. */
function ofBoth(
  ipv4: number,
  ipv6: number,
  codecIPv4: OptionCodec,
  codecIPv6: OptionCodec,
  ...schemes: string[]
): FamilyOption {
  const common = { phase: 'socket' as const, isInherited: true, ...(schemes.length > 0 && { schemes }) }
  const forIPv4: KernelOption = { level: IPPROTO_IP, name: ipv4, codec: codecIPv4, ...common }
  const forIPv6: KernelOption = { level: IPPROTO_IPV6, name: ipv6, codec: codecIPv6, ...common, also: forIPv4 }
  return ({ domain }) => (domain === AF_INET6 ? forIPv6 : forIPv4)
}

/** The group says which option it is, since an IPv6 socket can be a member of IPv4 groups too. */
function membership(ipv4: number, ipv6: number): FamilyOption {
  const common = { phase: 'socket', schemes: ['udp'] } as const
  const forIPv4: KernelOption = { level: IPPROTO_IP, name: ipv4, codec: membershipIPv4, ...common }
  const forIPv6: KernelOption = { level: IPPROTO_IPV6, name: ipv6, codec: membershipIPv6, ...common }
  return ({ domain }, value) => (domain === AF_INET6 && !isIPv4Membership(value) ? forIPv6 : forIPv4)
}

/** One pair of numbers and one layout for both versions of IP, at the level of the group's. */
function forOneSource(name: number): FamilyOption {
  const common = { name, codec: sourceMembership, phase: 'socket' as const, schemes: ['udp'] }
  const forIPv4: KernelOption = { ...common, level: IPPROTO_IP }
  const forIPv6: KernelOption = { ...common, level: IPPROTO_IPV6 }
  return ({ domain }, value) => (domain === AF_INET6 && !isIPv4Membership(value) ? forIPv6 : forIPv4)
}

/** Options of every family that the connections of a TCP listener inherit from it. */
export const inetSocketLevelOptions: Readonly<Record<string, KernelOption>> = {
  receiveBuffer: { ...socketLevelOptions.receiveBuffer, isInherited: true },
  sendBuffer: { ...socketLevelOptions.sendBuffer, isInherited: true },
}

/** MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL, in seconds, and MAX_TCP_KEEPCNT, of Linux's net/tcp.h. */
const seconds = secondsFromMilliseconds(32_767)
const probes = whole(1, 127)

/** Numbers of Linux's netinet/tcp.h, bits/in.h and linux/in6.h. */
export const inetOptions: Readonly<Record<string, FamilyOption>> = {
  noDelay: tcp(1, boolean),
  keepAlive: ofSocket(SO_KEEPALIVE, boolean, 'tcp'),
  keepAliveDelay: tcp(4, seconds),
  keepAliveInterval: tcp(5, seconds),
  keepAliveCount: tcp(6, probes),
  // listen(2) resets it.
  quickAck: { ...tcp(12, boolean), isInherited: false },
  userTimeout: tcp(18, count),
  linger: ofSocket(SO_LINGER, lingerSeconds, 'tcp'),
  reuseAddress: ofSocket(SO_REUSEADDR, boolean),
  reusePort: {
    ...ofSocket(SO_REUSEPORT, reusePort),
    forgives: (value, code) => value === 'try' && (code === 'ENOPROTOOPT' || code === 'EOPNOTSUPP'),
  },
  ipv6Only: {
    level: IPPROTO_IPV6,
    name: 26,
    codec: boolean,
    phase: 'socket',
    isInherited: true,
    // An IPv4 socket does not have the option, and false asks for nothing that it lacks.
    forgives: (value, code) => value === false && code === 'ENOPROTOOPT',
  },
  ttl: ofBoth(2, 16, whole(1, 255), whole(1, 255)),
  tos: ofBoth(1, 67, whole(0, 255), whole(0, 255)),
  broadcast: ofSocket(SO_BROADCAST, boolean, 'udp'),
  multicastTtl: ofBoth(33, 18, whole(0, 255), whole(0, 255), 'udp'),
  multicastLoopback: ofBoth(34, 19, boolean, boolean, 'udp'),
  multicastInterface: ofBoth(32, 17, multicastInterfaceIPv4, multicastInterfaceIPv6, 'udp'),
  joinGroup: membership(35, 20),
  leaveGroup: membership(36, 21),
  joinSourceGroup: forOneSource(46),
  leaveSourceGroup: forOneSource(47),
}
