import { inspect } from 'node:util'
import { invalidAddress } from '../core/address.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { AddressFamily } from '../core/family.ts'
import type { OpenRequest } from '../core/options.ts'
import {
  factsOf,
  type KernelFamilyDefinition,
  type KernelScheme,
  kernelFamily,
  type Purpose,
} from '../engine/kernel-family.ts'
import { SOCK_DGRAM, SOCK_STREAM } from '../engine/kernel-options.ts'
import { type InetAncillaryOptions, inetAncillary, inetAncillaryOptions } from './inet/ancillary.ts'
import { explainInet, pathLimit } from './inet/explain.ts'
import { ANY } from './inet/host.ts'
import { isMapped } from './inet/ip.ts'
import { type InetSocketOptions, inetOptions, inetSocketLevelOptions } from './inet/options.ts'
import { lookupHost } from './inet/resolve.ts'
import { AF_INET, AF_INET6, decodeSockaddr, encodeSockaddr } from './inet/sockaddr.ts'
import { checkHostAndPort, formatHostAndPort, type HostAndPort, parseHostAndPort } from './inet/text.ts'
import { shellWord } from './socat.ts'

export type { InetAncillaryOptions, PacketInfo, PacketSource } from './inet/ancillary.ts'
export type { MulticastMembership, SourceMembership } from './inet/multicast.ts'
export type { InetSocketOptions } from './inet/options.ts'

/** An address of TCP or UDP over IPv4 or IPv6. */
export interface InetAddress<S extends 'tcp' | 'udp' = 'tcp' | 'udp'> {
  readonly family: 'inet'
  readonly scheme: S
  /**
   * An IPv4 address, an IPv6 address without brackets (with a zone where it needs one: `fe80::1%eth0`), a host name, or
   * `*` for every address of this machine, which can be listened on and bound to.
   */
  readonly host: string
  /** 0 to 65535. Port 0 asks the system for a free one, and cannot be connected or sent to. */
  readonly port: number
}

declare module '../core/address.ts' {
  interface SchemeMap {
    tcp: { address: InetAddress<'tcp'>; kind: 'stream' }
    udp: { address: InetAddress<'udp'>; kind: 'datagram' }
  }
}

declare module '../core/options.ts' {
  interface SocketOptions extends InetSocketOptions, InetAncillaryOptions {}
}

const IPPROTO_TCP = 6
const IPPROTO_UDP = 17
/** TCP to whoever uses it; what Go's listeners are. */
const IPPROTO_MPTCP = 262
/** 65,535 bytes, less the UDP header, and in IPv4 less the IP header too. */
const MAX_UDP_IPV4 = 65_507
const MAX_UDP_IPV6 = 65_527
/** `::` takes IPv4 as well; the other is for a machine without IPv6. */
const WILDCARDS = ['::', '0.0.0.0']

const tcp: KernelScheme = {
  type: SOCK_STREAM,
  protocol: IPPROTO_TCP,
  facts: { socket: 'AF_INET or AF_INET6, SOCK_STREAM' },
}
const udp: KernelScheme = {
  type: SOCK_DGRAM,
  protocol: IPPROTO_UDP,
  facts: { socket: 'AF_INET or AF_INET6, SOCK_DGRAM', maxMessage: MAX_UDP_IPV4 },
  coalesces: true,
}

const tcpFacts = factsOf('inet', tcp)
const udpFacts = factsOf('inet', udp)
const udpFactsIPv6: SchemeFacts = { ...udpFacts, maxMessage: MAX_UDP_IPV6 }

/** TCP and UDP: ip(7), ipv6(7), tcp(7), udp(7). */
export const inetDefinition: KernelFamilyDefinition<InetAddress> = {
  name: 'inet',
  domain: [AF_INET, AF_INET6],
  schemes: { tcp, udp },
  encode(address) {
    const name = encodeSockaddr(check(address))
    if (name === 'zone') throw invalidAddress(format(address), 'the zone is no network interface of this machine')
    if (name === undefined) throw invalidAddress(format(address), NO_ADDRESS)
    return name
  },
  decode(name, scheme) {
    const found = decodeSockaddr(name)
    return found === undefined ? undefined : make(scheme, found.host, found.port)
  },
  parse(scheme, rest) {
    const { host, port } = parseHostAndPort(scheme, rest)
    return make(scheme, host.text, port)
  },
  format,
  ephemeral: (scheme) => make(scheme, '127.0.0.1', 0),
  toSocat,
  toNode(address) {
    const { host, port } = check(address)
    if (host.address === undefined) throw invalidAddress(format(address), NO_ADDRESS)
    return { address: host.text, port, family: host.address.length === 16 ? 'IPv6' : 'IPv4' }
  },
  facts(address) {
    if (address.scheme === 'tcp') return tcpFacts
    const { text, address: bytes } = check(address).host
    // A wildcard socket and one for mapped addresses may carry IPv4, whose limit is the smaller one.
    const isOnlyIPv6 = bytes?.length === 16 && text !== '::' && !isMapped(bytes)
    return isOnlyIPv6 ? udpFactsIPv6 : udpFacts
  },
  adopted({ domain, type, protocol }) {
    if (domain !== AF_INET && domain !== AF_INET6) return undefined
    const any = domain === AF_INET ? '0.0.0.0' : '::'
    if (type === SOCK_STREAM && (protocol === IPPROTO_TCP || protocol === IPPROTO_MPTCP)) return make('tcp', any, 0)
    return type === SOCK_DGRAM && protocol === IPPROTO_UDP ? make('udp', any, 0) : undefined
  },
  resolve,
  options: { ...inetSocketLevelOptions, ...inetOptions, ...inetAncillaryOptions },
  ancillary: inetAncillary,
  explain: (error, address) => explainInet(error, address.scheme, check(address)),
  pathLimit(address, read) {
    const bytes = check(address).host.address
    return pathLimit(bytes?.length === 16 && !isMapped(bytes), read)
  },
  defaults({ scheme, host }, purpose) {
    return {
      // Without it a server cannot be restarted while connections of its predecessor are in TIME_WAIT.
      ...(scheme === 'tcp' && purpose === 'listen' && { reuseAddress: true }),
      // The system's own default is an administrator's choice (net.ipv6.bindv6only), and `*` means both.
      ...(host === '::' && (purpose === 'listen' || purpose === 'bind') && { ipv6Only: false }),
    }
  },
  node: {
    schemes: ['tcp', 'udp'],
    encode(address) {
      const { host, port } = check(address)
      return { host: host.text, port }
    },
    decode: (endpoint, scheme) =>
      'host' in endpoint ? canonical(make(scheme, endpoint.host, endpoint.port)) : undefined,
  },
  remedy: 'build a kernel with CONFIG_INET (and CONFIG_IPV6 for IPv6)',
}

export const inet: AddressFamily<InetAddress> = kernelFamily(inetDefinition)

/** What an address with a host that was not looked up lacks. */
const NO_ADDRESS = 'the host is a name, and has to be resolved first'

function make(scheme: string, host: string, port: number): InetAddress {
  return { family: 'inet', scheme: scheme as InetAddress['scheme'], host, port }
}

function canonical(address: InetAddress): InetAddress {
  const { host, port } = check(address)
  return make(address.scheme, host.text, port)
}

function check(address: InetAddress): HostAndPort {
  if (address.scheme !== 'tcp' && address.scheme !== 'udp') {
    throw invalidAddress(inspect(address), 'the scheme must be tcp or udp')
  }
  return checkHostAndPort(address)
}

function format(address: InetAddress): string {
  return `${address.scheme}://${formatHostAndPort(check(address))}`
}

function resolve(
  address: InetAddress,
  purpose: Purpose,
  request?: OpenRequest<InetAddress>,
): InetAddress[] | Promise<InetAddress[]> {
  const { scheme } = address
  const { host, port } = check(address)
  const outward = purpose === 'connect' || purpose === 'send'
  if (outward && host.text === ANY)
    throw invalidAddress(format(address), `the host * can be listened on and bound to; ${purpose} needs one host`)
  if (outward && port === 0)
    throw invalidAddress(format(address), `the port 0 can be listened on and bound to; ${purpose} needs a real one`)
  if (host.text === ANY) return WILDCARDS.map((wildcard) => make(scheme, wildcard, port))
  if (host.address !== undefined) return [make(scheme, host.text, port)]
  return lookupHost(host.text, format(address), request?.signal).then((hosts) =>
    hosts.map((found) => canonical(make(scheme, found, port))),
  )
}

/**
 * The other end: what connects or sends to the address. For the wildcard, which nothing can reach, what listens there.
 */
function toSocat(address: InetAddress): string {
  const { host, port } = check(address)
  const protocol = address.scheme.toUpperCase()
  if (host.text === ANY) {
    return shellWord(protocol === 'TCP' ? `TCP6-LISTEN:${port},ipv6only=0` : `UDP6-RECVFROM:${port},ipv6only=0`)
  }
  return shellWord(`${protocol}${host.address?.length === 16 ? '6' : ''}:${formatHostAndPort({ host, port })}`)
}
