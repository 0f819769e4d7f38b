import type { AddressBase } from '../core/address.ts'
import type { PeerCredentials, PeerCredentialsOptions } from '../core/credentials.ts'
import type { SocketError } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { AddressFamily, Availability, NodeAddress } from '../core/family.ts'
import type { EngineName, OpenRequest, RawOption } from '../core/options.ts'
import { type Addon, loadAddon } from './addon.ts'
import type { AncillaryField } from './ancillary-field.ts'
import type { Binding, BindSteps } from './bind-steps.ts'
import type { Cleanup } from './kernel.ts'
import { isMissing, KernelOpener, unavailable } from './kernel-open.ts'
import { type FamilyOption, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM } from './kernel-options.ts'
import { checkNetPermission } from './net-permission.ts'
import type { NodeCodec } from './node.ts'
import type { NodeOpener } from './node-open.ts'

/** The numbers that socket(2) takes, and what the socket promises beyond what its type says by itself. */
export interface KernelScheme {
  /** SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
  readonly type: number
  readonly protocol: number
  /** What differs from the facts that follow from the type. */
  readonly facts?: Partial<SchemeFacts>
  /** The largest message of an open socket, where one of its options (read by name) decides it. */
  maxMessage?(option: (name: string) => unknown): number
  /** A connection whose orderly end the kernel reports as ECONNRESET. Default false: that is a lost connection. */
  readonly endsWithReset?: boolean
  /**
   * A connect that is given up is left to come to its end, for 5 s at most, before the socket is closed, since closing it
   * earlier leaves the peer with half a connection. Default false: it is closed at once.
   */
  readonly finishesConnect?: boolean
  /**
   * Where both ends are closed while they are full, the kernel keeps the connection for a long time, and no new one can be
   * made. So the socket is closed once what was sent has left, 5 s later at the most, and read meanwhile if nothing leaves.
   * Default false: it is closed at once.
   */
  readonly closesOnceSent?: boolean
  /**
   * Messages of one length may go through the kernel as one: UDP_SEGMENT and UDP_GRO of udp(7). Default false. Who reads
   * the descriptor elsewhere has to set UDP_GRO off again.
   */
  readonly coalesces?: boolean
}

/** What an address is wanted for; a wildcard or port 0 may do for one and not for another. */
export type Purpose = 'connect' | 'listen' | 'bind' | 'send'

/** A connect that failed, for deciding whether to try again. */
export interface ConnectFailure<A> {
  /** Of the error. */
  readonly code: string
  /** Milliseconds since a try of this connect first failed with this code: 0 for the first that does. */
  readonly elapsed: number
  /** The codes that tries of this connect failed with, this one's included. */
  readonly codes: ReadonlySet<string>
  /** Of the socket that failed. */
  readonly local: A | undefined
  /** Whether it was bound before, so that `local` is not the connection's doing. */
  readonly isBound: boolean
}

/** A family of the kernel's, as data and a codec. `kernelFamily` makes the family of it. */
export interface KernelFamilyDefinition<A extends AddressBase> {
  readonly name: string
  /** The AF_ number, or all of them where the family has several: the sockaddr's first two bytes tell which is meant. */
  readonly domain: number | readonly number[]
  readonly schemes: Readonly<Record<string, KernelScheme>>
  /** The sockaddr, exactly as long as the kernel is to see it. Throws `ERR_ADDRESS_INVALID` where there is none. */
  encode(address: A): Uint8Array
  /**
   * The address of a sockaddr that the kernel reported; `undefined` for an unnamed one. `name` is the engine's to use
   * again: what is kept of it is copied. `like` is the address that the socket was opened with, where there is one.
   */
  decode(name: Uint8Array, scheme: string, like?: A): A | undefined
  parse(scheme: string, rest: string): A
  format(address: A): string
  ephemeral?(scheme: string): A | undefined
  toSocat?(address: A): string
  toNode?(address: A): NodeAddress
  facts?(address: A): SchemeFacts
  /** socket(2)'s arguments, where the scheme and the sockaddr do not tell them. */
  socket?(address: A): { domain: number; type: number; protocol: number }
  /**
   * Turns an address into those that can be encoded, in order of preference: resolves names, refuses what `purpose`
   * cannot use. Synchronous where nothing has to be looked up.
   */
  resolve?(address: A, purpose: Purpose, request?: OpenRequest<A>): A[] | Promise<A[]>
  /**
   * Where a refusal may be one that passes by itself: how long to wait, in milliseconds, before a new socket tries again.
   * `undefined`: the error stands.
   */
  retryConnect?(address: A, failure: ConnectFailure<A>): number | undefined
  /** The family's own options besides those of socket(7). */
  readonly options?: Readonly<Record<string, FamilyOption>>
  /** What messages carry besides their bytes, by the field of `Message`; options bring it (`KernelOption.brings`). */
  readonly ancillary?: Readonly<Record<string, AncillaryField>>
  /** Which process is at the other end of a connection, where the family knows; `read` is getsockopt(2). */
  peerCredentials?(read: (option: RawOption) => Buffer, options: PeerCredentialsOptions): PeerCredentials
  /** Options that a socket for this (resolved) address gets where the caller did not give them. */
  defaults?(address: A, purpose: Purpose): Readonly<Record<string, unknown>>
  /**
   * An address to stand for a socket that is open already, whatever it is bound to; `undefined` when it is not one of the
   * family's. Default: by the domain and the schemes' types and protocols.
   */
  adopted?(numbers: { domain: number; type: number; protocol: number }): A | undefined
  /** Options that are no socket options but are read by `aroundBind`, each with the check that throws for a wrong value. */
  readonly bindOptions?: Readonly<Record<string, (value: unknown) => void>>
  /**
   * Why a bind, connect or send of this address failed (`error.syscall` says which; the node engine's `listen` binds, too), and
   * what helps. `undefined` to keep the system's words.
   */
  explain?(error: SocketError, address: A, options: Readonly<Record<string, unknown>>): string | undefined
  /**
   * The largest message that goes to the address in one packet, read from a connected socket's options. May throw what reading
   * throws.
   */
  pathLimit?(address: A, read: (option: RawOption) => Buffer): number
  /** What the family does around the bind. Called before it: checks the options, prepares the socket. */
  aroundBind?(address: A, binding: Binding): BindSteps
  /**
   * Does in this process what the text of a `Cleanup` of another one says, for the socket that is bound to `local`. Throws
   * EPROTO where it says nothing, or something about another address.
   */
  inherit?(inheritance: string, local: A | undefined): Cleanup
  /** How to reach the same sockets through `node:net` and `node:dgram`, for the schemes that those know. */
  readonly node?: NodeCodec<A>
  /** What to do where the kernel does not have the family, such as the module to load. */
  readonly remedy?: string
}

/**
 * Makes a whole family of a codec and a few numbers. Its sockets are opened by the kernel engine; where the addon is not
 * there, or `{ engine: 'node' }` is asked for, by Node's own modules as far as `definition.node` says.
 */
export function kernelFamily<A extends AddressBase>(definition: KernelFamilyDefinition<A>): AddressFamily<A> {
  const entries = Object.entries(definition.schemes)
  const schemes = Object.fromEntries(entries.map(([scheme, numbers]) => [scheme, factsOf(definition.name, numbers)]))
  const facts = (address: A): SchemeFacts => definition.facts?.(address) ?? (schemes[address.scheme] as SchemeFacts)

  let kernel: KernelOpener<A> | undefined
  const openerOf = (addon: Addon): KernelOpener<A> => {
    kernel ??= new KernelOpener(addon, definition, facts)
    return kernel
  }
  const { node: codec } = definition
  let node: NodeOpener<A> | undefined
  /** Loaded on first use: most programs never need it, and it brings `node:dgram` and more. */
  const nodeOpenerOf = async (codec: NodeCodec<A>): Promise<NodeOpener<A>> => {
    const { NodeOpener } = await import('./node-open.ts')
    node ??= new NodeOpener(definition, codec, facts)
    return node
  }
  const nodeCarries = (scheme: string): boolean => codec?.schemes.includes(scheme) ?? false

  /** The engine that was asked for, or the best one that is here. */
  async function opener(address: A, wanted: EngineName | undefined): Promise<KernelOpener<A> | NodeOpener<A>> {
    permit(address)
    const { scheme } = address
    if (wanted === 'node') {
      if (codec !== undefined && nodeCarries(scheme)) return nodeOpenerOf(codec)
      throw unavailable(
        scheme,
        "Node's own modules have no such socket",
        'leave out the engine, or ask for the kernel engine',
      )
    }
    const loaded = loadAddon()
    if (loaded.addon !== undefined) return openerOf(loaded.addon)
    if (wanted === undefined && codec !== undefined && nodeCarries(scheme)) return nodeOpenerOf(codec)
    throw unavailable(scheme, loaded.unavailable.reason, loaded.unavailable.remedy)
  }

  const permit = (address: A): void => checkNetPermission(definition.format(address))

  /** The kernel engine, for what Node's modules have no words for. */
  function kernelOpener(what: string): KernelOpener<A> {
    const loaded = loadAddon()
    if (loaded.addon === undefined) throw unavailable(what, loaded.unavailable.reason, loaded.unavailable.remedy)
    return openerOf(loaded.addon)
  }

  function probe(scheme: string): Availability {
    const loaded = loadAddon()
    if (loaded.addon === undefined) {
      return nodeCarries(scheme) ? { available: true, engine: 'node' } : loaded.unavailable
    }
    try {
      openerOf(loaded.addon).probe(scheme)
      return { available: true, engine: 'kernel' }
    } catch (error) {
      const remedy = isMissing(error)
        ? (definition.remedy ?? 'load the kernel module of the family (modprobe)')
        : 'run with the privileges that the socket asks for'
      return { available: false, reason: (error as Error).message, remedy }
    }
  }

  return {
    name: definition.name,
    schemes,
    probe,
    parse: (scheme, rest) => definition.parse(scheme, rest),
    format: (address) => definition.format(address),
    ephemeral: (scheme) => definition.ephemeral?.(scheme),
    connect: async (address, request) => (await opener(address, request.engine)).connect(address, request),
    listen: async (address, request) => (await opener(address, request.engine)).listen(address, request),
    listenSync(address, request) {
      permit(address)
      const { addon } = loadAddon()
      return addon === undefined || request.engine === 'node' ? undefined : openerOf(addon).listenSync(address, request)
    },
    bind: async (address, request) => (await opener(address, request.engine)).bind(address, request),
    socketpair: (scheme, options = {}) => kernelOpener(`socketpair of ${scheme}`).socketpair(scheme, options),
    adopt: (fd, { what = 'itself', options = {} } = {}) => kernelOpener('adopt').adopt(fd, what, options),
    // Where a bind is more than bind(2) it takes its time.
    ...(definition.aroundBind === undefined && {
      openDatagram(address: A, options: Readonly<Record<string, unknown>>) {
        permit(address)
        return kernelOpener(address.scheme).openDatagram(address, options)
      },
    }),
    ...(definition.facts !== undefined && { facts }),
    ...(definition.toSocat !== undefined && { toSocat: (address: A) => definition.toSocat?.(address) as string }),
    ...(definition.toNode !== undefined && { toNode: (address: A) => definition.toNode?.(address) as NodeAddress }),
  }
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  [SOCK_STREAM]: 'SOCK_STREAM',
  [SOCK_DGRAM]: 'SOCK_DGRAM',
  [SOCK_RAW]: 'SOCK_RAW',
  [SOCK_SEQPACKET]: 'SOCK_SEQPACKET',
}

/** The facts that a socket's type implies, as socket(2) describes the types, with what the scheme says otherwise. */
export function factsOf(family: string, { type, facts }: Pick<KernelScheme, 'type' | 'facts'>): SchemeFacts {
  const isStream = type === SOCK_STREAM
  const isConnected = isStream || type === SOCK_SEQPACKET
  return {
    kind: isStream ? 'stream' : 'datagram',
    socket: `AF_${family.toUpperCase()}, ${TYPE_NAMES[type] ?? `type ${type}`}`,
    connected: isConnected,
    reliable: isConnected,
    ordered: isConnected,
    boundaries: !isStream,
    halfClose: isConnected,
    ...facts,
  }
}
