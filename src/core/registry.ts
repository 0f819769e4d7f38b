import { type AddressBase, type AddressInput, invalidAddress, splitAddress } from './address.ts'
import { wrongType, wrongValue } from './argument-errors.ts'
import { didYouMean } from './did-you-mean.ts'
import { SocketError } from './errors.ts'
import type { SchemeFacts } from './facts.ts'
import type { AddressFamily } from './family.ts'

/** An address with everything that it implies. */
export interface Resolved {
  readonly family: AddressFamily<AddressBase>
  readonly address: AddressBase
  readonly facts: SchemeFacts
}

/** The families of one `createSockets`, found by name and by scheme. */
export class Registry {
  readonly families: readonly AddressFamily<AddressBase>[]
  readonly #byName = new Map<string, AddressFamily<AddressBase>>()
  readonly #byScheme = new Map<string, AddressFamily<AddressBase>>()

  /** Throws a `TypeError` when two families claim one name or one scheme. */
  constructor(families: readonly AddressFamily<AddressBase>[]) {
    this.families = [...families]
    for (const family of families) {
      claim(this.#byName, family.name, family, 'family')
      for (const scheme of Object.keys(family.schemes)) claim(this.#byScheme, scheme, family, 'scheme')
    }
  }

  parse(text: string): AddressBase {
    if (typeof text !== 'string') throw wrongType(`an address text must be a string, not ${typeof text}`)
    const { scheme, rest } = splitAddress(text)
    return this.ofScheme(scheme).parse(scheme, rest)
  }

  format(address: AddressInput): string {
    const resolved = this.resolve(address)
    return resolved.family.format(resolved.address)
  }

  toSocat(address: AddressInput): string {
    const { family, address: found } = this.resolve(address)
    if (family.toSocat === undefined) {
      throw new SocketError('ERR_UNSUPPORTED', `socat has no address for ${family.format(found)}`)
    }
    return family.toSocat(found)
  }

  /** Text or object to a whole address and its family. Throws `ERR_ADDRESS_INVALID`, `ERR_FAMILY_UNKNOWN` or a `TypeError`. */
  resolve(input: AddressInput): Resolved {
    const address = typeof input === 'string' ? this.parse(input) : this.#complete(input)
    const family = this.ofScheme(address.scheme)
    const facts = family.facts?.(address) ?? family.schemes[address.scheme]
    if (facts === undefined) throw unknown('scheme', address.scheme, this.#byScheme)
    return { family, address, facts }
  }

  ofName(name: string): AddressFamily<AddressBase> {
    const family = this.#byName.get(name)
    if (family === undefined) throw unknown('family', name, this.#byName)
    return family
  }

  ofScheme(scheme: string): AddressFamily<AddressBase> {
    const family = this.#byScheme.get(scheme)
    if (family === undefined) throw unknown('scheme', scheme, this.#byScheme)
    return family
  }

  #complete(input: object): AddressBase {
    if (typeof input !== 'object' || input === null) {
      throw wrongType(`an address must be a string or an object, not ${input === null ? 'null' : typeof input}`)
    }
    const { family: name, scheme } = input as Partial<AddressBase>
    if (typeof name !== 'string') throw wrongType('an address object must name its family')
    const family = this.ofName(name)
    const schemes = Object.keys(family.schemes)
    const chosen = scheme ?? (schemes.length === 1 ? schemes[0] : undefined)
    if (chosen === undefined || !schemes.includes(chosen)) {
      throw invalidAddress(
        { ...input, family: name, scheme: String(scheme) },
        `its scheme is none of the family's${didYouMean(String(scheme), schemes)}`,
      )
    }
    // Checked by the family: what cannot be formatted cannot be opened either.
    const address = { ...input, family: name, scheme: chosen }
    family.format(address)
    return address
  }
}

function claim<T>(map: Map<string, T>, key: string, family: T, what: string): void {
  if (map.has(key)) throw wrongValue(`the ${what} ${JSON.stringify(key)} is registered twice`)
  map.set(key, family)
}

function unknown(what: string, name: string, known: ReadonlyMap<string, unknown>): SocketError {
  return new SocketError(
    'ERR_FAMILY_UNKNOWN',
    `unknown ${what} ${JSON.stringify(name)}${didYouMean(String(name), [...known.keys()])}`,
  )
}
