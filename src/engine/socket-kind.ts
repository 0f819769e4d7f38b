import type { AddressBase } from '../core/address.ts'
import type { PeerCredentials, PeerCredentialsOptions } from '../core/credentials.ts'
import type { SocketError } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { RawOption } from '../core/options.ts'
import type { AncillaryField } from './ancillary-field.ts'
import type { Cleanup, SocketKind } from './kernel.ts'
import type { KernelFamilyDefinition, KernelScheme } from './kernel-family.ts'
import type { KernelOption, OptionSubject } from './kernel-options.ts'
import { findOption, optionNames } from './socket-options.ts'

/** What the sockets of one family and scheme are like, as the family's definition says it. One for each socket that is opened. */
export class FamilySocketKind<A extends AddressBase> implements SocketKind<A> {
  readonly scheme: string
  readonly facts: SchemeFacts
  readonly domain: number
  readonly #definition: KernelFamilyDefinition<A>
  readonly #numbers: KernelScheme
  readonly #like: A

  /** `like`: the address that the socket is opened with, or one to stand for it. */
  constructor(definition: KernelFamilyDefinition<A>, facts: SchemeFacts, like: A, domain: number) {
    this.scheme = like.scheme
    this.facts = facts
    this.domain = domain
    this.#definition = definition
    this.#numbers = definition.schemes[like.scheme] as KernelScheme
    this.#like = like
  }

  option(name: string, value?: unknown): KernelOption | undefined {
    return findOption(this.#definition, this.#subject, name, value)
  }

  optionNames(): string[] {
    return optionNames(this.#definition, this.#subject)
  }

  get #subject(): OptionSubject {
    return { domain: this.domain, address: this.#like }
  }

  encode(address: A): Uint8Array {
    return this.#definition.encode(address)
  }

  decode(name: Uint8Array): A | undefined {
    const address = this.#definition.decode(name, this.scheme, this.#like)
    // One object may stand for many messages' sender.
    return address === undefined ? undefined : Object.freeze(address)
  }

  format(address: A): string {
    return this.#definition.format(address)
  }

  destinations(address: A): A[] | Promise<A[]> {
    return this.#definition.resolve?.(address, 'send') ?? [address]
  }

  get endsWithReset(): boolean {
    return this.#numbers.endsWithReset ?? false
  }

  get finishesConnect(): boolean {
    return this.#numbers.finishesConnect ?? false
  }

  get closesOnceSent(): boolean {
    return this.#numbers.closesOnceSent ?? false
  }

  get coalesces(): boolean {
    return this.#numbers.coalesces ?? false
  }

  get maxMessage(): ((option: (name: string) => unknown) => number) | undefined {
    return this.#numbers.maxMessage
  }

  get ancillary(): Readonly<Record<string, AncillaryField>> | undefined {
    return this.#definition.ancillary
  }

  explain(error: SocketError, address: A): string | undefined {
    return this.#definition.explain?.(error, address, {})
  }

  get pathLimit(): ((address: A, read: (option: RawOption) => Buffer) => number) | undefined {
    return this.#definition.pathLimit
  }

  get inherit(): ((inheritance: string, local: A | undefined) => Cleanup) | undefined {
    return this.#definition.inherit
  }

  get peerCredentials():
    | ((read: (option: RawOption) => Buffer, options: PeerCredentialsOptions) => PeerCredentials)
    | undefined {
    return this.#definition.peerCredentials
  }
}
