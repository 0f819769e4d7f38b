import type { AddressBase } from '../../core/address.ts'
import { namedSystemError, unsupported } from '../../core/errors.ts'
import type { DatagramHandle } from '../../core/family.ts'
import type { SystemCode } from '../errors/failure.ts'
import { openDatagram } from './descriptor.ts'
import { Inbox } from './inbox.ts'
import type { Described, OpeningOptions, Place, Resolved, SocketKind } from './kind.ts'
import type { NodeUdpHandle } from './node-handle.ts'
import { Outbox, type Sent } from './outbox.ts'
import { codeOf } from './system-codes.ts'

export interface HandleEvents {
  onMessage(data: Buffer, from: Described): void
  onError(error: SystemCode): void
  /** The socket was shared, and whoever shared it has closed it. */
  onTakenAway(): void
}

/**
 * What a socket keeps from its construction to its close, as `node:dgram` does its UDP handle: it has no descriptor until
 * it is bound. Every failure is thrown as the engine throws it.
 */
export class SocketHandle {
  readonly #kind: SocketKind
  readonly #options: OpeningOptions
  readonly #events: HandleEvents
  readonly #inbox: Inbox
  #opened: DatagramHandle<AddressBase> | undefined
  #outbox: Outbox | undefined
  /** Closes Node's handle on the same socket, which is kept open as long as we are. */
  #closeShared: (() => void) | undefined
  #isRefed = true
  #isClosed = false
  /** Most messages in a row go to one address. */
  #lastAddress: AddressBase | undefined
  #lastTarget: unknown

  constructor(kind: SocketKind, options: OpeningOptions, events: HandleEvents) {
    this.#kind = kind
    this.#options = options
    this.#events = events
    this.#inbox = new Inbox(({ data, from }) => events.onMessage(data, kind.describe(from)))
  }

  /** -1 where there is none. */
  get fd(): number {
    return this.#opened?.fd ?? -1
  }

  resolve(place: Place, done: Resolved): void {
    this.#kind.resolve(place, done)
  }

  // ── Opening

  /** A promise where the scheme's sockets take their time. One that is closed before then stays closed. */
  bind(address: AddressBase): void | Promise<void> {
    const bound = this.#kind.bind(address, this.#options, this.#opened)
    if (!(bound instanceof Promise)) return this.#use(bound)
    return bound.then((handle) => {
      if (this.#isClosed) handle.close()
      else this.#use(handle)
    })
  }

  /** Takes the descriptor over. */
  open(fd: number): void {
    this.#use(openDatagram(fd, 'itself'))
  }

  /** From now on the same socket as that of Node's handle, which is closed with us. */
  share(handle: NodeUdpHandle): void {
    this.#use(openDatagram(handle.fd, 'duplicate'))
    // It waits for nothing, and so must not count as something that does.
    handle.unref?.()
    const close = handle.close.bind(handle)
    this.#closeShared = close
    // A worker that disconnects closes what it shares, and has to hear when that is done.
    handle.close = (...args) => {
      close(...args)
      this.#closeShared = undefined
      this.#events.onTakenAway()
    }
  }

  #use(handle: DatagramHandle<AddressBase>): void {
    this.#opened = handle
    this.#outbox = new Outbox(handle)
    if (!this.#isRefed) handle.unref()
  }

  receive(): void {
    this.#opened?.start({
      onMessages: (batch) => this.#inbox.add(batch),
      onWritable: () => this.#outbox?.flush(),
      onError: (error) => this.#events.onError(codeOf(error)),
      onEnd: () => {},
    })
    this.#opened?.resume()
  }

  stopReceiving(): void {
    this.#opened?.pause()
  }

  /** Membership of a group can be had before a bind: the system then chooses a port, which others may use too. */
  openForGroups(): void {
    if (this.#opened !== undefined) return
    const opened = this.#kind.openAnywhere({ ...this.#options, reuseAddr: true })
    if (opened !== undefined) this.#use(opened)
  }

  // ── Peers

  connect(address: AddressBase): void {
    this.#kind.check(address)
    this.#setPeer(address)
  }

  disconnect(): void {
    this.#setPeer(undefined)
  }

  #setPeer(address: AddressBase | undefined): void {
    if (this.#opened?.setPeer === undefined) throw unsupported(`connect of ${this.#kind.type}`, 'the scheme knows none')
    this.#opened.setPeer(address)
  }

  get local(): Described | undefined {
    return this.#opened && this.#kind.describe(this.#opened.local)
  }

  get remote(): Described | undefined {
    return this.#opened?.remote && this.#kind.describe(this.#opened.remote)
  }

  // ── Sending

  /** `address` of `undefined` sends to the peer. `done` is called in a later tick. */
  send(data: Uint8Array, address: AddressBase | undefined, done: Sent | undefined): void {
    try {
      const target = address === undefined ? undefined : this.#targetOf(address)
      if (target instanceof Promise) this.#sendLater(data, target, done)
      else this.#outbox?.send(data, target, done)
    } catch (error) {
      const failure = codeOf(error)
      if (done !== undefined) process.nextTick(done, failure, 0)
    }
  }

  #targetOf(address: AddressBase): unknown {
    if (address === this.#lastAddress) return this.#lastTarget
    this.#kind.check(address)
    const target = this.#opened?.target(address)
    if (!(target instanceof Promise)) {
      this.#lastAddress = address
      this.#lastTarget = target
    }
    return target
  }

  #sendLater(data: Uint8Array, target: Promise<unknown>, done: Sent | undefined): void {
    target.then(
      (found) => this.#outbox?.send(data, found, done),
      (error) => done !== undefined && process.nextTick(done, codeOf(error), 0),
    )
  }

  get queuedBytes(): number {
    return this.#outbox?.bytes ?? 0
  }

  get queuedCount(): number {
    return this.#outbox?.count ?? 0
  }

  // ── Options

  setOption(name: string, value: unknown): void {
    this.#descriptor.setOption(name, value)
  }

  getOption(name: string): unknown {
    return this.#descriptor.getOption(name)
  }

  get #descriptor(): DatagramHandle<AddressBase> {
    if (this.#opened === undefined) throw namedSystemError('EBADF', 'setsockopt')
    return this.#opened
  }

  ref(): void {
    this.#isRefed = true
    this.#opened?.ref()
  }

  unref(): void {
    this.#isRefed = false
    this.#opened?.unref()
  }

  close(): void {
    this.#isClosed = true
    this.#inbox.clear()
    this.#opened?.close()
    this.#outbox?.cancel()
    this.#closeShared?.()
  }
}
