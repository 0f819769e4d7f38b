import type { Message } from '../../core/family.ts'
import { performance } from '../../core/timers.ts'
import type { MemoryAddress } from './address.ts'
import { Alarm } from './clock.ts'
import type { Crossing } from './lane.ts'
import type { Link } from './link.ts'

/** A socket that holds this much, on its way or unread, makes its senders wait; the last message may go over the bytes. */
export const INBOX_MESSAGES = 1_024
export const INBOX_BYTES = 1_048_576

/** Milliseconds that a message which is held back waits for another to overtake it. */
const LONELY = 1_000

interface Flying {
  due: number
  readonly message: Message<MemoryAddress>
  /** The sender's link. */
  readonly via: Link
}

/**
 * The messages of one sender under the same faults. They arrive in the order of sending, except one that is held back: it
 * arrives behind the next one at least. The seed decides which messages are overtaken; by how many, the pace of sending does.
 */
interface Flow {
  readonly epoch: number
  lastDue: number
  /** Messages that are on their way and held back, each with the earliest time at which it may arrive. */
  readonly held: Map<Flying, number>
}

/** What is on its way to a datagram socket, and what has arrived. */
export class Inbox {
  readonly #deliver: (batch: Message<MemoryAddress>[]) => void
  readonly #alarm: Alarm = new Alarm(() => this.#ring())
  readonly #waiting = new Set<Alarm>()
  #arrived: Message<MemoryAddress>[] = []
  /** By arrival. */
  #flying: Flying[] = []
  #flows = new WeakMap<Link, Flow>()
  #bytes = 0
  #flowing = false

  constructor(deliver: (batch: Message<MemoryAddress>[]) => void) {
    this.#deliver = deliver
  }

  get full(): boolean {
    return this.#arrived.length + this.#flying.length >= INBOX_MESSAGES || this.#bytes >= INBOX_BYTES
  }

  /** Rings once there may be room, or nobody is left to take anything. */
  wait(alarm: Alarm): void {
    this.#waiting.add(alarm)
  }

  /** Arrives at once, behind what has arrived. */
  put(message: Message<MemoryAddress>, via: Link): void {
    this.#bytes += message.data.length
    if (this.#flying.length === 0) this.#arrived.push(message)
    else this.#insert({ due: performance.now(), message, via })
    this.#schedule()
  }

  /** `epoch` changes with the faults on the way. */
  launch(message: Message<MemoryAddress>, via: Link, { delay, held }: Crossing, epoch: number): void {
    this.#bytes += message.data.length
    const flow = this.#flowOf(via, epoch)
    const now = performance.now()
    const arrival = now + delay
    if (held) {
      const flying = { due: Math.max(arrival, now + LONELY), message, via }
      this.#insert(flying)
      flow.held.set(flying, arrival)
    } else {
      flow.lastDue = Math.max(flow.lastDue, arrival)
      this.#insert({ due: flow.lastDue, message, via })
      this.#overtake(flow)
    }
    this.#schedule()
  }

  #flowOf(via: Link, epoch: number): Flow {
    const known = this.#flows.get(via)
    if (known?.epoch === epoch) return known
    const flow = { epoch, lastDue: 0, held: new Map() }
    this.#flows.set(via, flow)
    return flow
  }

  /** Makes what was held back arrive behind the last message, and no sooner than its own time. */
  #overtake(flow: Flow): void {
    for (const [flying, arrival] of flow.held) {
      this.#flying.splice(this.#flying.indexOf(flying), 1)
      flying.due = Math.max(arrival, flow.lastDue)
      this.#insert(flying)
    }
    flow.held.clear()
  }

  /** To be called for each message that is not on its way any more. */
  #release(flying: Flying): void {
    this.#flows.get(flying.via)?.held.delete(flying)
  }

  flow(flowing: boolean): void {
    this.#flowing = flowing
    this.#schedule()
  }

  /** Loses what is on its way: all of it, or what came over one link. Returns how many messages. */
  lose(via?: Link): number {
    this.#land()
    const before = this.#flying
    this.#flying = via === undefined ? [] : before.filter((flying) => flying.via !== via)
    const kept = new Set(this.#flying)
    for (const flying of before) {
      if (kept.has(flying)) continue
      this.#release(flying)
      this.#bytes -= flying.message.data.length
    }
    this.#wake()
    return before.length - this.#flying.length
  }

  close(): void {
    this.#flowing = false
    this.#alarm.cancel()
    this.#arrived = []
    this.#flying = []
    this.#flows = new WeakMap()
    this.#bytes = 0
    this.#wake()
  }

  /** Behind all that arrive no later. Most arrive last, so the search begins there. */
  #insert(flying: Flying): void {
    let index = this.#flying.length
    while (index > 0 && (this.#flying[index - 1]?.due ?? 0) > flying.due) index--
    this.#flying.splice(index, 0, flying)
  }

  #land(): void {
    const now = performance.now()
    const first = this.#flying.findIndex((flying) => flying.due > now)
    const landed = this.#flying.splice(0, first === -1 ? this.#flying.length : first)
    for (const flying of landed) {
      this.#release(flying)
      this.#arrived.push(flying.message)
    }
  }

  #ring(): void {
    try {
      if (this.#flying.length > 0) this.#land()
      if (!this.#flowing || this.#arrived.length === 0) return
      const batch = this.#arrived
      this.#arrived = []
      for (const message of batch) this.#bytes -= message.data.length
      this.#wake()
      this.#deliver(batch)
    } finally {
      this.#schedule()
    }
  }

  #wake(): void {
    if (this.full) return
    for (const alarm of this.#waiting) alarm.set(0)
    this.#waiting.clear()
  }

  #schedule(): void {
    if (!this.#flowing) return
    if (this.#arrived.length > 0) this.#alarm.set(0)
    else if (this.#flying[0] !== undefined) this.#alarm.set(this.#flying[0].due)
  }
}
