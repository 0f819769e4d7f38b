import { closeSync } from 'node:fs'
import { type AddressBase, invalidAddress } from '../core/address.ts'
import type { SentAncillary } from '../core/ancillary.ts'
import { socketClosed, systemError } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { DatagramEvents, Done, Message, Outgoing, UnboundDatagramHandle } from '../core/family.ts'
import type { RawOption } from '../core/options.ts'
import { type Addon, DISCONNECTED, FAILED, NAME_SIZE, READABLE, WRITABLE } from './addon.ts'
import { receiveTimestamp } from './ancillary-field.ts'
import { AncillaryIntake } from './ancillary-intake.ts'
import { type Attachment, makeAttachment } from './attachments.ts'
import { descriptorsLost, dropDescriptors } from './descriptors.ts'
import { EAGAIN, ECONNRESET, EINTR, ENOBUFS } from './errno.ts'
import { domainOf, interest, KernelSocket, type SocketKind } from './kernel.ts'
import { encodeInt } from './kernel-options.ts'
import { Slab } from './slab.ts'

const MSG_TRUNC = 0x20

/** Messages to one system call, in and out. */
const BATCH = 64
/** Receives in a row before the other sockets get their turn. */
const ROUNDS = 4
/** Longer messages are not worth copying together; each goes by a call of its own. */
const PACK_UP_TO = 4096
/** Room for any message: UDP and most others end at 64 KiB. */
const SLOT = 65_536
/** Where a message is limited by the sender's buffer alone: twice the largest that socket(7) gives without privileges. */
const LARGE_SLOT = 524_288
/** Up to here what one call received is copied out, so that a small message that is kept does not keep a slab. */
const COPY_UP_TO = 4096

/** While a receiver is full and no event tells when it is not, sending is tried again after this long, in milliseconds. */
const RETRY_FIRST = 1
const RETRY_LAST = 32

/** Words that recvmmsg writes for each message: its length, its flags, the lengths of its sender's name and of its ancillary data. */
const WORDS = 4

const slab = new Slab(16 * SLOT)
const largeSlab = new Slab(8 * LARGE_SLOT)
const received = new Int32Array(WORDS * BATCH)
const receivedNames = new Uint8Array(NAME_SIZE * BATCH)
/** As large as any socket has asked for so far. */
let receivedControls = new Uint8Array(0)
const packed = new Uint8Array(BATCH * PACK_UP_TO)
const packedLengths = new Int32Array(BATCH)
const packedNames = new Uint8Array(NAME_SIZE * BATCH)
const packedNameLengths = new Int32Array(BATCH)
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
  /** The ECONNRESET that ends this kind of connection has been reported. */
  #isReset = false
  #blocked = false
  /** How often in a row sending was tried again and nothing went out. */
  #stalls = 0
  #retry: NodeJS.Timeout | undefined
  #facts: SchemeFacts | undefined
  readonly #ancillary: AncillaryIntake
  #lastName: Uint8Array | undefined
  #lastFrom: A | undefined

  constructor(addon: Addon, kind: SocketKind<A>, fd: number, remote?: A) {
    super(addon, kind, fd, remote)
    this.#ancillary = new AncillaryIntake(kind.ancillary)
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
    this.#waitAsNeeded()
  }

  pause(): void {
    this.#reading = false
    this.#waitAsNeeded()
  }

  /** A bound socket keeps the process alive even while it reads nothing, as one of Node's does; see the listener. */
  #waitAsNeeded(): void {
    const wanted = interest(this.#reading, this.#blocked && this.#retry === undefined)
    this.wait(wanted === 0 && !this.kind.facts.connected ? DISCONNECTED : wanted)
  }

  protected onReady(events: number): void {
    if ((events & WRITABLE) !== 0 && this.#blocked && this.#retry === undefined) this.#unblock()
    if ((events & READABLE) !== 0 && this.#reading) this.#receive()
    if (this.isOpen && (events & (FAILED | WRITABLE)) !== 0) this.#waitAsNeeded()
  }

  // ── Receiving

  #receive(): void {
    for (let round = 0; round < ROUNDS && this.#reading && this.isOpen; round++) {
      const isLarge = (this.kind.facts.maxMessage ?? 0) > SLOT
      const [from, slot] = isLarge ? [largeSlab, LARGE_SLOT] : [slab, SLOT]
      from.reserve(slot)
      const room = Math.min(BATCH, Math.floor(from.free / slot))
      const wantsFds = this.carriesFds && this.#events?.wantsFds?.() === true
      const space = this.#ancillary.space(this.kind.facts.connected, wantsFds)
      if (receivedControls.length < space * BATCH) receivedControls = new Uint8Array(space * BATCH)
      const count = this.addon.recvmmsg(
        this.descriptor,
        from.block,
        from.offset,
        slot,
        room,
        received,
        receivedNames,
        receivedControls,
        space,
      )
      if (count === EAGAIN && this.#isReset) {
        this.#end()
        return
      }
      if (count === EAGAIN || count === EINTR) return
      if (count < 0) {
        this.#failed(count)
        return
      }
      if (!this.#deliver(count, from, space, wantsFds)) return
      if (count < room) return
    }
  }

  /** False when the end of a connected socket is among them. */
  #deliver(count: number, from: Slab, space: number, wantsFds: boolean): boolean {
    const messages = this.#untilEnd(count)
    let total = 0
    for (let index = 0; index < messages; index++) total += received[WORDS * index] as number
    const bytes = total <= COPY_UP_TO ? from.copy(total) : from.take(total)
    const batch: Message<A>[] = []
    let lost = 0
    for (let index = 0, start = 0; index < messages; index++) {
      const length = received[WORDS * index] as number
      const flags = received[WORDS * index + 1] as number
      const sender = this.#sender(index, received[WORDS * index + 2] as number)
      const data = bytes.subarray(start, start + length)
      const message = { data, from: sender, truncated: (flags & MSG_TRUNC) !== 0 }
      start += length
      if (this.#ancillary.isWanted(wantsFds)) {
        const control = receivedControls.subarray(
          index * space,
          index * space + (received[WORDS * index + 3] as number),
        )
        const brought = this.#ancillary.read(control, flags, wantsFds)
        if (brought === 'lost') lost++
        else batch.push({ ...message, ...brought })
      } else {
        batch.push(message)
      }
    }
    if (batch.length > 0) this.#events?.onMessages(batch)
    for (; lost > 0; lost--) this.#events?.onError(descriptorsLost('recvmsg'), false)
    if (messages < count) this.#end()
    return messages === count
  }

  /**
   * The kernel reports the end of a connected message socket as a message of no length, and once more at each further
   * receive. A real one carries a timestamp, since it was asked for; the end carries none.
   */
  #untilEnd(count: number): number {
    if (!this.kind.facts.connected) return count
    for (let index = 0; index < count; index++) {
      const isEmpty = received[WORDS * index] === 0
      const hasTimestamp = received[WORDS * index + 3] !== 0
      if (isEmpty && !hasTimestamp) return index
    }
    return count
  }

  #end(): void {
    this.#ended = true
    this.pause()
    this.#events?.onEnd()
  }

  /** Most messages in a row come from one sender: the same bytes give the same address. */
  #sender(index: number, length: number): A | undefined {
    if (length === 0) return undefined
    const start = index * NAME_SIZE
    const name = receivedNames.subarray(start, start + length)
    if (this.#lastName === undefined || !sameBytes(this.#lastName, name)) {
      this.#lastName = name.slice()
      this.#lastFrom = this.kind.decode(this.#lastName)
    }
    return this.#lastFrom
  }

  /** A connected socket is lost with its peer; on any other the error is that of an earlier datagram (udp(7)). */
  #failed(errno: number): void {
    if (errno === ECONNRESET && this.kind.endsWithReset) {
      // Reported once, and before the messages that are still there.
      this.#isReset = true
      return
    }
    const fatal = this.kind.facts.connected
    if (fatal) {
      this.#ended = true
      this.pause()
    }
    this.#events?.onError(systemError(errno, 'recv'), fatal)
  }

  discard({ fds = [] }: Message<A>): void {
    for (const fd of fds) closeSync(fd)
  }

  override noteOption(option: string | RawOption, value: unknown): void {
    if (typeof option !== 'string') return
    const field = this.kind.option(option, value)?.brings
    if (field === undefined) return
    this.#ancillary.ask(field, value === true)
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
    if (usable === undefined) throw new TypeError('the family resolved an address to none')
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
    if (held !== undefined) dropDescriptors(this.addon, held)
  }

  send(messages: readonly Outgoing[], from: number): number {
    if (!this.isOpen) throw socketClosed('send')
    let next = from
    while (next < messages.length) {
      const message = messages[next] as Outgoing
      const taken = isPackable(message) ? this.#sendPacked(messages, next) : this.#sendOne(message)
      if (taken === EINTR) continue
      if (taken === EAGAIN || taken === ENOBUFS) {
        if (next === from) this.#block()
        return next - from
      }
      if (taken < 0) {
        // What went out before it counts; the refusal comes again, by itself, with the next call.
        if (next > from) return next - from
        if (message.attachment !== undefined) this.detach(message.attachment)
        throw systemError(taken, 'send')
      }
      this.#stalls = 0
      next += taken
    }
    this.#blocked = false
    return next - from
  }

  #sendOne({ data, target, attachment }: Outgoing): number {
    const { control } = (attachment as Attachment | undefined) ?? PLAIN
    const result = this.addon.sendmsg(this.descriptor, data, (target as Uint8Array | undefined) ?? toPeer, control)
    if (result < 0) return result
    if (attachment !== undefined) this.detach(attachment)
    return 1
  }

  #sendPacked(messages: readonly Outgoing[], from: number): number {
    let used = 0
    let count = 0
    for (; count < BATCH && from + count < messages.length; count++) {
      const message = messages[from + count] as Outgoing
      if (!isPackable(message)) break
      const { data, target } = message
      packed.set(data, used)
      used += data.length
      packedLengths[count] = data.length
      const name = (target as Uint8Array | undefined) ?? toPeer
      packedNames.set(name, count * NAME_SIZE)
      packedNameLengths[count] = name.length
    }
    return this.addon.sendmmsg(this.descriptor, packed, packedLengths, packedNames, packedNameLengths, count)
  }

  /**
   * An unconnected Unix socket is writable although the receiver's queue is full, and ENOBUFS is never followed by an
   * event: when waiting for WRITABLE has brought nothing, only time is left.
   */
  #block(): void {
    this.#blocked = true
    this.#stalls++
    if (this.#stalls > 1) {
      clearTimeout(this.#retry)
      this.#retry = setTimeout(
        () => {
          this.#retry = undefined
          this.#unblock()
        },
        Math.min(RETRY_FIRST * 2 ** (this.#stalls - 2), RETRY_LAST),
      )
    }
    this.#waitAsNeeded()
  }

  #unblock(): void {
    this.#events?.onWritable()
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
  }

  protected onClose(): void {
    clearTimeout(this.#retry)
    this.#events = undefined
  }
}

function isPackable({ data, attachment }: Outgoing): boolean {
  return data.length <= PACK_UP_TO && attachment === undefined
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}
