import { executionAsyncId } from 'node:async_hooks'
import type { AddressBase } from '../../core/address.ts'
import { SocketError } from '../../core/errors.ts'
import type { AddressFamily, Done, Handle, StreamHandle } from '../../core/family.ts'
import { setImmediate } from '../../core/timers.ts'
import { inClosingPhase } from '../../engine/closing-phase.ts'
import { failure } from '../errors/failure.ts'
import { callFailed } from '../errors/system-error.ts'
import { nameOf, type SocketName, type Wording } from './addresses.ts'

/** Where a connection goes, and from where, in our own terms. */
export interface Target {
  readonly family: AddressFamily<AddressBase>
  readonly address: AddressBase
  readonly local?: AddressBase | undefined
  readonly options?: Readonly<Record<string, unknown>>
}

export interface Reader {
  onData(chunk: Buffer): void
  onEnd(): void
  onError(error: Error): void
}

/** What `setKeepAlive` sets besides the delay, in milliseconds and probes: what libuv does. */
const KEEP_ALIVE_INTERVAL = 1000
const KEEP_ALIVE_PROBES = 10

/** As in Node: a socket that waits for nothing and that nobody has any more stays open, and is not collected. */
const open = new Set<SocketHandle>()

/**
 * What a socket holds from `connect` to `close`: a stream handle of the engine's, once there is one. Its methods have the
 * names of those of Node's own handles, since programs look at `socket._handle`.
 */
export class SocketHandle {
  readonly wording: Wording
  readonly #asyncId: number = executionAsyncId()
  reader: Reader | undefined
  /** Whether the reader wants more. */
  reading = false
  bytesRead = 0
  /** Bytes handed to the engine, those that the system has not taken included. */
  bytesWritten = 0
  #stream: StreamHandle<AddressBase> | undefined
  /** While connecting. */
  #socket: Handle<AddressBase> | undefined
  #giveUp: AbortController | undefined
  #referenced = true
  #closed = false

  constructor(wording: Wording, stream?: StreamHandle<AddressBase>) {
    this.wording = wording
    if (stream !== undefined) this.#attach(stream)
  }

  #attach(stream: StreamHandle<AddressBase>): void {
    this.#socket = undefined
    this.#giveUp = undefined
    this.#stream = stream
    open.add(this)
    if (!this.#referenced) stream.unref()
    stream.start({
      onData: (chunk) => {
        this.bytesRead += chunk.length
        this.reader?.onData(chunk)
      },
      onEnd: () => this.reader?.onEnd(),
      onError: (error) => this.reader?.onError(error),
    })
    if (this.reading) stream.resume()
  }

  /** `done` is called in a tick of its own, and not at all when the handle is closed before. */
  connect({ family, address, local, options = {} }: Target, done: Done): void {
    if (this.#giveUp !== undefined || this.#stream?.remote !== undefined) {
      const code = this.#giveUp === undefined ? 'EISCONN' : 'EALREADY'
      process.nextTick(done, new SocketError(code, code, { errno: failure(code).errno, syscall: 'connect' }))
      return
    }
    this.#giveUp = new AbortController()
    const { signal } = this.#giveUp
    const settle = (error: Error | null): void => {
      this.#giveUp = undefined
      if (!this.#closed) process.nextTick(() => this.#closed || done(error))
    }
    const onSocket = (socket: Handle<AddressBase>): void => {
      this.#socket = socket
      if (!this.#referenced) socket.unref()
    }
    if (this.#stream?.connect !== undefined) {
      this.#stream.pause()
      this.#stream.connect(address, signal).then(() => {
        if (this.reading) this.#stream?.resume()
        settle(null)
      }, settle)
      return
    }
    const connected = family.connect?.(address, { signal, engine: undefined, local, options, onSocket })
    connected?.then((stream) => {
      if (this.#closed || stream.type !== 'stream') {
        stream.close()
      } else {
        this.#attach(stream)
        settle(null)
      }
    }, settle)
  }

  get fd(): number {
    return (this.#stream ?? this.#socket)?.fd ?? -1
  }

  get local(): SocketName | undefined {
    return nameOf(this.wording, (this.#stream ?? this.#socket)?.local)
  }

  get remote(): SocketName | undefined {
    return nameOf(this.wording, this.#stream?.remote)
  }

  readStart(): void {
    this.reading = true
    this.#stream?.resume()
  }

  readStop(): void {
    this.reading = false
    this.#stream?.pause()
  }

  write(chunks: readonly Uint8Array[], bytes: number, done: Done): void {
    if (this.#stream === undefined || this.#closed) {
      done(callFailed(failure('EBADF'), 'write'))
      return
    }
    this.bytesWritten += bytes
    this.#stream.write(chunks, done)
  }

  /** Bytes of the write in flight that the system has not taken; `undefined` where the engine does not know. */
  get writeQueueSize(): number | undefined {
    return this.#stream?.unsent
  }

  /** As with Node's own handles, `done` is never called before this returns, nor in the same tick. */
  shutdown(done: Done): void {
    const later: Done = (error) => void setImmediate(done, error)
    if (this.#stream === undefined) later(null)
    else this.#stream.end(later)
  }

  setNoDelay(enable: boolean): void {
    this.#setWhereKnown('noDelay', enable)
  }

  /** `initialDelay` in seconds; 0 leaves it as it is. */
  setKeepAlive(enable: boolean, initialDelay: number): void {
    this.#setWhereKnown('keepAlive', enable)
    if (!enable) return
    if (initialDelay > 0) this.#setWhereKnown('keepAliveDelay', initialDelay * 1000)
    this.#setWhereKnown('keepAliveInterval', KEEP_ALIVE_INTERVAL)
    this.#setWhereKnown('keepAliveCount', KEEP_ALIVE_PROBES)
  }

  /** Node, too, says nothing when the system or the family has no such option. */
  #setWhereKnown(option: string, value: unknown): void {
    try {
      this.#stream?.setOption(option, value)
    } catch {
      return
    }
  }

  ref(): void {
    this.#referenced = true
    ;(this.#stream ?? this.#socket)?.ref()
  }

  unref(): void {
    this.#referenced = false
    ;(this.#stream ?? this.#socket)?.unref()
  }

  /** Of what made the socket: `node:http` takes it for the cause of what comes. */
  getAsyncId(): number {
    return this.#asyncId
  }

  hasRef(): boolean {
    return this.#referenced && !this.#closed
  }

  close(onClosed?: () => void): void {
    this.#end(() => this.#stream?.close(), onClosed)
  }

  /** Closes so that the peer is told of a reset. */
  reset(onClosed?: () => void): void {
    this.#end(() => this.#stream?.reset(), onClosed)
  }

  #end(end: () => void, onClosed: (() => void) | undefined): void {
    if (!this.#closed) {
      this.#closed = true
      open.delete(this)
      this.reading = false
      this.#giveUp?.abort()
      end()
    }
    if (onClosed !== undefined) inClosingPhase(onClosed)
  }
}
