import { namedSystemError } from '../../core/errors.ts'
import type { ListenerEvents, ListenerHandle } from '../../core/family.ts'
import { formatMemoryAddress, type MemoryAddress, plain } from './address.ts'
import { Alarm, pause, waitFor } from './clock.ts'
import type { Faults } from './faults.ts'
import { MemoryHandle } from './handle.ts'
import { claim, findLink, freshName, Link } from './link.ts'
import type { Pipe } from './pipe.ts'
import { Connection, MemoryStream } from './stream.ts'

const listeners = new Map<string, MemoryListener>()

/** A connection that waits for room in the backlog. */
interface Waiting {
  readonly enter: () => void
  readonly refuse: () => void
}

export class MemoryListener extends MemoryHandle implements ListenerHandle<MemoryAddress> {
  readonly type = 'listener'
  readonly remote = undefined
  readonly #backlog: number
  readonly #alarm: Alarm = new Alarm(() => this.#accept())
  readonly #queue: MemoryStream[] = []
  readonly #waiting = new Set<Waiting>()
  #events: ListenerEvents<MemoryAddress> | undefined
  #flowing = false

  /** Throws EADDRINUSE. */
  constructor(address: MemoryAddress, backlog: number, faults: Faults | undefined) {
    super(claim(address, faults))
    this.#backlog = backlog
    listeners.set(address.name, this)
  }

  start(events: ListenerEvents<MemoryAddress>): void {
    this.#events = events
    // Even while it accepts nothing, as the kernel engine's does.
    this.hold.wait(true)
  }

  resume(): void {
    if (this.closed) return
    this.#flowing = true
    if (this.#queue.length > 0) this.#alarm.set(0)
  }

  pause(): void {
    this.#flowing = false
  }

  close(): void {
    if (this.closed) return
    this.closed = true
    this.#flowing = false
    this.hold.wait(false)
    this.#alarm.cancel()
    this.#events = undefined
    listeners.delete(this.local.name)
    this.link.vacate()
    for (const stream of this.#queue.splice(0)) stream.reset()
    for (const waiting of [...this.#waiting]) waiting.refuse()
  }

  /** Makes the listener's end of a connection and queues it, once there is room; `false` when the listener closed. */
  enter(connection: Connection, from: MemoryAddress, signal: AbortSignal | undefined): Promise<boolean> {
    return waitFor(signal, (resolve) => {
      const waiting = {
        enter: () => {
          this.#queue.push(new MemoryStream(connection, connection.back, this.link, from, false))
          if (this.#flowing) this.#alarm.set(0)
          resolve(true)
        },
        refuse: () => resolve(false),
      }
      if (this.closed) waiting.refuse()
      else if (this.#hasRoom()) waiting.enter()
      else this.#waiting.add(waiting)
      return () => this.#waiting.delete(waiting)
    })
  }

  /** One more than the backlog, as on Linux. */
  #hasRoom(): boolean {
    return this.#queue.length <= this.#backlog
  }

  #accept(): void {
    try {
      for (let left = this.#queue.length; left > 0 && this.#flowing; left--) {
        const stream = this.#queue.shift()
        if (stream === undefined) break
        this.#letIn()
        this.#events?.onAccept(stream)
      }
    } finally {
      if (this.#flowing && this.#queue.length > 0) this.#alarm.set(0)
    }
  }

  #letIn(): void {
    const [first] = this.#waiting
    if (first === undefined || !this.#hasRoom()) return
    this.#waiting.delete(first)
    first.enter()
  }
}

/** Connects as TCP does: there and back over the links, so that it takes a round trip, and longer with loss. */
export async function connectStream(
  address: MemoryAddress,
  local: MemoryAddress | undefined,
  faults: Faults | undefined,
  signal: AbortSignal | undefined,
): Promise<MemoryStream> {
  const link = claim(local ?? freshName('memory'), faults)
  const listener = listeners.get(address.name)
  const far = listener?.link ?? findLink(address) ?? new Link(address)
  const connection = new Connection(link, far)
  let client: MemoryStream | undefined
  try {
    await cross(connection.there, address, signal)
    if (await listener?.enter(connection, link.address, signal)) {
      client = new MemoryStream(connection, connection.there, link, plain(address), true)
    }
    await cross(connection.back, address, signal)
    if (client === undefined) throw namedSystemError('ECONNREFUSED', 'connect', formatMemoryAddress(plain(address)))
    return client
  } catch (error) {
    if (client === undefined) {
      link.vacate()
      for (const unused of [link, far]) unused.release(connection)
    }
    client?.close()
    throw error
  }
}

async function cross(pipe: Pipe, address: MemoryAddress, signal: AbortSignal | undefined): Promise<void> {
  const delay = pipe.route.segment(0)
  const lost = delay === Number.POSITIVE_INFINITY
  await pause(lost ? pipe.route.patience() : delay, signal)
  if (lost) throw namedSystemError('ETIMEDOUT', 'connect', formatMemoryAddress(plain(address)))
}
