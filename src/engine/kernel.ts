import type { AddressBase } from '../core/address.ts'
import type { PeerCredentials, PeerCredentialsOptions } from '../core/credentials.ts'
import { type SocketError, socketClosed, systemError, unsupported } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { Done, Handle } from '../core/family.ts'
import type { RawOption } from '../core/options.ts'
import { clearTimeout, setTimeout } from '../core/timers.ts'
import { type Addon, FAILED, NAME_SIZE, READABLE, RECEIVE_META, WRITABLE } from './addon.ts'
import type { AncillaryField } from './ancillary-field.ts'
import { EAGAIN, EINPROGRESS, EINTR, ENOTCONN } from './errno.ts'
import { decodeInt, type KernelOption, littleEndian, SO_ERROR, SOL_SOCKET } from './kernel-options.ts'
import { closeOnceSent } from './parting.ts'
import { pause } from './pause.ts'
import { type NamedOptions, readOption, writeOption } from './socket-options.ts'

/** What a family does when a socket is closed. */
export interface Cleanup {
  (): void
  /** The same as text: with it, `inherit` of the family does it in another process. Absent where it has to be done here. */
  readonly inheritance?: string
}

/** What a kernel socket has to know of its family: the codec, and nothing else. */
export interface SocketKind<A extends AddressBase> extends NamedOptions {
  readonly facts: SchemeFacts
  /** The AF_ number of this socket. */
  readonly domain: number
  encode(address: A): Uint8Array
  decode(name: Uint8Array): A | undefined
  format(address: A): string
  /** The addresses that a destination stands for; see the family's definition. */
  destinations(address: A): A[] | Promise<A[]>
  readonly maxMessage?: ((option: (name: string) => unknown) => number) | undefined
  /** See `KernelScheme`. */
  readonly endsWithReset: boolean
  /** See `KernelScheme`. */
  readonly finishesConnect: boolean
  /** See `KernelScheme`. */
  readonly closesOnceSent: boolean
  /** See `KernelScheme`. */
  readonly coalesces?: boolean
  /** See the family's definition. */
  readonly ancillary?: Readonly<Record<string, AncillaryField>> | undefined
  /** See the family's definition. */
  explain?(error: SocketError, address: A): string | undefined
  /** See the family's definition. */
  readonly pathLimit?: ((address: A, read: (option: RawOption) => Buffer) => number) | undefined
  readonly inherit?: ((inheritance: string, local: A | undefined) => Cleanup) | undefined
  readonly peerCredentials?:
    | ((read: (option: RawOption) => Buffer, options: PeerCredentialsOptions) => PeerCredentials)
    | undefined
}

/** The one domain whose messages carry descriptors. */
export const AF_UNIX = 1

/** connect(2) on a Unix socket answers EAGAIN while the listener's backlog is full, and no event tells when it is not. */
const BACKLOG_RETRY_FIRST = 1
const BACKLOG_RETRY_LAST = 50

/** A connect that was given up and is to come to its end (`finishesConnect`) has so many milliseconds: nobody may be there. */
const FINISH_LIMIT = 5000

/** AF_INET, AF_INET6, AF_PACKET, AF_CAN and AF_VSOCK. To others MSG_ERRQUEUE may be a receive, which takes a pending error. */
const WITH_ERROR_QUEUE: ReadonlySet<number> = new Set([2, 10, 17, 29, 40])
const MSG_PEEK = 0x2
const MSG_ERRQUEUE = 0x2000
/** Taken out of a socket's error queue before the others get their turn. */
const ERRORS_TAKEN = 64
const errorMeta = new Int32Array(RECEIVE_META)
const noBytes = new Uint8Array(0)

/** Where the kernel writes names; decoded from a copy, so that one serves every socket of the thread. */
const nameBuffer = new Uint8Array(NAME_SIZE)

/**
 * An open descriptor that is watched: the one place that waits for readiness. Streams, datagrams and listeners are made of
 * it; each says in `onReady` what it does when the kernel is ready.
 */
export abstract class KernelSocket<A extends AddressBase> implements Handle<A> {
  protected readonly addon: Addon
  protected readonly kind: SocketKind<A>
  #fd: number
  #waitingFor = 0
  #isRef = true
  #isConnecting = false
  /** Set while a connect is waited for; gets the next readiness. */
  #connecting: (() => void) | undefined
  #local: A | undefined
  #remote: A | undefined
  /** What it was connected to, for errors: the kernel forgets a peer's name once the peer is lost. */
  protected connectedTo: A | undefined
  /** The peer's sockaddr that accept(2) gave, as latin1: decoded when somebody asks for it. */
  #remoteName: string | undefined
  #cleanups: Cleanup[] | undefined
  /** What async_hooks sees of this socket: not the socket, which Node would keep alive from 25 on. */
  readonly #resource = {}

  /** Takes over the descriptor, unless it cannot be watched. `remoteName` is the peer's sockaddr as latin1, where it is known. */
  constructor(addon: Addon, kind: SocketKind<A>, fd: number, remoteName?: string) {
    this.addon = addon
    this.kind = kind
    this.#fd = fd
    this.#remoteName = remoteName
    const result = addon.watch(fd, this, this.#resource, this.#ready)
    if (result < 0) throw systemError(result, 'watch')
  }

  /** One function for all sockets: the addon calls it on the one that is ready. */
  #ready(events: number): void {
    if ((events & FAILED) !== 0) this.#waitingFor = 0
    try {
      if (this.#connecting !== undefined) {
        this.#connecting()
        return
      }
      this.onReady(events)
    } catch (error) {
      // Thrown by a listener. Reported from here, 'uncaughtException' still has the stores of AsyncLocalStorage.
      this.addon.report(error)
    }
    if ((events & FAILED) !== 0 && WITH_ERROR_QUEUE.has(this.kind.domain)) this.#emptyErrorQueue()
  }

  /**
   * What IP_RECVERR (ip(7)) or SO_TIMESTAMPING puts into the error queue is an error condition until it is taken out; the
   * error itself has been told by then. A protocol without such a queue looks at a message, and leaves it (MSG_PEEK).
   */
  #emptyErrorQueue(): void {
    const flags = MSG_ERRQUEUE | MSG_PEEK
    for (let taken = 0; taken < ERRORS_TAKEN && this.#fd >= 0; taken++) {
      const count = this.addon.recvmmsg(this.#fd, noBytes, 0, 0, 1, errorMeta, nameBuffer, noBytes, 0, flags)
      if (count !== 1 || ((errorMeta[1] as number) & MSG_ERRQUEUE) === 0) return
    }
  }

  protected abstract onReady(events: number): void

  /** What is done with what still waits in the handle. */
  protected abstract onClose(): void

  /** Waits for exactly these events from now on. */
  protected wait(events: number): void {
    if (events === this.#waitingFor || this.#fd < 0) return
    this.#waitingFor = events
    this.addon.wait(this.#fd, events, this)
  }

  protected get waitingFor(): number {
    return this.#waitingFor
  }

  get engine(): 'kernel' {
    return 'kernel'
  }

  get facts(): SchemeFacts {
    return this.kind.facts
  }

  get isOpen(): boolean {
    return this.#fd >= 0
  }

  get fd(): number | undefined {
    return this.#fd < 0 ? undefined : this.#fd
  }

  /** The descriptor for a system call; -1, which every call refuses, after close. */
  protected get descriptor(): number {
    return this.#fd
  }

  get local(): A | undefined {
    this.#local ??= this.#name('getsockname')
    return this.#local
  }

  get remote(): A | undefined {
    this.#remote ??=
      this.#remoteName === undefined
        ? this.#name('getpeername')
        : this.kind.decode(Buffer.from(this.#remoteName, 'latin1'))
    return this.#remote
  }

  get domain(): number {
    return this.kind.domain
  }

  /** Connecting changes both names of a socket. */
  protected forgetNames(): void {
    this.#local = undefined
    this.#remote = undefined
    this.#remoteName = undefined
  }

  get carriesFds(): boolean {
    return this.kind.domain === AF_UNIX
  }

  peerCredentials(options: PeerCredentialsOptions): PeerCredentials {
    if (this.kind.peerCredentials === undefined) {
      throw unsupported('peerCredentials', `${this.kind.scheme} does not tell which process is at the other end`)
    }
    return this.kind.peerCredentials((option) => this.getOption(option) as Buffer, options)
  }

  #name(call: 'getsockname' | 'getpeername'): A | undefined {
    if (this.#fd < 0) return undefined
    const length = this.addon[call](this.#fd, nameBuffer)
    return length <= 0 ? undefined : this.kind.decode(nameBuffer.slice(0, length))
  }

  getOption(option: string | RawOption): unknown {
    if (this.#fd < 0) throw socketClosed('getOption')
    return readOption(this.addon, this.#fd, this.kind, option)
  }

  setOption(option: string | RawOption, value: unknown): void {
    if (this.#fd < 0) throw socketClosed('setOption')
    writeOption(this.addon, this.#fd, this.kind, option, value)
    this.noteOption(option, value)
  }

  /** An option was set on the descriptor: for a handle that has to know of it. */
  noteOption(_option: string | RawOption, _value: unknown): void {}

  /** When an option is applied that was given on opening; see `KernelOption`. */
  phaseOf(option: string, value: unknown): KernelOption['phase'] | undefined {
    return this.kind.option(option, value)?.phase
  }

  bind(address: A): void {
    const result = this.addon.bind(this.#fd, this.kind.encode(address))
    if (result < 0) throw systemError(result, 'bind', this.kind.format(address))
  }

  /** connect(2), waited for. Closes nothing when it fails: that is the caller's. */
  async connect(address: A, signal: AbortSignal | undefined): Promise<void> {
    const bytes = this.kind.encode(address)
    const fail = (errno: number) => systemError(errno, 'connect', this.kind.format(address))
    for (let delay = BACKLOG_RETRY_FIRST; ; delay = Math.min(delay * 2, BACKLOG_RETRY_LAST)) {
      const result = this.addon.connect(this.#fd, bytes)
      if (result === EAGAIN) {
        await pause(delay, signal)
        continue
      }
      if (result === EINPROGRESS || result === EINTR) {
        this.#isConnecting = true
        await this.#untilConnected(signal)
        this.#isConnecting = false
        const error = this.takeError()
        if (error !== 0 && !this.wasConnected(error)) throw fail(error)
      } else if (result !== 0) {
        throw fail(result)
      }
      this.connectedTo = address
      return
    }
  }

  /** Closes a socket whose connect failed or was given up, as early as the family allows. */
  giveUp(): void {
    if (this.#isConnecting && this.kind.finishesConnect) {
      const limit = setTimeout(() => this.close(), FINISH_LIMIT).unref()
      this.#connecting = () => {
        clearTimeout(limit)
        this.close()
      }
      this.unref()
      this.wait(WRITABLE)
    } else {
      this.close()
    }
  }

  /** Whether the error that a connect ended with is one of a connection that was made, and is over. */
  protected wasConnected(_errno: number): boolean {
    return false
  }

  #untilConnected(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#connecting = undefined
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#connecting = () => {
        this.#connecting = undefined
        signal?.removeEventListener('abort', onAbort)
        this.wait(0)
        resolve()
      }
      this.wait(WRITABLE)
    })
  }

  /** SO_ERROR, which reading clears: 0 or `-errno`. */
  protected takeError(): number {
    const value = Buffer.alloc(4)
    const result = this.addon.getsockopt(this.#fd, SOL_SOCKET, SO_ERROR, value)
    if (result < 0) return result
    return -decodeInt(value)
  }

  /**
   * shutdown(2) of our direction. A peer that is gone already has no need of it. A connection without half close ends as a
   * whole: what was sent still arrives, and the peer sees the end.
   */
  protected shutdownWrites(done: Done): void {
    const SHUT_WR = 1
    const result = this.facts.connected ? this.addon.shutdown(this.#fd, SHUT_WR) : 0
    done(result < 0 && result !== ENOTCONN ? systemError(result, 'shutdown') : null)
  }

  /** Called when the socket is closed, for what the family does then. */
  onceClosed(cleanup: Cleanup): void {
    this.#cleanups ??= []
    this.#cleanups.push(cleanup)
  }

  /** What the family does when the socket is closed, as text for another process. */
  get inheritance(): string | undefined {
    return this.#cleanups?.find((each) => each.inheritance !== undefined)?.inheritance
  }

  /** Closes, but for what the family does then. */
  abandon(): void {
    this.#cleanups = undefined
    this.close()
  }

  /** Whether what it waits for keeps the process alive. */
  protected get isRef(): boolean {
    return this.#isRef
  }

  ref(): void {
    this.#isRef = true
    if (this.#fd >= 0) this.addon.ref(this.#fd, this)
  }

  unref(): void {
    this.#isRef = false
    if (this.#fd >= 0) this.addon.unref(this.#fd, this)
  }

  close(): void {
    if (this.#fd < 0) return
    const fd = this.#fd
    this.#fd = -1
    // Before the descriptor goes: as long as the socket lives its file cannot be mistaken for another one.
    if (this.#cleanups !== undefined) for (const cleanup of this.#cleanups) cleanup()
    if (this.kind.closesOnceSent) closeOnceSent(this.addon, fd, this)
    else this.addon.close(fd, this)
    this.onClose()
  }
}

/** The interest of a socket that reads and may have something to write. */
export function interest(reading: boolean, writing: boolean): number {
  return (reading ? READABLE : 0) | (writing ? WRITABLE : 0)
}

/** The AF_ number that a sockaddr begins with, in the machine's own byte order. */
export function domainOf(name: Uint8Array): number {
  const first = name[0] ?? 0
  const second = name[1] ?? 0
  return littleEndian ? first | (second << 8) : (first << 8) | second
}
