import type { AddressBase } from '../core/address.ts'
import { systemError } from '../core/errors.ts'
import type { AnyHandle, ListenerEvents, ListenerHandle } from '../core/family.ts'
import { clearTimeout, setTimeout } from '../core/timers.ts'
import { type Addon, DISCONNECTED, NAME_SIZE, READABLE } from './addon.ts'
import * as errno from './errno.ts'
import { KernelSocket, type SocketKind } from './kernel.ts'

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

export class KernelListener<A extends AddressBase> extends KernelSocket<A> implements ListenerHandle<A> {
  readonly type = 'listener'
  readonly #wrap: (fd: number, remoteName: string | undefined) => AnyHandle<A>
  #events: ListenerEvents<A> | undefined
  #accepting = false
  #retry: NodeJS.Timeout | undefined

  /** `wrap` makes a handle of an accepted descriptor and applies the options that connections get. */
  constructor(
    addon: Addon,
    kind: SocketKind<A>,
    fd: number,
    wrap: (fd: number, remoteName: string | undefined) => AnyHandle<A>,
  ) {
    super(addon, kind, fd)
    this.#wrap = wrap
  }

  get knowsPeers(): boolean {
    return this.kind.peerCredentials !== undefined
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
   * hang-up, which a listening socket never has.
   */
  #waitIdly(): void {
    this.wait(DISCONNECTED)
  }

  resume(): void {
    this.#accepting = true
    if (this.#retry === undefined) this.wait(READABLE)
  }

  pause(): void {
    this.#accepting = false
    this.#waitIdly()
  }

  inherit(inheritance: string): void {
    const cleanup = this.kind.inherit?.(inheritance)
    if (cleanup !== undefined) this.onceClosed(cleanup)
  }

  protected onReady(): void {
    for (let taken = 0; taken < ACCEPT_BATCH && this.#accepting && this.isOpen; taken++) {
      const fd = this.addon.accept(this.descriptor, nameBuffer, nameLength)
      if (fd === errno.EAGAIN || fd === errno.EINTR) return
      if (LOST_WHILE_WAITING.has(fd)) continue
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
    let handle: AnyHandle<A>
    try {
      handle = this.#wrap(fd, remoteName)
    } catch {
      // The connection died before its options could be set: it is as if it had never come.
      this.addon.close(fd)
      return
    }
    this.#events?.onAccept(handle)
  }

  #failed(result: number): void {
    const error = systemError(result, 'accept', this.local === undefined ? undefined : this.kind.format(this.local))
    const passes = EXHAUSTED.has(result)
    if (passes) {
      // The connection stays in the backlog and would be reported without end: look away until a descriptor may be free.
      this.#waitIdly()
      this.#retry = setTimeout(() => {
        this.#retry = undefined
        if (this.#accepting) this.wait(READABLE)
      }, EXHAUSTED_RETRY)
    }
    this.#events?.onError(error, !passes)
  }

  protected onClose(): void {
    clearTimeout(this.#retry)
    this.#events = undefined
  }
}
