import { type AddressBase, type AddressInput, invalidAddress } from './address.ts'
import type { AddressFamily, DatagramHandle } from './family.ts'
import type { Registry } from './registry.ts'

/** Destinations given as text that are remembered. */
const REMEMBERED = 64

/** What a handle calls the addresses that it sends to; remembered, since an answer mostly goes where the last one went. */
export class Destinations {
  readonly #registry: Registry
  readonly #family: AddressFamily<AddressBase>
  readonly #handle: DatagramHandle<AddressBase>
  readonly #byText = new Map<string, unknown>()
  /** Only of objects that cannot change: the addresses that we report are frozen. */
  readonly #byObject = new WeakMap<object, unknown>()

  constructor(registry: Registry, family: AddressFamily<AddressBase>, handle: DatagramHandle<AddressBase>) {
    this.#registry = registry
    this.#family = family
    this.#handle = handle
  }

  /** `undefined` for the connected peer; a promise where a name has to be looked up. */
  find(to: AddressInput | undefined): unknown {
    if (to === undefined) return undefined
    const known = typeof to === 'string' ? this.#byText.get(to) : this.#byObject.get(to)
    if (known !== undefined) return known
    const target = this.#resolve(to)
    // A name that was looked up is not remembered: its addresses may change.
    if (!(target instanceof Promise)) this.#remember(to, target)
    return target
  }

  /** The address in its text form, where it is one; for errors. */
  text(to: AddressInput | undefined): string | undefined {
    if (typeof to === 'string') return to
    const address = to ?? this.#handle.remote
    return typeof address === 'object' ? this.#family.format(address as AddressBase) : undefined
  }

  #remember(to: AddressInput, target: unknown): void {
    if (typeof to === 'string') {
      if (this.#byText.size >= REMEMBERED) this.#byText.clear()
      this.#byText.set(to, target)
    } else if (Object.isFrozen(to)) {
      this.#byObject.set(to, target)
    }
  }

  #resolve(to: AddressInput): unknown {
    const { address, family } = this.#registry.resolve(to)
    if (family !== this.#family) {
      throw invalidAddress(family.format(address), `this socket is of the family ${this.#family.name}`)
    }
    return this.#handle.target(address)
  }
}
