import { type AddressBase, invalidAddress } from '../core/address.ts'
import type { SentAncillary } from '../core/ancillary.ts'
import { coded } from '../core/coded-error.ts'
import { because, messageTooLong, type SocketError, socketClosed, systemError } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { DatagramEvents, Done, Outgoing, UnboundDatagramHandle } from '../core/family.ts'
import type { RawOption } from '../core/options.ts'
import { clearTimeout, setTimeout } from '../core/timers.ts'
import { type Addon, DISCONNECTED, FAILED, READABLE, WRITABLE } from './addon.ts'
import { receiveTimestamp } from './ancillary-field.ts'
import { type Attachment, makeAttachment } from './attachments.ts'
import { descriptorsLost } from './descriptors.ts'
import { EAGAIN, ECONNRESET, EINTR, EINVAL, EIO, EMSGSIZE, ENOBUFS } from './errno.ts'
import { domainOf, interest, KernelSocket, type SocketKind } from './kernel.ts'
import { encodeInt } from './kernel-options.ts'
import { MessagePacker } from './message-packer.ts'
import { MessageReader } from './message-reader.ts'

/** Of udp(7). */
const IPPROTO_UDP = 17
const UDP_SEGMENT = 103
const UDP_GRO = 104

/** What a run of messages may be refused with although each of them would go. */
const NO_RUNS: ReadonlySet<number> = new Set([EINVAL, EIO, EMSGSIZE])

/** Receives in a row before the other sockets get their turn. */
const ROUNDS = 4

/** While a receiver is full and no event tells when it is not, sending is tried again after this long, in milliseconds. */
const RETRY_FIRST = 1
const RETRY_LAST = 32

const packer = new MessagePacker()
const toPeer = new Uint8Array(0)
/** A sockaddr of AF_UNSPEC: connect(2) dissolves the association then. */
const noPeer = new Uint8Array(16)
const PLAIN: Attachment = { control: new Uint8Array(0), held: undefined }

/** A socket of messages: unconnected, connected, or SOCK_SEQPACKET. */
export class KernelDatagram<A extends AddressBase> extends KernelSocket<A> implements UnboundDatagramHandle<A> {
  readonly type = 'datagram'
  #events: DatagramEvents<A> | undefined
  #reading = false
  #ended = false
  /** No more comes than is there already: the connection was reset, or somebody who has the socket too has shut it down. */
  #isEnding = false
  /** The next WRITABLE is for `onWritable`. Over with it: whether there is more to send is for `send` to say. */
  #waitsForRoom = false
  /** `-errno` of an earlier datagram, which nobody was told of yet; 0 for none. */
  #kept = 0
  /** How often in a row sending was tried again and nothing went out. */
  #stalls = 0
  #retry: NodeJS.Timeout | undefined
  #facts: SchemeFacts | undefined
  readonly #reader: MessageReader<A>
  /** Messages of up to so many bytes go to the kernel in runs; `undefined` until that is asked for. */
  #runsUpTo: number | undefined

  constructor(addon: Addon, kind: SocketKind<A>, fd: number, remoteName?: string) {
    super(addon, kind, fd, remoteName)
    this.#reader = new MessageReader(addon, kind)
  }

  /** The largest message follows from the send buffer, where the kernel ties the two together. */
  override get facts(): SchemeFacts {
    this.#facts ??= this.#measureFacts()
    return this.#facts
  }

  #measureFacts(): SchemeFacts {
    const { maxMessage, facts } = this.kind
    if (maxMessage === undefined || !this.isOpen) return facts
    return { ...facts, maxMessage: maxMessage((name) => this.getOption(name)) }
  }

  start(events: DatagramEvents<A>): void {
    this.#events = events
    this.#timestampMessages()
    if (this.kind.coalesces) this.addon.setsockopt(this.descriptor, IPPROTO_UDP, UDP_GRO, encodeInt(1))
    this.#waitAsNeeded()
  }

  /** What tells a message of no length from the end; see #untilEnd. */
  #timestampMessages(): void {
    if (!this.kind.facts.connected) return
    this.addon.setsockopt(this.descriptor, receiveTimestamp.level, receiveTimestamp.name, encodeInt(1))
  }

  resume(): void {
    if (this.#ended) return
    this.#reading = true
    if (this.#kept !== 0) process.nextTick(() => this.#tellKept())
    this.#waitAsNeeded()
  }

  pause(): void {
    this.#reading = false
    this.#waitAsNeeded()
  }

  /**
   * A bound socket keeps the process alive even while it reads nothing, as one of Node's does: it waits for DISCONNECTED,
   * which comes only once it has been shut down.
   */
  #waitAsNeeded(): void {
    const isBound = !this.kind.facts.connected && !this.#isEnding
    this.wait(interest(this.#reading, this.#waitsForRoom) | (isBound ? DISCONNECTED : 0))
  }

  protected onReady(events: number): void {
    if ((events & DISCONNECTED) !== 0) this.#isEnding = true
    try {
      if ((events & WRITABLE) !== 0 && this.#waitsForRoom) this.#tellOfRoom()
      if ((events & READABLE) !== 0 && this.#reading) this.#receive()
      if ((events & FAILED) !== 0 && !this.#reading) this.#keepError()
    } finally {
      // Also where a listener throws: after FAILED the watch has stopped.
      if (this.isOpen && (events & ~READABLE) !== 0) this.#waitAsNeeded()
    }
  }

  /**
   * While nobody receives, an error of an earlier datagram waits for the next call. The kernel would report it in every
   * turn of the event loop until then, so it waits here.
   */
  #keepError(): void {
    if (!this.isOpen || this.kind.facts.connected) return
    const error = this.takeError()
    if (this.#kept === 0) this.#kept = error
  }

  /** What was kept; 0 for none. */
  #takeKept(): number {
    const kept = this.#kept
    this.#kept = 0
    return kept
  }

  #tellKept(): void {
    if (!this.isOpen || !this.#reading) return
    const kept = this.#takeKept()
    if (kept !== 0) this.#failed(kept)
  }

  // ── Receiving

  #receive(): void {
    for (let round = 0; round < ROUNDS && this.#reading && this.isOpen; round++) {
      const wantsFds = this.carriesFds && this.#events?.wantsFds?.() === true
      const count = this.#reader.receive(this.descriptor, wantsFds)
      if (count === EAGAIN && this.#isEnding) {
        this.#end()
        return
      }
      if (count === EAGAIN || count === EINTR) return
      if (count < 0) {
        this.#failed(count)
        return
      }
      const { messages, lost, isEnd, isFull } = this.#reader.take(count, wantsFds)
      if (messages.length > 0) this.#events?.onMessages(messages)
      for (let each = 0; each < lost; each++) this.#events?.onError(descriptorsLost('recvmsg'), false)
      if (isEnd) this.#end()
      if (isEnd || !isFull) return
    }
  }

  #end(): void {
    this.#ended = true
    this.pause()
    this.#events?.onEnd()
  }

  /** A connected socket is lost with its peer; on any other the error is that of an earlier datagram (udp(7)). */
  #failed(errno: number): void {
    if (errno === ECONNRESET && this.kind.endsWithReset) {
      // Reported once, and before the messages that are still there.
      this.#isEnding = true
      return
    }
    const fatal = this.kind.facts.connected
    if (fatal) {
      this.#ended = true
      this.pause()
    }
    this.#events?.onError(systemError(errno, 'recv', this.#peer && this.kind.format(this.#peer)), fatal)
  }

  override noteOption(option: string | RawOption, value: unknown): void {
    if (typeof option !== 'string') return
    const field = this.kind.option(option, value)?.brings
    if (field === undefined) return
    this.#reader.ancillary.ask(field, value === true)
    this.#timestampMessages()
  }

  // ── Sending

  target(address: A): Uint8Array | Promise<Uint8Array> {
    if (address.scheme !== this.kind.scheme) {
      throw invalidAddress(this.kind.format(address), `this socket is of the scheme ${this.kind.scheme}`)
    }
    const resolved = this.kind.destinations(address)
    return resolved instanceof Promise ? resolved.then((found) => this.#encode(found)) : this.#encode(resolved)
  }

  /** Of several addresses the first of the socket's own domain: an IPv4 socket cannot send to an IPv6 address. */
  #encode(candidates: readonly A[]): Uint8Array {
    const names = candidates.map((candidate) => this.kind.encode(candidate))
    const usable = names.find((name) => domainOf(name) === this.kind.domain) ?? names[0]
    if (usable === undefined)
      throw coded(TypeError, 'ERR_INVALID_RETURN_VALUE', 'the family resolved an address to none')
    return usable
  }

  attach(ancillary: SentAncillary, target: unknown): Attachment {
    const { scheme, ancillary: fields = {} } = this.kind
    const to =
      (target as Uint8Array | undefined) ?? (this.remote === undefined ? toPeer : this.kind.encode(this.remote))
    return makeAttachment(this.addon, { scheme, carriesFds: this.carriesFds, fields }, ancillary, to)
  }

  detach(attachment: unknown): void {
    const { held } = attachment as Attachment
    held?.close()
  }

  send(messages: readonly Outgoing[], from: number): number {
    if (!this.isOpen) throw socketClosed('send')
    let next = from
    while (next < messages.length) {
      const message = messages[next] as Outgoing
      const taken = this.#takeKept() || this.#sendFrom(messages, next)
      if (taken === EINTR) continue
      if (taken === EAGAIN || taken === ENOBUFS) {
        if (next === from) this.#block()
        return next - from
      }
      this.#stalls = 0
      if (taken < 0) {
        // What went out before it counts; the refusal comes again, by itself, with the next call.
        if (next > from) return next - from
        if (message.attachment !== undefined) this.detach(message.attachment)
        throw this.#refusal(taken, message)
      }
      next += taken
    }
    return next - from
  }

  #refusal(errno: number, { data, target }: Outgoing): SocketError {
    const to = target === undefined ? this.#peer : this.kind.decode(target as Uint8Array)
    const address = to && this.kind.format(to)
    const limit = errno === EMSGSIZE ? (this.#pathLimit(to) ?? this.#measureFacts().maxMessage) : undefined
    if (limit !== undefined && data.length > limit) return messageTooLong(data.length, limit, address)
    const error = systemError(errno, 'send', address)
    const why =
      errno === EMSGSIZE
        ? `${data.length} bytes do not fit into one packet on the way`
        : to && this.kind.explain?.(error, to)
    return why === undefined ? error : because(error, why)
  }

  /** `undefined` where the kernel does not know the way: a socket that is not connected. */
  #pathLimit(to: A | undefined): number | undefined {
    const { pathLimit } = this.kind
    if (pathLimit === undefined || to === undefined || this.#peer === undefined) return undefined
    try {
      return Math.min(
        pathLimit(to, (option) => this.getOption(option) as Buffer),
        this.facts.maxMessage ?? Infinity,
      )
    } catch {
      return undefined
    }
  }

  get #peer(): A | undefined {
    return this.remote ?? this.connectedTo
  }

  #sendFrom(messages: readonly Outgoing[], from: number): number {
    const message = messages[from] as Outgoing
    const isAlone = from === messages.length - 1
    return !isAlone && MessagePacker.takes(message) ? this.#sendPacked(messages, from) : this.#sendOne(message)
  }

  #sendOne({ data, target, attachment }: Outgoing): number {
    const { control } = (attachment as Attachment | undefined) ?? PLAIN
    const isPlain = target === undefined && attachment === undefined
    const result = isPlain
      ? this.addon.send(this.descriptor, data, 0, data.length)
      : this.addon.sendmsg(this.descriptor, data, (target as Uint8Array | undefined) ?? toPeer, control)
    if (result < 0) return result
    if (attachment !== undefined) this.detach(attachment)
    return 1
  }

  #sendPacked(messages: readonly Outgoing[], from: number): number {
    this.#runsUpTo ??= this.#longestInRuns()
    const places = packer.pack(messages, from, this.#runsUpTo)
    const taken = this.addon.sendmmsg(this.descriptor, packer.slab, packer.meta, packer.names, places)
    if (taken >= 0) return packer.messagesIn(taken)
    const { firstRun } = packer
    if (firstRun === 0 || !NO_RUNS.has(taken)) return taken
    // No device on the way does checksums, or the messages are too long for one packet: shorter ones may still go so.
    const before = this.#runsUpTo
    this.#runsUpTo = taken === EIO ? 0 : firstRun - 1
    const alone = this.#sendPacked(messages, from)
    // It was not for being a run that it was refused.
    if (alone < 0) this.#runsUpTo = before
    return alone
  }

  /** An older kernel would pass over what it does not know, and send a run as one datagram. */
  #longestInRuns(): number {
    if (!this.kind.coalesces) return 0
    return this.addon.getsockopt(this.descriptor, IPPROTO_UDP, UDP_SEGMENT, new Uint8Array(4)) < 0 ? 0 : Infinity
  }

  /**
   * An unconnected Unix socket is writable although the receiver's queue is full, and ENOBUFS is never followed by an
   * event: when waiting for WRITABLE has brought nothing, only time is left.
   */
  #block(): void {
    this.#stalls++
    this.#waitsForRoom = this.#stalls === 1
    if (!this.#waitsForRoom) {
      clearTimeout(this.#retry)
      this.#retry = setTimeout(() => this.#tellOfRoom(), Math.min(RETRY_FIRST * 2 ** (this.#stalls - 2), RETRY_LAST))
      if (!this.isRef) this.#retry.unref()
    }
    this.#waitAsNeeded()
  }

  #tellOfRoom(): void {
    this.#waitsForRoom = false
    this.#events?.onWritable()
  }

  override ref(): void {
    super.ref()
    this.#retry?.ref()
  }

  override unref(): void {
    super.unref()
    this.#retry?.unref()
  }

  end(done: Done): void {
    this.shutdownWrites(done)
  }

  /** connect(2), which has nothing to wait for on such a socket. */
  setPeer(address: A | undefined): void {
    if (!this.isOpen) throw socketClosed('connect')
    const name = address === undefined ? noPeer : this.kind.encode(address)
    const result = this.addon.connect(this.descriptor, name)
    if (result < 0) throw systemError(result, 'connect', address && this.kind.format(address))
    this.forgetNames()
    this.connectedTo = address
  }

  protected onClose(): void {
    clearTimeout(this.#retry)
    this.#events = undefined
  }
}
