import { inspect } from 'node:util'
import type { Address, AddressBase, AddressInput, Discoverer, DiscoveryMap, KindOf, Scheme } from './address.ts'
import { wrongNumber, wrongValue } from './argument-errors.ts'
import { DatagramEndpoint } from './datagram.ts'
import { checkDeadline, type DeadlineOptions, withDeadline } from './deadline.ts'
import { binds, connects, listens, traceOpening } from './diagnostics.ts'
import { AbortError, explained, SocketError, unknownOption, unsupported } from './errors.ts'
import type { EndpointKind, SchemeFacts } from './facts.ts'
import type {
  AddressFamily,
  AnyHandle,
  Availability,
  DatagramHandle,
  HeldDescriptors,
  ListenerHandle,
  StreamHandle,
} from './family.ts'
import { receiveListener, type Taking } from './hand-over.ts'
import { Listener } from './listener.ts'
import {
  CORE_OPTIONS,
  type ConnectOptions,
  checkListenOptions,
  checkOpenOptions,
  type DiscoverOptions,
  familyOptions,
  type ListenOptions,
  type OpenOptions,
  type SocketOptions,
  splitConnectOptions,
} from './options.ts'
import { checkPersistentOptions, PersistentConnection, type PersistentOptions } from './persistent.ts'
import { Registry, type Resolved } from './registry.ts'
import type { RetryPolicy } from './retry.ts'
import { StreamEndpoint } from './stream.ts'
import { Tries, withRetries } from './tries.ts'

export type EndpointOfKind<K extends EndpointKind> = K extends 'stream' ? StreamEndpoint : DatagramEndpoint

/** What `connect` gives for an address of type `T`: by its scheme where the type tells, else either. */
export type EndpointOf<T> = EndpointOfKind<KindOf<T>>

/** The options of an endpoint itself. */
export type EndpointOptions = Pick<
  OpenOptions,
  'allowHalfOpen' | 'highWaterMark' | 'receiveQueue' | 'sendQueue' | 'receiveFds'
>

/** Options of `socketpair`, for both ends. */
export type PairOptions = EndpointOptions & SocketOptions

/** The options of a listener that comes from another process: the socket is open, and brings its own. */
export type TakeOverOptions = EndpointOptions & Pick<ListenOptions, 'maxConnections' | 'allow' | 'signal' | 'timeout'>

/** Options of `adopt`: of an endpoint, and where the socket listens of the listener. */
export type AdoptOptions = Omit<ListenOptions, 'signal' | 'timeout' | 'engine' | 'local' | 'backlog'>

/** One row of `families()`. */
export interface FamilyStatus {
  readonly name: string
  readonly schemes: readonly {
    readonly scheme: string
    readonly facts: SchemeFacts
    readonly availability: Availability
  }[]
}

/** The socket functions over one set of families. */
export interface Sockets {
  /**
   * Connects; resolves to an endpoint that is open. Rejects with the system's code (`ECONNREFUSED`, `ENOENT`,
   * `ENOTFOUND` …), `ERR_ADDRESS_INVALID`, `ERR_FAMILY_UNKNOWN`, `ERR_FAMILY_UNAVAILABLE`, `ERR_OPTION_UNKNOWN`,
   * `ETIMEDOUT` after `options.timeout`, or an `AbortError`. With `options.retry` it tries again while nobody answers.
   */
  connect<const T extends AddressInput>(address: T, options?: ConnectOptions): Promise<EndpointOf<T>>
  /**
   * As `connect`, for streams, but returns the endpoint at once, still connecting: it emits 'connect' and 'ready', or
   * 'error'. What is written meanwhile waits. Libraries take it as `createConnection`: `http.request` as
   * an option, an `http.Agent` as its method only (Node ignores the option).
   */
  createConnection(address: AddressInput, options?: ConnectOptions): StreamEndpoint
  /**
   * Keeps a connection: connects, and connects again when it is lost, with growing pauses. Returns at once; throws what is
   * wrong with the arguments.
   */
  persistent<const T extends AddressInput>(
    address: T,
    options?: PersistentOptions<EndpointOf<T>>,
  ): PersistentConnection<EndpointOf<T>>
  /** Listens for connections; resolves when clients can connect. */
  listen<const T extends AddressInput>(address: T, options?: ListenOptions): Promise<Listener<EndpointOf<T>>>
  /** Opens a datagram endpoint at an address of our own. */
  bind(address: AddressInput, options?: OpenOptions): Promise<DatagramEndpoint>
  /**
   * Two endpoints that are connected to each other; socketpair(2). The options are those of both ends: of the endpoint
   * (`receiveFds`), and socket options of the scheme (`receiveBuffer`; for memory, `faults`). Throws `ERR_UNSUPPORTED` where
   * the family has none, `ERR_OPTION_UNKNOWN`, a `TypeError` or a `RangeError`.
   */
  socketpair<const S extends Scheme>(scheme: S, options?: PairOptions): [EndpointOf<`${S}:`>, EndpointOf<`${S}:`>]
  /**
   * Takes over a socket that is open already, whatever made it: finds its family and type, and owns the descriptor from
   * then on. Throws the system's error (`EBADF`, `ENOTSOCK`; `EEXIST` for one that Node or an endpoint has already),
   * `ERR_OPTION_UNKNOWN`, or what is wrong with a value, and leaves the descriptor to its owner in that case.
   */
  adopt(
    fd: number,
    options?: AdoptOptions,
  ): StreamEndpoint | DatagramEndpoint | Listener<StreamEndpoint | DatagramEndpoint>
  /**
   * The other end of `listener.handOver`: takes the listening socket of the process at the other end of a Unix stream,
   * which goes on accepting until then. Resolves when the socket is ours; several are taken one after the other.
   *
   * Rejects with `ECONNRESET` where the other process exits or keeps the socket, with `EPROTO` where it does not follow the
   * protocol of `handOver` or sends no listening socket, with `ERR_OPTION_UNKNOWN`, and on abort and timeout. The other
   * process then still has the socket, and the stream is destroyed. Where the other process exits after it has offered the
   * socket, this resolves and destroys the stream. Do not use the stream meanwhile.
   */
  takeOver(endpoint: StreamEndpoint, options?: TakeOverOptions): Promise<Listener<StreamEndpoint | DatagramEndpoint>>
  /**
   * Searches for what a family could connect to; finds come as they are seen, and the search ends when the iteration is left.
   * Throws `ERR_UNSUPPORTED` for a family that knows no search, `ERR_FAMILY_UNAVAILABLE`, or an `AbortError`.
   */
  discover<const F extends Discoverer>(
    family: F,
    options?: DiscoveryMap[F]['options'],
  ): AsyncIterable<DiscoveryMap[F]['found']>
  /** Every family with its schemes and facts, and whether each works here; where not, why and the remedy. */
  families(): FamilyStatus[]
  /** Reads an address. Throws `ERR_ADDRESS_INVALID` naming the part that is wrong, or `ERR_FAMILY_UNKNOWN`. */
  parseAddress(text: string): Address
  /** The canonical text of an address; `parseAddress` of it gives an equal address. */
  formatAddress(address: AddressInput): string
  /** The address as a socat address, ready to paste into a shell. */
  toSocat(address: AddressInput): string
}

/**
 * Makes the socket functions over families of your own choice. The functions that the package exports are made so from
 * the built-in ones. Throws a `TypeError` when two families claim one name or one scheme.
 */
export function createSockets(chosen: readonly AddressFamily<AddressBase>[]): Sockets {
  const registry = new Registry(chosen)

  function endpoint(
    family: AddressFamily<AddressBase>,
    handle: AnyHandle<AddressBase>,
    options: OpenOptions,
  ): StreamEndpoint | DatagramEndpoint {
    return handle.type === 'stream'
      ? new StreamEndpoint(family, handle, options)
      : new DatagramEndpoint(registry, family, handle, options)
  }

  function listener(
    family: AddressFamily<AddressBase>,
    handle: ListenerHandle<AddressBase>,
    options: ListenOptions,
  ): Listener<StreamEndpoint | DatagramEndpoint> {
    return new Listener(handle, (accepted) => endpoint(family, accepted, options), options)
  }

  function request({ family, address }: Resolved, options: OpenOptions, signal: AbortSignal | undefined) {
    const local = options.local === undefined ? undefined : registry.resolve(options.local)
    if (local !== undefined && (local.family !== family || local.address.scheme !== address.scheme)) {
      throw wrongValue('options.local must be of the scheme that is connected to')
    }
    return { signal, engine: options.engine, local: local?.address, options: familyOptions(options) }
  }

  function openHandle(
    resolved: Resolved,
    options: OpenOptions,
    policy: RetryPolicy | undefined,
    giveUp?: AbortSignal,
  ): Promise<AnyHandle<AddressBase>> {
    const { family, address } = resolved
    const text = family.format(address)
    const open = async (signal: AbortSignal | undefined): Promise<AnyHandle<AddressBase>> => {
      if (family.connect === undefined)
        throw unsupported(`connect to ${text}`, `the family ${family.name} has no connect`)
      return family.connect(address, request(resolved, options, signal))
    }
    const discard = (late: AnyHandle<AddressBase>): void => late.close()
    if (policy !== undefined) return withRetries(limits(options, giveUp), new Tries(policy), text, open, discard)
    // Our own signal needs no translation, and most connections have no other.
    const isLimited = options.signal !== undefined || options.timeout !== undefined
    return isLimited ? withDeadline(limits(options, giveUp), 'connect', text, open, discard) : open(giveUp)
  }

  async function connect(
    input: AddressInput,
    options: ConnectOptions = {},
  ): Promise<StreamEndpoint | DatagramEndpoint> {
    const { once, policy } = splitConnectOptions(options)
    const resolved = registry.resolve(input)
    const handle = await openHandle(resolved, once, policy)
    return endpoint(resolved.family, handle, once)
  }

  function createConnection(input: AddressInput, options: ConnectOptions = {}): StreamEndpoint {
    const { once, policy } = splitConnectOptions(options)
    const resolved = registry.resolve(input)
    if (resolved.facts.kind !== 'stream') {
      throw unsupported('createConnection', `${resolved.address.scheme} carries messages; use connect`)
    }
    const giveUp = new AbortController()
    const open = () => openHandle(resolved, once, policy, giveUp.signal) as Promise<StreamHandle<AddressBase>>
    const handle = traceOpening(connects, input, open, () => endpoint)
    const endpoint: StreamEndpoint = new StreamEndpoint(
      resolved.family,
      { facts: resolved.facts, handle, abort: () => giveUp.abort() },
      once,
    )
    return endpoint
  }

  function persistent(
    input: AddressInput,
    options: PersistentOptions = {},
  ): PersistentConnection<StreamEndpoint | DatagramEndpoint> {
    checkPersistentOptions(options)
    const { retry, stableAfter, outbox, prepare, signal, timeout, ...once } = options
    const resolved = registry.resolve(input)
    const { family, address } = resolved
    const openOne = async (stop: AbortSignal | undefined): Promise<StreamEndpoint | DatagramEndpoint> => {
      const handle = await openHandle(resolved, stop === undefined ? once : { ...once, signal: stop }, undefined)
      return endpoint(family, handle, once)
    }
    const source = {
      address: family.format(address),
      open: (stop: AbortSignal | undefined) => traceOpening(connects, input, () => openOne(stop)),
    }
    return new PersistentConnection(source, options)
  }

  async function listen(
    input: AddressInput,
    options: ListenOptions = {},
  ): Promise<Listener<StreamEndpoint | DatagramEndpoint>> {
    checkListenOptions(options)
    const resolved = registry.resolve(input)
    const { family, address } = resolved
    const text = family.format(address)
    if (!resolved.facts.connected) throw unsupported(`listen on ${text}`, 'the scheme knows no connections; use bind')
    const handle = await withDeadline(
      options,
      'listen',
      text,
      async (signal) => {
        if (family.listen === undefined)
          throw unsupported(`listen on ${text}`, `the family ${family.name} has no listen`)
        return family.listen(address, {
          ...request(resolved, options, signal),
          backlog: options.backlog ?? DEFAULT_BACKLOG,
        })
      },
      (late) => late.close(),
    )
    return listener(family, handle, options)
  }

  async function bind(input: AddressInput, options: OpenOptions = {}): Promise<DatagramEndpoint> {
    checkOpenOptions(options)
    const resolved = registry.resolve(input)
    const { family, address } = resolved
    const text = family.format(address)
    if (resolved.facts.kind !== 'datagram' || resolved.facts.connected) {
      throw unsupported(`bind to ${text}`, 'the scheme is connection-based; use listen or connect')
    }
    const handle: DatagramHandle<AddressBase> = await withDeadline(
      options,
      'bind',
      text,
      async (signal) => {
        if (family.bind === undefined) throw unsupported(`bind to ${text}`, `the family ${family.name} has no bind`)
        return family.bind(address, request(resolved, options, signal))
      },
      (late) => late.close(),
    )
    return new DatagramEndpoint(registry, family, handle, options)
  }

  function socketpair(
    scheme: string,
    options: PairOptions = {},
  ): [StreamEndpoint | DatagramEndpoint, StreamEndpoint | DatagramEndpoint] {
    checkOpenOptions(options)
    const family = registry.ofScheme(scheme)
    if (family.socketpair === undefined)
      throw unsupported(`socketpair of ${scheme}`, `the family ${family.name} has none`)
    const [first, second] = family.socketpair(scheme, familyOptions(options))
    return [endpoint(family, first, options), endpoint(family, second, options)]
  }

  function adopt(fd: number, options: AdoptOptions = {}) {
    if (!Number.isInteger(fd) || fd < 0 || fd >= 2 ** 31) {
      throw wrongNumber(fd, `fd must be a descriptor: a whole number, 0 or more, not ${inspect(fd)}`)
    }
    checkListenOptions(options)
    const { family, handle } = adoptHandle(fd, familyOptions(options))
    return handle.type === 'listener' ? listener(family, handle, options) : endpoint(family, handle, options)
  }

  function adoptHandle(fd: number, options: Readonly<Record<string, unknown>> = {}) {
    for (const family of registry.families) {
      const handle = family.adopt?.(fd, { options })
      if (handle !== undefined) return { family, handle }
    }
    throw new SocketError('ERR_UNSUPPORTED', `descriptor ${fd} is of no family known here`)
  }

  async function takeOver(
    channel: StreamEndpoint,
    options: TakeOverOptions = {},
  ): Promise<Listener<StreamEndpoint | DatagramEndpoint>> {
    checkListenOptions(options)
    const [unknown] = Object.keys(familyOptions(options))
    if (unknown !== undefined) throw unknownOption('takeOver, whose socket brings its own,', unknown, CORE_OPTIONS)
    return receiveListener(channel, options, (held) => takeSocket(held, options))
  }

  function takeSocket(
    held: HeldDescriptors,
    options: TakeOverOptions,
  ): Taking<Listener<StreamEndpoint | DatagramEndpoint>> {
    const { family, handle } = held.give((fd) => adoptHandle(fd))
    if (handle.type === 'listener') return { listener: listener(family, handle, options), handle }
    handle.close()
    throw explained('EPROTO', 'takeOver', undefined, 'what came is no listening socket')
  }

  async function* discover(name: string, options: DiscoverOptions = {}): AsyncGenerator<unknown> {
    checkDeadline(options)
    const family = registry.ofName(name)
    if (family.discover === undefined) throw unsupported(`discover ${name}`, 'the family knows no search')
    if (options.signal?.aborted) throw new AbortError(options.signal.reason)
    yield* family.discover(options)
  }

  function families(): FamilyStatus[] {
    return registry.families.map((family) => ({
      name: family.name,
      schemes: Object.entries(family.schemes).map(([scheme, facts]) => ({
        scheme,
        facts,
        availability: family.probe(scheme),
      })),
    }))
  }

  const sockets = {
    connect: (input: AddressInput, options?: ConnectOptions) =>
      traceOpening(connects, input, () => connect(input, options)),
    createConnection,
    persistent,
    listen: (input: AddressInput, options?: ListenOptions) =>
      traceOpening(listens, input, () => listen(input, options)),
    bind: (input: AddressInput, options?: OpenOptions) => traceOpening(binds, input, () => bind(input, options)),
    socketpair,
    adopt,
    takeOver,
    discover,
    families,
    parseAddress: (text: string) => registry.parse(text) as Address,
    formatAddress: (address: AddressInput) => registry.format(address),
    toSocat: (address: AddressInput) => registry.toSocat(address),
  }
  // The kind of endpoint that an address makes is known to the types of `Sockets`, and to the registry only at run time.
  return sockets as Sockets
}

/** The caller's own limits, and `giveUp`. */
function limits({ signal, timeout }: DeadlineOptions, giveUp: AbortSignal | undefined): DeadlineOptions {
  const signals = [signal, giveUp].filter((each) => each !== undefined)
  return { signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0], timeout }
}

/** As in `net.Server`. */
const DEFAULT_BACKLOG = 511
