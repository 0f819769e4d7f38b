import { AsyncResource, executionAsyncId } from 'node:async_hooks'
import type { AddressBase } from '../core/address.ts'
import { type SocketError, systemError } from '../core/errors.ts'
import type { ListenerEvents, ListenerHandle } from '../core/family.ts'
import type { RawOption } from '../core/options.ts'
import { clearTimeout, setTimeout } from '../core/timers.ts'
import { type Addon, DISCONNECTED, NAME_SIZE, READABLE } from './addon.ts'
import * as errno from './errno.ts'
import { KernelSocket, type SocketKind } from './kernel.ts'
import type { KernelDatagram } from './kernel-datagram.ts'
import type { KernelStream } from './kernel-stream.ts'
import { KernelToken } from './kernel-token.ts'

/** While no descriptor is to be had, the listener tries again this often, in milliseconds. */
const EXHAUSTED_RETRY = 50
/** Connections taken in one go, so that a flood of them leaves the other sockets their turn. */
const ACCEPT_BATCH = 64

/**
 * What accept(2) reports of the one connection that it would have given: the client gave up, the network between is gone, or
 * a firewall forbids it. The next one may be well.
 */
const LOST_WHILE_WAITING: ReadonlySet<number> = new Set([
  errno.ECONNABORTED,
  errno.ENETDOWN,
  errno.EPROTO,
  errno.ENOPROTOOPT,
  errno.EHOSTDOWN,
  errno.ENONET,
  errno.EHOSTUNREACH,
  errno.EOPNOTSUPP,
  errno.ENETUNREACH,
  errno.EPERM,
])

/** No descriptor or no memory is to be had for a connection; it stays in the backlog. */
const EXHAUSTED: ReadonlySet<number> = new Set([errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])

const nameBuffer = Buffer.alloc(NAME_SIZE)
const nameLength = new Int32Array(1)

/** Makes a handle of an accepted descriptor, or closes it and throws. */
export type Wrap<A extends AddressBase> = (
  fd: number,
  remoteName: string | undefined,
) => KernelStream<A> | KernelDatagram<A>

export class KernelListener<A extends AddressBase> extends KernelSocket<A> implements ListenerHandle<A> {
  readonly type = 'listener'
  readonly #wrap: Wrap<A>
  /** Options set on the listener that accepted connections do not inherit. */
  readonly #setOnEach = new Map<string, unknown>()
  /** Options that they inherit and have to know of, since these bring ancillary data. */
  readonly #notedOnEach = new Map<string, unknown>()
  #events: ListenerEvents<A> | undefined
  #accepting = false
  #retry: NodeJS.Timeout | undefined
  #clients: AsyncResource | undefined

  constructor(addon: Addon, kind: SocketKind<A>, fd: number, wrap: Wrap<A>) {
    super(addon, kind, fd)
    this.#wrap = wrap
  }

  get knowsPeers(): boolean {
    return this.kind.peerCredentials !== undefined
  }

  override noteOption(option: string | RawOption, value: unknown): void {
    if (typeof option !== 'string') return
    const known = this.kind.option(option, value)
    if (known?.isInherited !== true) this.#setOnEach.set(option, value)
    else if (known.brings !== undefined) this.#notedOnEach.set(option, value)
  }

  listen(backlog: number, address: string): void {
    const result = this.addon.listen(this.descriptor, backlog)
    if (result < 0) throw systemError(result, 'listen', address)
  }

  start(events: ListenerEvents<A>): void {
    this.#events = events
    this.#waitIdly()
  }

  /**
   * A listener that accepts nothing for the moment still keeps the process alive, as one of Node's does: it waits for a
   * hang-up, which a listening socket has only once somebody has shut it down.
   */
  #waitIdly(): void {
    this.wait(DISCONNECTED)
  }

  resume(): void {
    this.#accepting = true
    if (this.#retry === undefined) this.#waitForConnections()
  }

  pause(): void {
    this.#accepting = false
    this.#waitIdly()
  }

  inherit(inheritance: string): void {
    const cleanup = this.kind.inherit?.(inheritance, this.local)
    if (cleanup !== undefined) this.onceClosed(cleanup)
  }

  token(fd?: number): KernelToken {
    return fd === undefined ? KernelToken.make(this.addon) : KernelToken.of(this.addon, fd)
  }

  #waitForConnections(): void {
    this.wait(READABLE | DISCONNECTED)
  }

  protected onReady(events: number): void {
    const isOver = (events & DISCONNECTED) !== 0
    if (isOver && (!this.#accepting || this.#retry !== undefined)) {
      // Reported once connections are waited for again.
      this.wait(0)
      return
    }
    for (let taken = 0; taken < ACCEPT_BATCH && this.#accepting && this.isOpen; taken++) {
      const fd = this.addon.accept(this.descriptor, nameBuffer, nameLength)
      // What other sockets that were shut down answer; a Unix one has EAGAIN for it.
      if (fd === errno.EAGAIN && isOver) this.#failed(errno.EINVAL)
      if (fd === errno.EAGAIN || fd === errno.EINTR) return
      if (LOST_WHILE_WAITING.has(fd)) {
        this.#events?.onDrop?.(this.#acceptError(fd), undefined)
        continue
      }
      if (fd < 0) {
        this.#failed(fd)
        return
      }
      this.#deliver(fd)
    }
  }

  #deliver(fd: number): void {
    const length = nameLength[0] ?? 0
    const remoteName = length === 0 ? undefined : nameBuffer.toString('latin1', 0, length)
    let handle: KernelStream<A> | KernelDatagram<A>
    try {
      handle = this.#asClients(() => this.#made(fd, remoteName))
    } catch (error) {
      const remote = remoteName === undefined ? undefined : this.kind.decode(Buffer.from(remoteName, 'latin1'))
      this.#events?.onDrop?.(error as Error, remote)
      return
    }
    this.#events?.onAccept(handle)
  }

  /**
   * Runs outside of the async context of `listen`, so that a connection has none of its AsyncLocalStorage stores, as with
   * node:net. For async_hooks, this listener triggers it.
   */
  #asClients<T>(make: () => T): T {
    const triggerAsyncId = executionAsyncId()
    this.#clients ??= this.addon.outside(() => new AsyncResource('polysocket', { triggerAsyncId }))
    return this.#clients.runInAsyncScope(make)
  }

  #made(fd: number, remoteName: string | undefined): KernelStream<A> | KernelDatagram<A> {
    const handle = this.#wrap(fd, remoteName)
    try {
      for (const [option, value] of this.#setOnEach) handle.setOption(option, value)
      for (const [option, value] of this.#notedOnEach) handle.noteOption(option, value)
      return handle
    } catch (error) {
      handle.close()
      throw error
    }
  }

  #acceptError(result: number): SocketError {
    return systemError(result, 'accept', this.local === undefined ? undefined : this.kind.format(this.local))
  }

  #failed(result: number): void {
    const error = this.#acceptError(result)
    const passes = EXHAUSTED.has(result)
    if (passes) {
      // The connection stays in the backlog and would be reported without end: look away until a descriptor may be free.
      // Meanwhile the watch keeps the process alive, unless `unref` was called; the timer does not.
      this.#waitIdly()
      this.#retry = setTimeout(() => {
        this.#retry = undefined
        if (this.#accepting) this.#waitForConnections()
      }, EXHAUSTED_RETRY).unref()
    }
    this.#events?.onError(error, !passes)
  }

  protected onClose(): void {
    clearTimeout(this.#retry)
    this.#events = undefined
  }
}
