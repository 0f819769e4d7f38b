import { isIPv4, isIPv6 } from 'node:net'
import type { AddressBase } from '../../core/address.ts'
import { namedSystemError } from '../../core/errors.ts'
import type { DatagramHandle, UnboundDatagramHandle } from '../../core/family.ts'
import { loadAddon } from '../../engine/addon.ts'
import { SOCK_DGRAM } from '../../engine/kernel-options.ts'
import { ANY } from '../../families/inet/host.ts'
import { AF_INET, AF_INET6 } from '../../families/inet/sockaddr.ts'
import { type InetAddress, inet } from '../../families/inet.ts'
import { checkPort, checkString } from '../errors/checks.ts'
import type { Described, OpeningOptions, Place, Resolved, SocketKind } from './kind.ts'

/** `dns.lookup`, or what the caller gave in its place. */
export type Lookup = (
  hostname: string,
  family: 4 | 6,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
) => void

type Udp = InetAddress<'udp'>

/** `'udp4'` and `'udp6'`: names are looked up in that family alone, and numeric addresses must be of it. */
export class UdpKind implements SocketKind {
  readonly type: 'udp4' | 'udp6'
  readonly isShared = true
  readonly hasIPAddresses = true
  readonly #lookup: Lookup
  readonly #version: 4 | 6
  readonly #any: string
  readonly #loopback: string

  constructor(type: 'udp4' | 'udp6', lookup: Lookup) {
    this.type = type
    this.#lookup = lookup
    this.#version = type === 'udp4' ? 4 : 6
    this.#any = type === 'udp4' ? '0.0.0.0' : '::'
    this.#loopback = type === 'udp4' ? '127.0.0.1' : '::1'
  }

  bindPlace(port: unknown, address: unknown): Place {
    const given = readUdp(port)
    if (given !== undefined) return { address: given.host === ANY ? this.#any : given.host, port: given.port }
    // Whatever counts as false is not given, null and an empty text too.
    if (address) checkString(address, 'address')
    return { address: address ? String(address) : this.#any, port: port ? checkPort(port, 'Port', '>= 0') : 0 }
  }

  peerPlace(port: unknown, address: unknown): Place {
    const given = readUdp(port)
    if (given !== undefined) return { address: given.host, port: checkPort(given.port, 'Port', '> 0') }
    const checked = checkPort(port, 'Port', '> 0')
    if (address === undefined || address === null) return { address: undefined, port: checked }
    checkString(address, 'address')
    return { address, port: checked }
  }

  resolve({ address, port }: Place, done: Resolved): void {
    this.#lookup(address || this.#loopback, this.#version, (error, host) => {
      if (error) done(error)
      else done(null, udp(host, port))
    })
  }

  openAnywhere(options: OpeningOptions): DatagramHandle<AddressBase> | undefined {
    return this.#open(udp(this.#any, 0), options)
  }

  bind(
    address: AddressBase,
    options: OpeningOptions,
    opened: DatagramHandle<AddressBase> | undefined,
  ): DatagramHandle<AddressBase> | Promise<DatagramHandle<AddressBase>> {
    this.check(address)
    if (opened !== undefined) {
      const handle = opened as UnboundDatagramHandle<AddressBase>
      handle.bind(address)
      return handle
    }
    const request = { signal: undefined, engine: undefined, local: undefined, options: settings(options) }
    return this.#open(address as Udp, options) ?? (inet.bind?.(address as Udp, request) as Promise<DatagramHandle>)
  }

  /** `undefined` without the addon: Node's own sockets, which then carry ours, take their time. */
  #open(address: Udp, options: OpeningOptions): DatagramHandle<AddressBase> | undefined {
    if (loadAddon().addon === undefined) return undefined
    const handle = inet.openDatagram?.(address, settings(options))
    try {
      handle?.bind(address)
      return handle as DatagramHandle<AddressBase> | undefined
    } catch (error) {
      handle?.close()
      throw error
    }
  }

  /** What a lookup gave may be anything, since the caller may have brought it. */
  check(address: AddressBase): void {
    const { host } = address as Udp
    const isOurs = this.#version === 4 ? isIPv4(host) : isIPv6(host)
    if (!isOurs) throw namedSystemError('EINVAL', 'lookup')
  }

  takes(domain: number, type: number): boolean {
    return (domain === AF_INET || domain === AF_INET6) && type === SOCK_DGRAM
  }

  describe(address: AddressBase | undefined): Described {
    const { host, port } = (address as Udp | undefined) ?? { host: this.#any, port: 0 }
    return { address: host, family: host.includes(':') ? 'IPv6' : 'IPv4', port }
  }
}

/** An address of ours in the place of a port: `udp://host:port`, or the same as an object. */
function readUdp(input: unknown): Udp | undefined {
  if (typeof input === 'string' && input.startsWith('udp:')) return inet.parse('udp', input.slice('udp:'.length)) as Udp
  const isAddress = typeof input === 'object' && input !== null && 'scheme' in input && input.scheme === 'udp'
  if (!isAddress) return undefined
  // Formatting checks every part.
  inet.format(input as Udp)
  return input as Udp
}

function udp(host: string, port: number): Udp {
  return { family: 'inet', scheme: 'udp', host, port }
}

function settings({ reuseAddr, reusePort, ipv6Only }: OpeningOptions): Readonly<Record<string, unknown>> {
  return {
    ...(reuseAddr && { reuseAddress: true }),
    ...(reusePort && { reusePort: true }),
    ...(ipv6Only && { ipv6Only: true }),
  }
}
