import type { Outgoing } from '../core/family.ts'
import { NAME_SIZE, SEND_META } from './addon.ts'

/** Places in one sendmmsg(2). A run of messages that the kernel takes as one has one. */
const PLACES = 64
/** Longer messages are not worth copying together; each goes by a call of its own. */
const PACK_UP_TO = 4096
/** Bytes of one call. */
const MOST_BYTES = PLACES * PACK_UP_TO
/** Messages in one run: the kernel's UDP_MAX_SEGMENTS, which newer ones have doubled. */
const LONGEST_RUN = 64
/** Bytes in one run: it must pass as a single datagram of IPv4. */
const LARGEST_RUN = 65_507

const toPeer = new Uint8Array(0)

/**
 * Lays messages out for one sendmmsg(2): their bytes one after the other, so that the call has one piece of memory to look
 * at. Messages of one length to one destination make a run, whose last one may be shorter: the kernel takes a run as one
 * message and cuts it apart as late as it can (UDP_SEGMENT of udp(7)). One packer serves all sockets of a thread.
 */
export class MessagePacker {
  readonly slab: Uint8Array = new Uint8Array(MOST_BYTES)
  readonly meta: Int32Array = new Int32Array(SEND_META * PLACES)
  readonly names: Uint8Array = new Uint8Array(NAME_SIZE * PLACES)
  /** Messages in each place. */
  readonly #messages = new Int32Array(PLACES)

  static takes({ data, attachment }: Outgoing): boolean {
    return data.length <= PACK_UP_TO && attachment === undefined
  }

  /** Packs messages from `from` on, as many as fit; only those of up to `longest` bytes into runs. Returns the places used. */
  pack(messages: readonly Outgoing[], from: number, longest: number): number {
    const { meta } = this
    let used = 0
    let place = -1
    // The last place's: where it goes, the length that all but its last message have, and whether it takes another.
    let lastTarget: unknown
    let segment = 0
    let isOpen = false
    for (let index = from; index < messages.length; index++) {
      const message = messages[index] as Outgoing
      const { data, target } = message
      const { length } = data
      if (!MessagePacker.takes(message) || used + length > MOST_BYTES) break
      const runs = isOpen && target === lastTarget && length <= segment && length > 0 && this.#hasRoom(place, length)
      if (runs) {
        meta[SEND_META * place] = (meta[SEND_META * place] as number) + length
        meta[SEND_META * place + 2] = segment
        this.#messages[place] = (this.#messages[place] as number) + 1
        isOpen = length === segment
      } else {
        if (++place === PLACES) return place
        this.#open(place, length, target)
        lastTarget = target
        segment = length
        isOpen = length <= longest
      }
      this.slab.set(data, used)
      used += length
    }
    return place + 1
  }

  #hasRoom(place: number, length: number): boolean {
    return (
      (this.#messages[place] as number) < LONGEST_RUN &&
      (this.meta[SEND_META * place] as number) + length <= LARGEST_RUN
    )
  }

  #open(place: number, length: number, target: unknown): void {
    const name = (target as Uint8Array | undefined) ?? toPeer
    this.names.set(name, place * NAME_SIZE)
    this.meta[SEND_META * place] = length
    this.meta[SEND_META * place + 1] = name.length
    this.meta[SEND_META * place + 2] = 0
    this.#messages[place] = 1
  }

  /** Messages in the first `places`. */
  messagesIn(places: number): number {
    let messages = 0
    for (let place = 0; place < places; place++) messages += this.#messages[place] as number
    return messages
  }

  /** The length of the messages in the first place, where they are a run; else 0. */
  get firstRun(): number {
    return this.meta[2] as number
  }
}
