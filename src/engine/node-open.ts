import { isIPv6, type Socket } from 'node:net'
import type { AddressBase } from '../core/address.ts'
import { fromNodeError, type SocketError, unsupported } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { AnyHandle, DatagramHandle, ListenerHandle } from '../core/family.ts'
import type { ListenRequest, OpenRequest } from '../core/options.ts'
import { bindWithSteps } from './bind-steps.ts'
import { firstPossible } from './candidates.ts'
import { domainOf } from './kernel.ts'
import type { KernelFamilyDefinition, Purpose } from './kernel-family.ts'
import type { NodeCodec, NodeEndpoint, NodeHost, NodeKind } from './node.ts'
import { hostOf, NodeDatagram } from './node-datagram.ts'
import { NodeListener } from './node-listener.ts'
import {
  checkNodeOptions,
  datagramOptions,
  type GivenOptions,
  openingOptions,
  setNodeOptions,
  streamOptions,
} from './node-options.ts'
import { connectSocket, type KnownNames, NodeStream } from './node-stream.ts'
import { checkPath } from './node-unix.ts'
import { checkBindOptions, explainedBy, explaining, namesBeforeOpening } from './opening.ts'
import { race } from './race.ts'
import { checkValues, namedOptions } from './socket-options.ts'

type Signal = AbortSignal | undefined

/** Opens the sockets of one family through `node:net` and `node:dgram`. */
export class NodeOpener<A extends AddressBase> {
  readonly #definition: KernelFamilyDefinition<A>
  readonly #codec: NodeCodec<A>
  readonly #facts: (address: A) => SchemeFacts

  constructor(definition: KernelFamilyDefinition<A>, codec: NodeCodec<A>, facts: (address: A) => SchemeFacts) {
    this.#definition = definition
    this.#codec = codec
    this.#facts = facts
  }

  async connect(address: A, request: OpenRequest<A>): Promise<AnyHandle<A>> {
    const { signal, local, options } = request
    const isStream = this.#facts(address).kind === 'stream'
    const given = this.#socketOptions(address, isStream ? streamOptions : datagramOptions, options)
    const candidates = await this.#resolve(address, 'connect', request)
    const locals = local === undefined ? [] : await this.#resolve(local, 'bind', request)
    const attempt = (candidate: A, stop: Signal): Promise<AnyHandle<A>> =>
      isStream
        ? this.#connectStream(candidate, locals, given, stop)
        : this.#connectDatagram(candidate, locals, given, stop)
    return race(candidates, signal, attempt, (late) => late.close())
  }

  async #connectStream(address: A, locals: readonly A[], given: GivenOptions, signal: Signal): Promise<NodeStream<A>> {
    const kind = this.#kind(address)
    checkValues(kind, given)
    const { reusePort, ipv6Only } = openingOptions(given)
    if (reusePort || ipv6Only) throw kernelOnly(`${reusePort ? 'reusePort' : 'ipv6Only'} of a connecting socket`)
    const to = kind.encode(address)
    const text = kind.format(address)
    const from = localFor(kind, to, locals)
    const bound = from && { localAddress: from.host, localPort: from.port }
    const socket = await connectSocket({ ...to, ...bound }, signal).catch((error) => {
      if (signal?.aborted) throw signal.reason
      const failed = error.syscall === 'bind' && from !== undefined ? from.address : address
      throw explainedBy(this.#definition, fromNodeError(error, 'connect', kind.format(failed)), failed, given)
    })
    return this.#stream(kind, socket, given, text, 'path' in to ? { local: undefined, remote: address } : undefined)
  }

  #stream(kind: NodeKind<A>, socket: Socket, given: GivenOptions, text: string, names?: KnownNames<A>): NodeStream<A> {
    try {
      setNodeOptions(streamOptions, socket, given, text)
      return new NodeStream(kind, socket, names)
    } catch (error) {
      socket.destroy()
      throw error
    }
  }

  async #connectDatagram(
    address: A,
    locals: readonly A[],
    given: GivenOptions,
    signal: Signal,
  ): Promise<NodeDatagram<A>> {
    const kind = this.#kind(address)
    const to = hostOf(kind, address)
    const text = kind.format(address)
    const from = localFor(kind, to, locals)
    return this.#datagram(kind, isIPv6(to.host), given, signal, async (datagram) => {
      if (from === undefined) await datagram.bind({ host: isIPv6(to.host) ? '::' : '0.0.0.0', port: 0 }, text)
      else await this.#explaining(from.address, given, () => datagram.bind(from, kind.format(from.address)))
      setNodeOptions(datagramOptions, datagram.socket, given, text)
      await this.#explaining(address, given, () => datagram.connect(to, address))
    })
  }

  async bind(address: A, request: OpenRequest<A>): Promise<DatagramHandle<A>> {
    const { signal, options } = request
    const given = this.#socketOptions(address, datagramOptions, options)
    return firstPossible(await this.#resolve(address, 'bind', request), (candidate) => {
      const kind = this.#kind(candidate)
      const where = hostOf(kind, candidate)
      const text = kind.format(candidate)
      return this.#datagram(kind, isIPv6(where.host), given, signal, async (datagram) => {
        await this.#bind(datagram, candidate, options, () => datagram.bind(where, text))
        setNodeOptions(datagramOptions, datagram.socket, given, text)
      })
    })
  }

  async #datagram(
    kind: NodeKind<A>,
    isIPv6: boolean,
    given: GivenOptions,
    signal: Signal,
    open: (datagram: NodeDatagram<A>) => Promise<void>,
  ): Promise<NodeDatagram<A>> {
    checkValues(kind, given)
    const datagram = new NodeDatagram(kind, isIPv6, openingOptions(given))
    try {
      await open(datagram)
      signal?.throwIfAborted()
      return datagram
    } catch (error) {
      datagram.close()
      throw error
    }
  }

  async listen(address: A, request: ListenRequest<A>): Promise<ListenerHandle<A>> {
    const { signal, options, backlog } = request
    const given = this.#socketOptions(address, streamOptions, options)
    return firstPossible(await this.#resolve(address, 'listen', request), async (candidate) => {
      const kind = this.#kind(candidate)
      checkValues(kind, given)
      const opening = openingOptions(given)
      if (opening.reuseAddress === false) throw kernelOnly('reuseAddress: false for a listener')
      const names = 'path' in kind.encode(candidate) ? { local: candidate, remote: undefined } : undefined
      const text = kind.format(candidate)
      const listener = new NodeListener(kind, (socket) => this.#stream(kind, socket, given, text, names))
      try {
        await this.#bind(listener, candidate, options, () => listener.listen(candidate, backlog, opening))
        signal?.throwIfAborted()
        return listener
      } catch (error) {
        listener.close()
        throw error
      }
    })
  }

  /** Binds, with what the family does before and after it. */
  async #bind(
    socket: { onceClosed(cleanup: () => void): void },
    address: A,
    options: GivenOptions,
    bind: () => Promise<void>,
  ): Promise<void> {
    const steps = this.#definition.aroundBind?.(address, { fd: undefined, options }) ?? {}
    await this.#explaining(address, options, () =>
      bindWithSteps(steps, bind, (cleanup) => {
        if (cleanup !== undefined) socket.onceClosed(cleanup)
      }),
    )
  }

  #explaining(address: A, options: GivenOptions, call: () => Promise<void>): Promise<void> {
    return explaining(this.#definition, address, options, call)
  }

  async #resolve(address: A, purpose: Purpose, request: OpenRequest<A>): Promise<readonly A[]> {
    const { signal } = request
    signal?.throwIfAborted()
    const resolved = await (this.#definition.resolve?.(address, purpose, request) ?? [address])
    signal?.throwIfAborted()
    return resolved
  }

  /** The options that are Node's to set, each of which it can: a misspelt option must not leave half a socket. */
  #socketOptions(address: A, settable: object, options: GivenOptions): GivenOptions {
    const forBind = Object.keys(this.#definition.bindOptions ?? {})
    checkNodeOptions(namesBeforeOpening(this.#definition, address), settable, options, forBind)
    checkBindOptions(this.#definition, options)
    return Object.fromEntries(Object.entries(options).filter(([name]) => !forBind.includes(name)))
  }

  #kind(like: A): NodeKind<A> {
    const definition = this.#definition
    const { scheme } = like
    return {
      ...namedOptions(definition, { domain: domainOf(definition.encode(like)), address: like }),
      facts: this.#facts(like),
      encode: (address) => this.#encode(address),
      decode: (endpoint) => this.#codec.decode(endpoint, scheme),
      format: (address) => definition.format(address),
      destinations: (address) => definition.resolve?.(address, 'send') ?? [address],
    }
  }

  #encode(address: A): NodeEndpoint {
    const endpoint = this.#codec.encode(address)
    if ('path' in endpoint) checkPath(endpoint.path, this.#definition.format(address))
    return endpoint
  }
}

/** Of the addresses to connect from, the one of the destination's own kind. */
function localFor<A extends AddressBase>(
  kind: NodeKind<A>,
  to: NodeEndpoint,
  locals: readonly A[],
): (NodeHost & { readonly address: A }) | undefined {
  if (locals.length === 0) return undefined
  if ('path' in to) throw kernelOnly('connecting from a Unix socket that has a name')
  const hosts = locals.map((address) => ({ ...hostOf(kind, address), address }))
  return hosts.find(({ host }) => isIPv6(host) === isIPv6(to.host)) ?? hosts[0]
}

function kernelOnly(what: string): SocketError {
  return unsupported(what, "Node's own sockets cannot do it; the kernel engine can")
}
