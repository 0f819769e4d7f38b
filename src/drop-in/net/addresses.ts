import type { AddressBase, AddressInput } from '../../core/address.ts'
import type { AddressFamily } from '../../core/family.ts'
import type { Resolved } from '../../core/registry.ts'
import { type InetAddress, inet } from '../../families/inet.ts'
import { type UnixAddress, unix } from '../../families/unix.ts'
import { registry } from '../registry.ts'
import { isLibuvSince } from './libuv.ts'

/** What `socket.address()` and its like tell of one end. */
export interface SocketName {
  readonly address?: string
  readonly family?: string
  readonly port?: number
}

/**
 * How a socket was asked for, which decides what it says of its addresses: `tcp` by host and port, `pipe` by a path, and
 * `address` by an address of ours.
 */
export type Wording = 'tcp' | 'pipe' | 'address'

/** Before libuv 1.48 Node fills an abstract name up with NULs. Both ends must do so, or they do not meet. */
const padsNames = !isLibuvSince(48)

/** An address of ours that carries a stream: text that begins with the scheme of one, or an object that names its family. */
export function streamAddress(input: unknown): Resolved | undefined {
  if (typeof input === 'string') {
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(input)?.[1]?.toLowerCase()
    const isStream = registry.families.some(
      (family) => scheme !== undefined && family.schemes[scheme]?.kind === 'stream',
    )
    return isStream ? registry.resolve(input) : undefined
  }
  return typeof input === 'object' && input !== null ? registry.resolve(input as AddressInput) : undefined
}

export function tcpAddress(host: string, port: number): InetAddress<'tcp'> {
  return { family: 'inet', scheme: 'tcp', host, port }
}

export function isTcp(address: AddressBase): address is InetAddress<'tcp'> {
  return address.scheme === 'tcp'
}

/** The name of a Unix socket as Node writes it: a path, or an abstract name after a NUL. */
export function pipeAddress(path: string): UnixAddress<'unix'> {
  const start = { family: 'unix', scheme: 'unix' } as const
  if (!path.startsWith('\0')) return { ...start, path }
  return { ...start, abstract: Buffer.from(path.slice(1)), ...(padsNames && { padded: true }) }
}

export const tcpFamily: AddressFamily<AddressBase> = inet
export const pipeFamily: AddressFamily<AddressBase> = unix

/** Node's words for an address where its family has them, else its text. Of a pipe Node says nothing. */
export function nameOf(wording: Wording, address: AddressBase | undefined): SocketName | undefined {
  if (address === undefined || wording === 'pipe') return undefined
  const family = registry.ofScheme(address.scheme)
  if (family.toNode === undefined) return { address: family.format(address) }
  const { address: host, family: version, port } = family.toNode(address)
  return { address: host, family: version, port }
}
