import { invalidAddress } from '../../core/address.ts'
import { messageTooLong, namedSystemError, socketClosed } from '../../core/errors.ts'
import type { DatagramEvents, DatagramHandle, Done, Outgoing } from '../../core/family.ts'
import { formatMemoryAddress, type MemoryAddress, plain } from './address.ts'
import { Alarm } from './clock.ts'
import type { Faults } from './faults.ts'
import { MAX_MESSAGE, MemoryHandle } from './handle.ts'
import { Inbox } from './inbox.ts'
import { Lane } from './lane.ts'
import { claim, freshName, type Line } from './link.ts'

const sockets = new Map<string, MemoryDatagram>()

export class MemoryDatagram extends MemoryHandle implements DatagramHandle<MemoryAddress>, Line {
  readonly type = 'datagram'
  #remote: MemoryAddress | undefined
  #events: DatagramEvents<MemoryAddress> | undefined
  readonly #outbound: Lane = new Lane(this.link, 0)
  readonly #inbound: Lane = new Lane(this.link, 1)
  readonly #inbox: Inbox = new Inbox((batch) => this.#events?.onMessages(batch))
  readonly #writable: Alarm = new Alarm(() => this.#events?.onWritable())

  /** Throws EADDRINUSE. */
  constructor(address: MemoryAddress, faults: Faults | undefined) {
    super(claim(address, faults))
    this.link.lines.add(this)
    sockets.set(address.name, this)
  }

  get remote(): MemoryAddress | undefined {
    return this.#remote
  }

  /** connect(2): where messages without a target go, and the only one from whom any are received. */
  connect(address: MemoryAddress): void {
    if (!sockets.has(address.name)) throw systemError('ECONNREFUSED', 'connect', address.name)
    this.#remote = plain(address)
  }

  start(events: DatagramEvents<MemoryAddress>): void {
    this.#events = events
    // Even while it reads nothing, as a bound socket of the kernel engine does.
    this.hold.wait(true)
  }

  resume(): void {
    if (!this.closed) this.#inbox.flow(true)
  }

  pause(): void {
    this.#inbox.flow(false)
  }

  target(address: MemoryAddress): unknown {
    if (address.scheme !== this.local.scheme)
      throw invalidAddress(address, 'the scheme is not that of the socket, memorygram')
    if (address.faults === undefined) return address.name
    throw invalidAddress(address, 'faults belong to the link of a socket: give them to bind or connect, not to send')
  }

  send(messages: readonly Outgoing[], from: number): number {
    if (this.closed) throw socketClosed('send')
    for (let index = from; index < messages.length; index++) {
      const { data, target = this.#remote?.name } = messages[index] as Outgoing
      const receiver = sockets.get(target as string)
      if (receiver === undefined || data.length > MAX_MESSAGE) {
        if (index === from) throw refusal(data, target as string | undefined)
        // It is thrown when this message comes first.
        this.#writable.set(0)
        return index - from
      }
      if (receiver.#inbox.full && receiver.#hears(this)) {
        receiver.#inbox.wait(this.#writable)
        return index - from
      }
      this.#carry(data, receiver)
    }
    return Math.max(0, messages.length - from)
  }

  /** Datagrams have no end; the facts say so. */
  end(done: Done): void {
    done(null)
  }

  /** What it has sent arrives all the same. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.#events = undefined
    this.#inbox.close()
    this.#writable.cancel()
    this.hold.wait(false)
    sockets.delete(this.local.name)
    this.link.vacate()
    this.link.release(this)
  }

  cut(): number {
    let lost = this.#inbox.lose()
    for (const socket of sockets.values()) lost += socket.#inbox.lose(this.link)
    this.link.stats.lost += lost
    return lost
  }

  #hears(sender: MemoryDatagram): boolean {
    return this.#remote === undefined || this.#remote.name === sender.local.name
  }

  #carry(data: Uint8Array, receiver: MemoryDatagram): void {
    const heard = receiver.#hears(this)
    const copy = () => ({ data: Buffer.from(data), from: this.local, truncated: false })
    if (this.link.clear && receiver.link.clear) {
      this.#outbound.count(1, data.length)
      receiver.#inbound.count(1, data.length)
      if (heard) receiver.#inbox.put(copy(), this.link)
      return
    }
    for (const first of this.#outbound.message(data.length)) {
      for (const second of receiver.#inbound.message(data.length)) {
        const crossing = { delay: first.delay + second.delay, held: first.held || second.held }
        // Both numbers only grow, so a change of the faults of either changes their sum.
        const epoch = this.link.epoch + receiver.link.epoch
        if (heard) receiver.#inbox.launch(copy(), this.link, crossing, epoch)
      }
    }
  }
}

function refusal(data: Uint8Array, name: string | undefined): Error {
  if (data.length > MAX_MESSAGE) return messageTooLong(data.length, MAX_MESSAGE, textOf(name))
  return systemError(name === undefined ? 'EDESTADDRREQ' : 'ECONNREFUSED', 'send', name)
}

function systemError(code: string, syscall: string, name: string | undefined): Error {
  return namedSystemError(code, syscall, textOf(name))
}

function textOf(name: string | undefined): string | undefined {
  return name === undefined ? undefined : formatMemoryAddress({ family: 'memory', scheme: 'memorygram', name })
}

/** A socket under a name of its own, connected to a name that somebody has. */
export function connectDatagram(
  address: MemoryAddress,
  local: MemoryAddress | undefined,
  faults: Faults | undefined,
): MemoryDatagram {
  const socket = new MemoryDatagram(local ?? freshName('memorygram'), faults)
  try {
    socket.connect(address)
  } catch (error) {
    socket.close()
    throw error
  }
  return socket
}

/** socketpair(2). */
export function datagramPair(faults: Faults | undefined): [MemoryDatagram, MemoryDatagram] {
  const a = new MemoryDatagram(freshName('memorygram'), faults)
  const b = new MemoryDatagram(freshName('memorygram'), faults)
  a.connect(b.local)
  b.connect(a.local)
  return [a, b]
}
