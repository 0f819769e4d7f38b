import { SocketError } from './errors.ts'
import type { EndpointKind } from './facts.ts'

/** What every address has. The rest is the family's. */
export interface AddressBase {
  readonly family: string
  readonly scheme: string
}

/**
 * Every scheme, with its address and the kind of endpoint that it makes. Families fill it in by declaration merging,
 * which is how `connect('udp://…')` comes to return a `DatagramEndpoint`:
 *
 * ```ts
 * declare module 'polysocket' {
 *   interface SchemeMap { vsock: { address: VsockAddress; kind: 'stream' } }
 * }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: families fill it in
export interface SchemeMap {}

/**
 * The families that can search for what to connect to, each with the options of its search and what that finds. Filled in by
 * declaration merging, as `SchemeMap` is.
 */
// biome-ignore lint/suspicious/noEmptyInterface: families fill it in
export interface DiscoveryMap {}

/** The name of a family that can `discover`. */
export type Discoverer = keyof DiscoveryMap & string

export type Scheme = keyof SchemeMap & string

/** Any address of any family: a union discriminated by `family`, then `scheme`. */
export type Address = SchemeMap[Scheme]['address']

/** An address as text or as data. A scheme may be left out where the family has only one. */
export type AddressInput = string | Address | AddressBase | { readonly family: string }

/** The scheme in the type of an address: of a text literal, what stands before its colon. */
export type SchemeOf<T> = T extends string
  ? T extends `${infer S}:${string}`
    ? S
    : string
  : T extends { readonly scheme: infer S extends string }
    ? S
    : string

/** The kind of endpoint that an address of type `T` makes; both where the type does not tell. */
export type KindOf<T> = SchemeOf<T> extends infer S extends Scheme ? SchemeMap[S]['kind'] : EndpointKind

/** Splits `scheme:rest`; the rest is the family's to read. */
export function splitAddress(text: string): { scheme: string; rest: string } {
  const match = /^([a-z][a-z0-9+.-]*):/i.exec(text)
  if (match === null) {
    throw invalidAddress(text, text === '' ? 'it is empty' : 'it does not begin with a scheme, such as tcp: or unix:')
  }
  const scheme = match[1] as string
  return { scheme: scheme.toLowerCase(), rest: text.slice(match[0].length) }
}

/**
 * The error for an address that cannot be: `part` says which part is wrong and why.
 * Families throw it from `parse`, `encode` and `format`.
 */
export function invalidAddress(address: string | AddressBase, part: string): SocketError {
  const text = typeof address === 'string' ? address : JSON.stringify(address)
  return new SocketError('ERR_ADDRESS_INVALID', `invalid address ${JSON.stringify(text)}: ${part}`, { address: text })
}
