import { inspect } from 'node:util'
import { type AddressBase, type AddressInput, invalidAddress } from '../../core/address.ts'
import { unsupported } from '../../core/errors.ts'
import type { AddressFamily, DatagramHandle } from '../../core/family.ts'
import { SOCK_DGRAM } from '../../engine/kernel-options.ts'
import { AF_UNIX } from '../../families/unix/name.ts'
import { registry } from '../registry.ts'
import type { Described, OpeningOptions, Place, Resolved, SocketKind } from './kind.ts'

interface AddressPlace extends Place {
  readonly parsed: AddressBase
}

/** A scheme of polysocket: its addresses stand, as text, where Node has a port and an address. */
export class SchemeKind implements SocketKind {
  readonly type: string
  readonly isShared = false
  readonly hasIPAddresses = false
  readonly #family: AddressFamily<AddressBase>

  /** Throws for a scheme that is unknown, or that has connections. */
  constructor(scheme: string) {
    this.#family = registry.ofScheme(scheme)
    const facts = this.#family.schemes[scheme]
    if (facts === undefined || facts.kind !== 'datagram' || facts.connected) {
      throw unsupported(`a dgram socket of ${scheme}`, 'the scheme is connection-based; use polysocket itself')
    }
    this.type = scheme
  }

  bindPlace(port: unknown, address: unknown): AddressPlace {
    return this.#place(port, address) ?? this.#placeOf(this.#unused())
  }

  peerPlace(port: unknown, address: unknown): AddressPlace {
    const place = this.#place(port, address)
    if (place !== undefined) return place
    throw invalidAddress(inspect(address ?? port), `a ${this.type} socket needs an address such as ${this.type}:…`)
  }

  /** Of the two arguments of Node's the one that is an address: `send(text, rinfo.port, rinfo.address)` goes back. */
  #place(port: unknown, address: unknown): AddressPlace | undefined {
    const given = [port, address].find((one) => isAddress(one))
    if (given === undefined) return undefined
    const { address: parsed } = registry.resolve(given as AddressInput)
    this.check(parsed)
    return this.#placeOf(parsed)
  }

  #placeOf(parsed: AddressBase): AddressPlace {
    return { parsed, address: registry.format(parsed), port: 0 }
  }

  /** What port 0 is to UDP: an address that the system chooses. */
  #unused(): AddressBase {
    if (this.#family.name === 'unix') return this.#family.parse(this.type, '?autobind')
    const address = this.#family.ephemeral(this.type)
    if (address === undefined)
      throw unsupported(`bind without an address for ${this.type}`, 'the scheme has no free ones')
    return address
  }

  resolve(place: Place, done: Resolved): void {
    done(null, (place as AddressPlace).parsed)
  }

  openAnywhere(): undefined {
    return undefined
  }

  async bind(address: AddressBase, { reuseAddr, reusePort }: OpeningOptions): Promise<DatagramHandle<AddressBase>> {
    if (this.#family.bind === undefined) throw unsupported(`bind of ${this.type}`, 'the family has none')
    const options = { ...(reuseAddr && { reuseAddress: true }), ...(reusePort && { reusePort: true }) }
    return this.#family.bind(address, { signal: undefined, engine: undefined, local: undefined, options })
  }

  check(address: AddressBase): void {
    if (address.scheme === this.type) return
    throw invalidAddress(registry.format(address), `this socket is of the scheme ${this.type}`)
  }

  takes(domain: number, type: number): boolean {
    return this.#family.name === 'unix' && domain === AF_UNIX && type === SOCK_DGRAM
  }

  describe(address: AddressBase | undefined): Described {
    return { address: address === undefined ? '' : this.#family.format(address), family: this.type, port: 0 }
  }
}

function isAddress(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(':')
  return typeof value === 'object' && value !== null && 'family' in value
}
