import type { AddressBase } from '../core/address.ts'

/** Where `node:net` and `node:dgram` find an address. */
export type NodeEndpoint = { readonly host: string; readonly port: number } | { readonly path: string }

/** How a family's addresses are said in the words of `node:net` and `node:dgram`. */
export interface NodeCodec<A extends AddressBase> {
  /** The schemes that Node's own sockets can carry. */
  readonly schemes: readonly string[]
  /** Throws `ERR_UNSUPPORTED` for an address that Node cannot reach. */
  encode(address: A): NodeEndpoint
  /** `undefined` for an unnamed socket. */
  decode(endpoint: NodeEndpoint, scheme: string): A | undefined
}
