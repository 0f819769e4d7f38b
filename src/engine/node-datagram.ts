import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { type AddressBase, invalidAddress } from '../core/address.ts'
import { coded } from '../core/coded-error.ts'
import { fromNodeError, messageTooLong, namedSystemError, socketClosed, unsupported } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { DatagramEvents, DatagramHandle, Done, Message, Outgoing } from '../core/family.ts'
import type { RawOption } from '../core/options.ts'
import { setImmediate } from '../core/timers.ts'
import { PIECE_COST } from '../core/waiting.ts'
import type { NodeHost, NodeKind } from './node.ts'
import { datagramOptions, type OpeningOptions, readNodeOption, writeNodeOption } from './node-options.ts'

/** libuv queues without limit what the system does not take at once; this much may be under way. */
const MAX_SENDING = 64
const MAX_SENDING_BYTES = 262_144

/** `node:dgram` cannot be told to stop reading. What comes while nobody reads is kept up to here, as a socket buffer would. */
const MAX_HELD_BYTES = 1_048_576

/** 65,535 bytes, less the UDP header, and in IPv4 less the IP header too. */
const MAX_MESSAGE_IPV4 = 65_507
const MAX_MESSAGE_IPV6 = 65_527

interface Target<A> extends NodeHost {
  readonly address: A
}

/** A bound `dgram.Socket`, connected or not, as a handle. */
export class NodeDatagram<A extends AddressBase> implements DatagramHandle<A> {
  readonly type = 'datagram'
  readonly engine = 'node'
  readonly fd = undefined
  readonly #kind: NodeKind<A>
  readonly #socket: Socket
  readonly #isIPv6: boolean
  readonly #cleanups: (() => void)[] = []
  #local: A | undefined
  #remote: Target<A> | undefined
  #events: DatagramEvents<A> | undefined
  #closed = false
  #reading = false
  #held: Message<A>[] = []
  #heldBytes = 0
  #sending = 0
  #sendingBytes = 0
  #blocked = false

  constructor(kind: NodeKind<A>, isIPv6: boolean, { reuseAddress, reusePort, ipv6Only }: OpeningOptions) {
    // reusePort is not among the types of the oldest Node that we support.
    const options: SocketOptions & { reusePort: boolean } = {
      type: isIPv6 ? 'udp6' : 'udp4',
      reuseAddr: reuseAddress ?? false,
      reusePort,
      ipv6Only,
      // Every address is numeric by then. Answered at once, a message is handed to the system within `send`.
      lookup: (host, _options, callback) => callback(null, host, isIPv6 ? 6 : 4),
    }
    this.#kind = kind
    this.#isIPv6 = isIPv6
    this.#socket = createSocket(options)
    this.#socket.on('message', (data, from) => this.#received(data, from))
    this.#socket.on('error', (error) => {
      if (!this.#closed) this.#events?.onError(fromNodeError(error, 'recv', this.#remoteText()), false)
    })
  }

  async bind({ host, port }: NodeHost, address: string): Promise<void> {
    try {
      const bound = once(this.#socket, 'listening')
      // Without `exclusive` a worker of node:cluster would share the socket of its primary.
      this.#socket.bind({ address: host, port, exclusive: true })
      await bound
    } catch (error) {
      throw fromNodeError(error, 'bind', address)
    }
    this.#local = this.#decode(this.#socket.address())
  }

  async connect({ host, port }: NodeHost, address: A): Promise<void> {
    try {
      const connected = once(this.#socket, 'connect')
      this.#socket.connect(port, host)
      await connected
    } catch (error) {
      throw fromNodeError(error, 'connect', this.#kind.format(address))
    }
    this.#remote = { host, port, address: this.#decode(this.#socket.remoteAddress()) ?? address }
    // Connecting has chosen the address that a wildcard stood for.
    this.#local = this.#decode(this.#socket.address())
  }

  /** Node connects within the call, since its `lookup` answers at once; what it finds wrong comes as an error event. */
  setPeer(address: A | undefined): void {
    if (this.#closed) throw socketClosed('connect')
    if (this.#remote !== undefined) this.#socket.disconnect()
    this.#remote = undefined
    if (address !== undefined) {
      const { host, port } = hostOf(this.#kind, address)
      this.#socket.connect(port, host)
      this.#remote = { host, port, address }
    }
    this.#local = this.#decode(this.#socket.address())
  }

  /** For options that are set between the steps of opening. */
  get socket(): Socket {
    return this.#socket
  }

  get facts(): SchemeFacts {
    return this.#kind.facts
  }

  get local(): A | undefined {
    return this.#local
  }

  get remote(): A | undefined {
    return this.#remote?.address
  }

  #decode({ address, port }: { address: string; port: number }): A | undefined {
    return this.#kind.decode({ host: address, port })
  }

  #remoteText(): string | undefined {
    return this.#remote === undefined ? undefined : this.#kind.format(this.#remote.address)
  }

  start(events: DatagramEvents<A>): void {
    this.#events = events
  }

  // ── Receiving

  resume(): void {
    this.#reading = true
    if (this.#held.length > 0) process.nextTick(() => this.#deliverHeld())
  }

  pause(): void {
    this.#reading = false
  }

  #received(data: Buffer, { address, port }: RemoteInfo): void {
    const from = this.#kind.decode({ host: address, port })
    const message: Message<A> = { data, from, truncated: false }
    if (this.#reading && this.#held.length === 0) this.#events?.onMessages([message])
    else this.#hold(message)
  }

  #hold(message: Message<A>): void {
    const cost = message.data.length + PIECE_COST
    if (this.#heldBytes + cost > MAX_HELD_BYTES) return
    this.#held.push(message)
    this.#heldBytes += cost
  }

  #deliverHeld(): void {
    if (!this.#reading || this.#closed || this.#held.length === 0) return
    const batch = this.#held
    this.#held = []
    this.#heldBytes = 0
    this.#events?.onMessages(batch)
  }

  // ── Sending

  target(address: A): Target<A> | Promise<Target<A>> {
    if (address.scheme !== this.#kind.scheme) {
      throw invalidAddress(this.#kind.format(address), `this socket is of the scheme ${this.#kind.scheme}`)
    }
    const found = this.#kind.destinations(address)
    return found instanceof Promise ? found.then((several) => this.#reachable(several)) : this.#reachable(found)
  }

  /** Of several addresses the first of the socket's own kind. An IPv6 socket sends to IPv4 by mapped addresses. */
  #reachable(candidates: readonly A[]): Target<A> {
    const targets = candidates.map((address) => ({ ...hostOf(this.#kind, address), address }))
    const target = targets.find(({ host }) => isIPv6(host) === this.#isIPv6) ?? targets[0]
    if (target === undefined)
      throw coded(TypeError, 'ERR_INVALID_RETURN_VALUE', 'the family resolved an address to none')
    if (isIPv6(target.host) === this.#isIPv6) return target
    if (this.#isIPv6) return { ...target, host: `::ffff:${target.host}` }
    throw namedSystemError('EAFNOSUPPORT', 'send', this.#kind.format(target.address))
  }

  send(messages: readonly Outgoing[], from: number): number {
    if (this.#closed) throw socketClosed('send')
    let next = from
    for (; next < messages.length; next++) {
      if (this.#sending >= MAX_SENDING || this.#sendingBytes >= MAX_SENDING_BYTES) {
        this.#blocked = true
        break
      }
      try {
        this.#sendOne(messages[next] as Outgoing)
      } catch (error) {
        // What went out before it counts; the refusal comes again, by itself, with the next call.
        if (next > from) break
        throw error
      }
    }
    return next - from
  }

  #sendOne({ data, target }: Outgoing): void {
    const to = this.#checked(data.length, target as Target<A> | undefined)
    const text = (): string => this.#kind.format(to.address)
    const onSent = (error: Error | null): void => this.#sent(data.length, error, text)
    // The caller may use its bytes again when this returns, and libuv may not have sent them yet.
    const copy = Buffer.from(data)
    try {
      if (target === undefined) this.#socket.send(copy, onSent)
      else this.#socket.send(copy, to.port, to.host, onSent)
    } catch (error) {
      throw fromNodeError(error, 'send', text())
    }
    this.#sending++
    this.#sendingBytes += data.length
  }

  /** Node tells all that is wrong with a message later, when its sender has gone on: what is known now is told now. */
  #checked(length: number, target: Target<A> | undefined): Target<A> {
    if (target !== undefined && this.#remote !== undefined) {
      throw unsupported(
        'sending to an address from a connected socket',
        "Node's own sockets cannot; the kernel engine does",
      )
    }
    const to = target ?? this.#remote
    if (to === undefined) throw namedSystemError('EDESTADDRREQ', 'send')
    const isIPv4 = !this.#isIPv6 || to.host.startsWith('::ffff:')
    if (length <= (isIPv4 ? MAX_MESSAGE_IPV4 : MAX_MESSAGE_IPV6)) return to
    throw messageTooLong(length, isIPv4 ? MAX_MESSAGE_IPV4 : MAX_MESSAGE_IPV6, this.#kind.format(to.address))
  }

  #sent(length: number, error: Error | null, address: () => string): void {
    this.#sending--
    this.#sendingBytes -= length
    if (this.#closed) return
    if (error) this.#events?.onError(fromNodeError(error, 'send', address()), false)
    const hasRoom = this.#sending <= MAX_SENDING / 2 && this.#sendingBytes <= MAX_SENDING_BYTES / 2
    if (!this.#blocked || !hasRoom) return
    this.#blocked = false
    // What the system took at once is reported before the event loop turns: a sender that never waits would stop it.
    setImmediate(() => {
      if (!this.#closed) this.#events?.onWritable()
    })
  }

  /** There is nothing to end: UDP knows no connection. */
  end(done: Done): void {
    done(this.#closed ? socketClosed('end') : null)
  }

  getOption(option: string | RawOption): unknown {
    if (this.#closed) throw socketClosed('getOption')
    return readNodeOption(this.#kind, datagramOptions, this.#socket, option)
  }

  setOption(option: string | RawOption, value: unknown): void {
    if (this.#closed) throw socketClosed('setOption')
    writeNodeOption(this.#kind, datagramOptions, this.#socket, option, value)
  }

  ref(): void {
    if (!this.#closed) this.#socket.ref()
  }

  unref(): void {
    if (!this.#closed) this.#socket.unref()
  }

  /** Called when the socket is closed, for what the family does then. */
  onceClosed(cleanup: () => void): void {
    this.#cleanups.push(cleanup)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#held = []
    this.#socket.close()
    for (const cleanup of this.#cleanups) cleanup()
  }
}

/** Where Node finds an address that must be a host's. */
export function hostOf<A extends AddressBase>(kind: NodeKind<A>, address: A): NodeHost {
  const endpoint = kind.encode(address)
  if ('host' in endpoint) return endpoint
  throw unsupported(kind.format(address), "Node's own sockets know no Unix datagrams")
}
