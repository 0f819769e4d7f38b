import type { AddressBase } from '../core/address.ts'
import type { ArrivedMessage } from '../core/family.ts'
import { type Addon, NAME_SIZE, RECEIVE_META } from './addon.ts'
import { AncillaryIntake } from './ancillary-intake.ts'
import { controlSpace } from './control.ts'
import { AF_UNIX, type SocketKind } from './kernel.ts'
import { ReceiveArea } from './receive-area.ts'

const MSG_TRUNC = 0x20
const MSG_CMSG_CLOEXEC = 0x40000000

/** So many times as many places where all were used. */
const PLACES_GROW = 4
/**
 * Room for the length of a run's messages (UDP_GRO of udp(7)), behind all that the kernel puts before it when options were
 * set that we know nothing of: without that length a run would pass for one message.
 */
const RUN_SPACE = 256 + controlSpace(4)
/** Room for any message, and any run of them: UDP and most others end at 64 KiB. */
const SLOT = 65_536
/** Where a message is limited by the sender's buffer alone: twice the largest that socket(7) gives without privileges. */
const LARGE_SLOT = 524_288
const PLACES = 32
const LARGE_PLACES = 16

// What one call received stands here until it is taken, in the same turn: one of each serves all sockets of a thread.
const area = new ReceiveArea(SLOT, PLACES)
const largeArea = new ReceiveArea(LARGE_SLOT, LARGE_PLACES)
const meta = new Int32Array(RECEIVE_META * PLACES)
const names = new Uint8Array(NAME_SIZE * PLACES)
/** As large as any socket has asked for so far. */
let controls = new Uint8Array(0)

/** What a socket received at a time. */
export interface Received<A extends AddressBase> {
  readonly messages: ArrivedMessage<A>[]
  /** Messages that came without the descriptors which were sent with them. */
  readonly lost: number
  /** The end of a connected socket came behind them. */
  readonly isEnd: boolean
  /** There may be much more. */
  readonly isFull: boolean
}

/** Takes messages from one socket, many by one recvmmsg(2), and tells them apart. */
export class MessageReader<A extends AddressBase> {
  readonly ancillary: AncillaryIntake
  readonly #kind: SocketKind<A>
  readonly #addon: Addon
  readonly #area: ReceiveArea
  /** Some domains (AF_PACKET) refuse flags that say nothing to them. */
  readonly #flags: number
  /** Places in the next call: every one costs a little, and most sockets have one message at a time. */
  #places = 1
  /** Those of the last call. */
  #asked = 1
  /** Bytes of ancillary data for each message. */
  #space = 0
  #lastName: Uint8Array | undefined
  #lastFrom: A | undefined

  constructor(addon: Addon, kind: SocketKind<A>) {
    this.#addon = addon
    this.#kind = kind
    this.ancillary = new AncillaryIntake(kind.ancillary)
    this.#area = (kind.facts.maxMessage ?? 0) > SLOT ? largeArea : area
    this.#flags = kind.domain === AF_UNIX ? MSG_CMSG_CLOEXEC : 0
  }

  /** recvmmsg(2): how many it gave, or `-errno`. They are to be taken before anything else is received. */
  receive(fd: number, wantsFds: boolean): number {
    const { coalesces, facts } = this.#kind
    const space = this.ancillary.space(facts.connected, wantsFds) + (coalesces ? RUN_SPACE : 0)
    if (controls.length < space * PLACES) controls = new Uint8Array(space * PLACES)
    this.#space = space
    // Each message may bring 253 descriptors: whoever waits for them says after each whether there is room for more.
    this.#asked = wantsFds ? 1 : this.#places
    this.#area.reserve(this.#addon, this.#asked)
    const { block, offset, slot } = this.#area
    return this.#addon.recvmmsg(fd, block, offset, slot, this.#asked, meta, names, controls, space, this.#flags)
  }

  take(count: number, wantsFds: boolean): Received<A> {
    const places = this.#untilEnd(count)
    const total = totalOf(count)
    const isPacked = this.#area.isPacked(count, total)
    const bytes = this.#area.take(this.#addon, count, total)
    const messages: ArrivedMessage<A>[] = []
    let lost = 0
    for (let place = 0, start = 0; place < places; place++) {
      if (!isPacked) start = place * this.#area.slot
      const at = RECEIVE_META * place
      const end = start + (meta[at] as number)
      const truncated = ((meta[at + 1] as number) & MSG_TRUNC) !== 0
      const from = this.#sender(place, meta[at + 2] as number)
      // Messages of a run; one that came alone is a run of its own.
      const length = (meta[at + 4] as number) || end - start
      const brought = this.ancillary.isWanted(wantsFds) ? this.#brought(place, wantsFds) : undefined
      if (brought === 'lost') lost++
      else if (end === start) messages.push({ data: bytes.subarray(start, end), from, truncated, ...brought })
      else if (brought !== undefined)
        for (let next = start; next < end; next += length)
          messages.push({ data: bytes.subarray(next, Math.min(next + length, end)), from, truncated, ...brought })
      else
        for (let next = start; next < end; next += length)
          messages.push({ data: bytes.subarray(next, Math.min(next + length, end)), from, truncated })
      start = end
    }
    const isFull = count === this.#asked
    this.#places = isFull ? Math.min(this.#area.slots, PLACES_GROW * count) : Math.max(1, count)
    return { messages, lost, isEnd: places < count, isFull: isFull && count > 1 }
  }

  #brought(place: number, wantsFds: boolean): ReturnType<AncillaryIntake['read']> {
    const start = place * this.#space
    const length = meta[RECEIVE_META * place + 3] as number
    const flags = meta[RECEIVE_META * place + 1] as number
    return this.ancillary.read(this.#addon, controls.subarray(start, start + length), flags, wantsFds)
  }

  /**
   * The kernel reports the end of a connected message socket as a message of no length, and once more at each further
   * receive. A real one carries a timestamp, since it was asked for; the end carries none.
   */
  #untilEnd(count: number): number {
    if (!this.#kind.facts.connected) return count
    for (let place = 0; place < count; place++) {
      const isEmpty = meta[RECEIVE_META * place] === 0
      const hasTimestamp = meta[RECEIVE_META * place + 3] !== 0
      if (isEmpty && !hasTimestamp) return place
    }
    return count
  }

  /** Most messages in a row come from one sender: the same bytes give the same address. */
  #sender(place: number, length: number): A | undefined {
    if (length === 0) return undefined
    const start = place * NAME_SIZE
    if (this.#lastName === undefined || !startsWith(names, start, length, this.#lastName)) {
      this.#lastName = names.slice(start, start + length)
      this.#lastFrom = this.#kind.decode(this.#lastName)
    }
    return this.#lastFrom
  }
}

/** Bytes that the last call received. */
function totalOf(count: number): number {
  let total = 0
  for (let place = 0; place < count; place++) total += meta[RECEIVE_META * place] as number
  return total
}

function startsWith(bytes: Uint8Array, start: number, length: number, other: Uint8Array): boolean {
  if (length !== other.length) return false
  for (let index = 0; index < length; index++) if (bytes[start + index] !== other[index]) return false
  return true
}
