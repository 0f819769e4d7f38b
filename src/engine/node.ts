import type { AddressBase } from '../core/address.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { NamedOptions } from './socket-options.ts'

/**
 * Where `node:net` and `node:dgram` find an address: an IP address (an IPv6 one with its zone where it needs one) and
 * a port, or the path of a Unix socket.
 */
export type NodeEndpoint = { readonly host: string; readonly port: number } | { readonly path: string }

export type NodeHost = Extract<NodeEndpoint, { host: string }>

/** How a family's addresses are said in the words of `node:net` and `node:dgram`. */
export interface NodeCodec<A extends AddressBase> {
  /** The schemes that Node's own sockets can carry. */
  readonly schemes: readonly string[]
  /** Called with what the family's `resolve` gave. Throws `ERR_UNSUPPORTED` for an address that Node cannot reach. */
  encode(address: A): NodeEndpoint
  /** `undefined` for an unnamed socket. */
  decode(endpoint: NodeEndpoint, scheme: string): A | undefined
}

/** What a socket of Node's has to know of its family: the codec, and nothing else. */
export interface NodeKind<A extends AddressBase> extends NamedOptions {
  readonly facts: SchemeFacts
  encode(address: A): NodeEndpoint
  decode(endpoint: NodeEndpoint): A | undefined
  format(address: A): string
  /** The addresses that a destination stands for; see the family's definition. */
  destinations(address: A): A[] | Promise<A[]>
}
