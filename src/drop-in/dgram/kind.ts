import type { RemoteInfo } from 'node:dgram'
import type { AddressBase } from '../../core/address.ts'
import type { DatagramHandle } from '../../core/family.ts'

/** Where to bind, connect or send to, as far as the arguments tell. */
export interface Place {
  /** How errors name it. */
  readonly address: string | undefined
  /** 0 where there is none. */
  readonly port: number
}

/** What is in an address for whoever uses `node:dgram`. */
export type Described = Omit<RemoteInfo, 'size' | 'family'> & { readonly family: string }

/** The options of `createSocket` that opening needs. */
export interface OpeningOptions {
  readonly reuseAddr: boolean
  readonly reusePort: boolean
  readonly ipv6Only: boolean
}

/** Called at once, or later where a name is looked up. */
export type Resolved = (error: Error | null, address?: AddressBase) => void

/** What the type of a socket decides: its addresses, and how it is opened. `'udp4'`, `'udp6'`, or a scheme of ours. */
export interface SocketKind {
  readonly type: string
  /** Reads the arguments of `bind`, of which none need be given. Throws for those that cannot be. */
  bindPlace(port: unknown, address: unknown): Place
  /** Reads those of `connect` and `send`. */
  peerPlace(port: unknown, address: unknown): Place
  resolve(place: Place, done: Resolved): void
  /** A socket at an address that the system chooses; `undefined` where such sockets are opened by `bind` alone. */
  openAnywhere(options: OpeningOptions): DatagramHandle<AddressBase> | undefined
  /** Opens and binds. Throws or rejects with a `SocketError`. */
  bind(
    address: AddressBase,
    options: OpeningOptions,
    opened: DatagramHandle<AddressBase> | undefined,
  ): DatagramHandle<AddressBase> | Promise<DatagramHandle<AddressBase>>
  /** Throws for an address that such a socket cannot use. */
  check(address: AddressBase): void
  /** Whether a socket of these numbers of socket(2) is of this kind. */
  takes(domain: number, type: number): boolean
  describe(address: AddressBase | undefined): Described
  /** Whether `describe` gives IP addresses. */
  readonly hasIPAddresses: boolean
  /** Whether node:cluster can share it among workers. */
  readonly isShared: boolean
}
