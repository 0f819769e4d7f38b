import type { AddressBase } from '../core/address.ts'
import { because, SocketError, systemError, unsupported, wordsOf } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { AnyHandle, DatagramHandle, ListenerHandle } from '../core/family.ts'
import type { ListenRequest, OpenRequest } from '../core/options.ts'
import { performance } from '../core/timers.ts'
import type { Addon } from './addon.ts'
import { type BindSteps, bindWithSteps } from './bind-steps.ts'
import { firstPossible } from './candidates.ts'
import { type Cleanup, domainOf, type KernelSocket, type SocketKind } from './kernel.ts'
import { KernelDatagram } from './kernel-datagram.ts'
import type { ConnectFailure, KernelFamilyDefinition, Purpose } from './kernel-family.ts'
import { KernelListener } from './kernel-listener.ts'
import {
  decodeInt,
  type KernelOption,
  SO_ACCEPTCONN,
  SO_DOMAIN,
  SO_PROTOCOL,
  SO_TYPE,
  SOL_SOCKET,
} from './kernel-options.ts'
import { KernelStream } from './kernel-stream.ts'
import { checkBindOptions, explainedBy, explaining, namesBeforeOpening } from './opening.ts'
import { pause } from './pause.ts'
import { race } from './race.ts'
import { FamilySocketKind } from './socket-kind.ts'
import { checkNames, checkValues, readOption, writeOption } from './socket-options.ts'

/** What socket(2) answers where the kernel lacks the family, the type or the protocol. */
const MISSING = new Set(['EAFNOSUPPORT', 'EPROTONOSUPPORT', 'ESOCKTNOSUPPORT', 'EPFNOSUPPORT'])
interface SocketNumbers {
  readonly domain: number
  readonly type: number
  readonly protocol: number
}

/** Opens the sockets of one family: the order of system calls from socket(2) to an endpoint's handle. */
export class KernelOpener<A extends AddressBase> {
  readonly #addon: Addon
  readonly #definition: KernelFamilyDefinition<A>
  readonly #facts: (address: A) => SchemeFacts

  constructor(addon: Addon, definition: KernelFamilyDefinition<A>, facts: (address: A) => SchemeFacts) {
    this.#addon = addon
    this.#definition = definition
    this.#facts = facts
  }

  async connect(address: A, request: OpenRequest<A>): Promise<AnyHandle<A>> {
    this.#checkOptions(address, request.options)
    const candidates = await this.#resolve(address, 'connect', request)
    return race(
      candidates,
      request.signal,
      (candidate, signal) => this.#connectWithRetries(candidate, request, signal),
      (late) => late.close(),
    )
  }

  async #connectWithRetries(
    address: A,
    request: OpenRequest<A>,
    signal: AbortSignal | undefined,
  ): Promise<AnyHandle<A>> {
    let firstFailures: Map<string, number> | undefined
    for (;;) {
      signal?.throwIfAborted()
      const socket = this.#open(address, request.options)
      try {
        request.onSocket?.(socket)
        await this.#connectSocket(socket, address, request, signal)
        return socket
      } catch (error) {
        let delay: number | undefined
        if (!signal?.aborted && this.#definition.retryConnect !== undefined) {
          firstFailures ??= new Map()
          const failure = connectFailure(error as SocketError, socket.local, request.local !== undefined, firstFailures)
          delay = this.#definition.retryConnect(address, failure)
        }
        socket.giveUp()
        if (delay === undefined) throw error
        await pause(delay, signal)
      }
    }
  }

  async #connectSocket(
    socket: KernelSocket<A>,
    address: A,
    request: OpenRequest<A>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    this.#apply(socket, this.#withDefaults(address, 'connect', request.options), 'socket')
    if (request.local !== undefined) await this.#bindLocal(socket, request.local, request)
    this.#apply(socket, request.options, 'bound')
    await explaining(this.#definition, address, request.options, () => socket.connect(address, signal))
  }

  async #bindLocal(socket: KernelSocket<A>, local: A, request: OpenRequest<A>): Promise<void> {
    const candidates = await this.#resolve(local, 'bind', request)
    const sameDomain = candidates.find((candidate) => domainOf(this.#definition.encode(candidate)) === socket.domain)
    await this.#bind(socket, sameDomain ?? (candidates[0] as A), request.options)
  }

  async listen(address: A, request: ListenRequest<A>): Promise<ListenerHandle<A>> {
    this.#checkOptions(address, request.options)
    const candidates = await this.#resolve(address, 'listen', request)
    return firstPossible(candidates, async (candidate) => {
      const listener = this.#listener(candidate, request)
      try {
        await this.#bind(listener, candidate, request.options, () => this.#startListening(listener, candidate, request))
        return listener
      } catch (error) {
        listener.close()
        throw error
      }
    })
  }

  /** `undefined` where something would have to be waited for. */
  listenSync(address: A, request: ListenRequest<A>): ListenerHandle<A> | undefined {
    this.#checkOptions(address, request.options)
    const listener = this.#listener(address, request)
    try {
      const steps = this.#bindSteps(listener, address, request.options)
      if (steps.retry !== undefined) {
        listener.close()
        return undefined
      }
      steps.before?.()
      if (steps.skip !== true) listener.bind(address)
      keep(listener, steps.bound?.())
      this.#startListening(listener, address, request)
      return listener
    } catch (error) {
      listener.close()
      throw explainedBy(this.#definition, error, address, request.options)
    }
  }

  /** A socket that will listen, not bound yet. */
  #listener(address: A, request: ListenRequest<A>): KernelListener<A> {
    const numbers = this.#numbers(address)
    const kind = this.#kind(address, numbers)
    checkValues(kind, request.options)
    const listener = this.#owned(this.#socket(numbers, address), (fd) => this.#listening(kind, fd))
    try {
      this.#apply(listener, this.#withDefaults(address, 'listen', request.options), 'socket')
      return listener
    } catch (error) {
      listener.close()
      throw error
    }
  }

  #listening(kind: SocketKind<A>, fd: number): KernelListener<A> {
    return new KernelListener(this.#addon, kind, fd, (accepted, remoteName) => this.#handle(kind, accepted, remoteName))
  }

  #startListening(listener: KernelListener<A>, address: A, request: ListenRequest<A>): void {
    this.#apply(listener, this.#withDefaults(address, 'listen', request.options), 'bound')
    listener.listen(request.backlog, this.#definition.format(address))
  }

  async bind(address: A, request: OpenRequest<A>): Promise<DatagramHandle<A>> {
    this.#checkOptions(address, request.options)
    const candidates = await this.#resolve(address, 'bind', request)
    return firstPossible(candidates, async (candidate) => {
      const socket = this.#open(candidate, request.options)
      try {
        this.#apply(socket, this.#withDefaults(candidate, 'bind', request.options), 'socket')
        await this.#bind(socket, candidate, request.options)
        this.#apply(socket, request.options, 'bound')
        return socket as KernelDatagram<A>
      } catch (error) {
        socket.close()
        throw error
      }
    })
  }

  openDatagram(address: A, options: Readonly<Record<string, unknown>>): KernelDatagram<A> {
    this.#checkOptions(address, options)
    const socket = this.#open(address, options) as KernelDatagram<A>
    try {
      this.#apply(socket, options, 'socket')
      return socket
    } catch (error) {
      socket.close()
      throw error
    }
  }

  socketpair(scheme: string, options: Readonly<Record<string, unknown>>): [AnyHandle<A>, AnyHandle<A>] {
    const { domain, schemes } = this.#definition
    const numbers = schemes[scheme]
    if (typeof domain !== 'number' || numbers === undefined || this.#definition.socket !== undefined) {
      throw unsupported(`socketpair of ${scheme}`, 'its sockets have no pairs')
    }
    const kind = this.#kind({ family: this.#definition.name, scheme } as A, { ...numbers, domain })
    checkNames(kind, options, [])
    checkValues(kind, options)
    const fds = new Int32Array(2)
    const result = this.#addon.socketpair(domain, numbers.type, numbers.protocol, fds)
    if (result < 0) throw systemError(result, 'socketpair')
    const [first, second] = fds as unknown as [number, number]
    // Until the first is a handle, nobody has the second.
    const ends: AnyHandle<A>[] = [this.#owned(second, () => this.#handle(kind, first))]
    try {
      ends.push(this.#handle(kind, second))
      for (const end of ends) for (const [name, value] of Object.entries(options)) end.setOption(name, value)
      return ends as [AnyHandle<A>, AnyHandle<A>]
    } catch (error) {
      for (const end of ends) end.close()
      throw error
    }
  }

  /** Takes a socket over, or a duplicate of it, with these options set. Where it throws, the descriptor stays the caller's. */
  adopt(
    fd: number,
    what: 'itself' | 'duplicate',
    options: Readonly<Record<string, unknown>>,
  ): AnyHandle<A> | ListenerHandle<A> | undefined {
    const numbers = {
      domain: this.#readInt(fd, SO_DOMAIN),
      type: this.#readInt(fd, SO_TYPE),
      protocol: this.#readInt(fd, SO_PROTOCOL),
    }
    const like = this.#likeOf(numbers)
    if (like === undefined) return undefined
    const kind = this.#kind(like, numbers)
    checkNames(kind, options, [])
    checkValues(kind, options)
    // On the descriptor itself: it is not ours before they are set.
    for (const [name, value] of Object.entries(options)) writeOption(this.#addon, fd, kind, name, value)
    const isListening = this.#readInt(fd, SO_ACCEPTCONN) !== 0
    const asked = isListening ? this.#askedFor(kind, fd) : {}
    const make = (own: number): KernelStream<A> | KernelDatagram<A> | KernelListener<A> =>
      isListening ? this.#listening(kind, own) : this.#made(kind, own)
    const socket = what === 'itself' ? this.#takenOver(fd, make) : this.#owned(this.#duplicate(fd), make)
    for (const [name, value] of Object.entries({ ...asked, ...options })) socket.noteOption(name, value)
    return socket
  }

  /** The options of a listening socket by which whoever opened it asked for something to come with messages. */
  #askedFor(kind: SocketKind<A>, fd: number): Readonly<Record<string, boolean>> {
    const bringing = kind.optionNames().filter((name) => kind.option(name)?.brings !== undefined)
    const asked = bringing.filter((name) => readOption(this.#addon, fd, kind, name) === true)
    return Object.fromEntries(asked.map((name) => [name, true]))
  }

  #duplicate(fd: number): number {
    const copy = this.#addon.duplicate(fd)
    if (copy < 0) throw systemError(copy, 'fcntl')
    return copy
  }

  #takenOver<S>(fd: number, make: (own: number) => S): S {
    const result = this.#addon.adopt(fd)
    if (result < 0) throw notAdopted(fd, systemError(result, 'fcntl'))
    try {
      return make(fd)
    } catch (error) {
      this.#addon.release(fd)
      throw notAdopted(fd, error as SocketError)
    }
  }

  /** What `make` makes of a descriptor of ours, which is closed where it makes nothing. */
  #owned<S>(fd: number, make: (own: number) => S): S {
    try {
      return make(fd)
    } catch (error) {
      this.#addon.close(fd)
      throw error
    }
  }

  /** Whether socket(2) gives one: closes it again. Throws what it answers otherwise. */
  probe(scheme: string): void {
    const { domain, schemes } = this.#definition
    const [first] = typeof domain === 'number' ? [domain] : domain
    const numbers = schemes[scheme]
    if (first === undefined || numbers === undefined) return
    const fd = this.#addon.socket(first, numbers.type, numbers.protocol)
    if (fd < 0) throw systemError(fd, 'socket')
    this.#addon.close(fd)
  }

  #likeOf(numbers: SocketNumbers): A | undefined {
    const { adopted, domain, name, schemes } = this.#definition
    if (adopted !== undefined) return adopted(numbers)
    const domains = typeof domain === 'number' ? [domain] : domain
    if (!domains.includes(numbers.domain)) return undefined
    const found = Object.entries(schemes).find(
      ([, { type, protocol }]) => type === numbers.type && (protocol === 0 || protocol === numbers.protocol),
    )
    return found === undefined ? undefined : ({ family: name, scheme: found[0] } as A)
  }

  #readInt(fd: number, option: number): number {
    const value = new Uint8Array(4)
    const result = this.#addon.getsockopt(fd, SOL_SOCKET, option, value)
    if (result < 0) throw notAdopted(fd, systemError(result, 'getsockopt'))
    return decodeInt(value)
  }

  async #resolve(address: A, purpose: Purpose, request: OpenRequest<A>): Promise<readonly A[]> {
    return this.#definition.resolve?.(address, purpose, request) ?? [address]
  }

  #numbers(address: A): SocketNumbers {
    if (this.#definition.socket !== undefined) return this.#definition.socket(address)
    const { type, protocol } = this.#definition.schemes[address.scheme] as SocketNumbers
    return { domain: domainOf(this.#definition.encode(address)), type, protocol }
  }

  #socket(numbers: SocketNumbers, address: A): number {
    const fd = this.#addon.socket(numbers.domain, numbers.type, numbers.protocol)
    if (fd >= 0) return fd
    const error = systemError(fd, 'socket', this.#definition.format(address))
    throw MISSING.has(error.code) ? unavailable(address.scheme, error.message, this.#definition.remedy, error) : error
  }

  #open(address: A, options: Readonly<Record<string, unknown>>): KernelStream<A> | KernelDatagram<A> {
    const numbers = this.#numbers(address)
    const kind = this.#kind(address, numbers)
    checkValues(kind, options)
    return this.#handle(kind, this.#socket(numbers, address))
  }

  #handle(kind: SocketKind<A>, fd: number, remoteName?: string): KernelStream<A> | KernelDatagram<A> {
    return this.#owned(fd, (own) => this.#made(kind, own, remoteName))
  }

  #made(kind: SocketKind<A>, fd: number, remoteName?: string): KernelStream<A> | KernelDatagram<A> {
    const Handle = kind.facts.kind === 'stream' ? KernelStream<A> : KernelDatagram<A>
    return new Handle(this.#addon, kind, fd, remoteName)
  }

  #kind(like: A, { domain }: SocketNumbers): SocketKind<A> {
    return new FamilySocketKind(this.#definition, this.#facts(like), like, domain)
  }

  /** Before anything is opened or looked up: a misspelt option must not leave half a socket. */
  #checkOptions(address: A, options: Readonly<Record<string, unknown>>): void {
    checkNames(namesBeforeOpening(this.#definition, address), options, Object.keys(this.#definition.bindOptions ?? {}))
    checkBindOptions(this.#definition, options)
  }

  #withDefaults(address: A, purpose: Purpose, options: Readonly<Record<string, unknown>>) {
    return { ...this.#definition.defaults?.(address, purpose), ...options }
  }

  /** Sets the options of one phase. */
  #apply(socket: KernelSocket<A>, options: Readonly<Record<string, unknown>>, phase: KernelOption['phase']): void {
    for (const [name, value] of Object.entries(options)) {
      if (socket.phaseOf(name, value) === phase) socket.setOption(name, value)
    }
  }

  /** Binds; `then` is what has to be done before another process may look at the address. */
  async #bind(
    socket: KernelSocket<A>,
    address: A,
    options: Readonly<Record<string, unknown>>,
    then: () => void = () => undefined,
  ): Promise<void> {
    const steps = this.#bindSteps(socket, address, options)
    const bind = (): void => socket.bind(address)
    await explaining(this.#definition, address, options, () =>
      bindWithSteps(steps, bind, (cleanup) => {
        keep(socket, cleanup)
        then()
      }),
    )
  }

  #bindSteps(socket: KernelSocket<A>, address: A, options: Readonly<Record<string, unknown>>): BindSteps {
    return this.#definition.aroundBind?.(address, { fd: socket.fd, options }) ?? {}
  }
}

/** A cleanup for when the socket is closed, which it may be by now. */
function keep(socket: { isOpen: boolean; onceClosed(cleanup: Cleanup): void }, cleanup: Cleanup | undefined): void {
  if (cleanup === undefined) return
  if (socket.isOpen) socket.onceClosed(cleanup)
  else cleanup()
}

/** Why somebody's descriptor could not be taken over, where it is not the option's fault. */
function notAdopted(fd: number, error: SocketError): SocketError {
  const why = NOT_ADOPTED.get(error.code) ?? wordsOf(error.errno) ?? 'the system refused it'
  return because(error, `descriptor ${fd}: ${why}`)
}

const NOT_ADOPTED: ReadonlyMap<string, string> = new Map([
  ['EBADF', 'it is not open, or for a path alone (O_PATH)'],
  ['EEXIST', 'Node or an endpoint of this process has it already; adopt a duplicate, or what its owner has let go of'],
  ['ENOTSOCK', 'it is no socket'],
])

export function unavailable(scheme: string, reason: string, remedy: string | undefined, cause?: unknown): SocketError {
  const help = remedy === undefined ? '' : `; ${remedy}`
  const message = `${scheme} is not available here: ${reason}${help}`
  return new SocketError('ERR_FAMILY_UNAVAILABLE', message, cause === undefined ? {} : { cause })
}

export function isMissing(error: unknown): boolean {
  return error instanceof SocketError && MISSING.has(error.code)
}

/** What a family decides by. `firstFailures`: when a try of this connect first failed with which code; this one's is noted there. */
function connectFailure<A>(
  { code }: SocketError,
  local: A | undefined,
  isBound: boolean,
  firstFailures: Map<string, number>,
): ConnectFailure<A> {
  const now = performance.now()
  const first = firstFailures.get(code) ?? now
  firstFailures.set(code, first)
  return { code, elapsed: now - first, codes: new Set(firstFailures.keys()), local, isBound }
}
