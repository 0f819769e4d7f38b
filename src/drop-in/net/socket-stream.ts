import { addAbortSignal, Duplex, type DuplexOptions } from 'node:stream'
import { pushable } from '../../core/waiting.ts'
import { checkFunction } from '../errors/checks.ts'
import { failure } from '../errors/failure.ts'
import { callFailed } from '../errors/system-error.ts'
import type { Wording } from './addresses.ts'
import { openDescriptor, takeHandle } from './descriptors.ts'
import { IdleTimer } from './idle-timer.ts'
import { closed, closedBeforeConnection, endedByPeer, invalidHandle } from './misuse-errors.ts'
import type { Server } from './server.ts'
import { SocketHandle } from './socket-handle.ts'
import type { SocketOptions } from './socket-options.ts'
import { streamError } from './system-errors.ts'
import { checkTimeout } from './timeout.ts'
import { isWrapped } from './tls-wrapper.ts'
import { UserBuffer } from './user-buffer.ts'

type Callback = (error?: Error | null) => void
type Encoded = { readonly chunk: string | Uint8Array; readonly encoding: BufferEncoding }

/**
 * The stream of a socket: how bytes, ends and errors go between a `Duplex` and the handle, and in which order that tells of
 * them. It may have no handle yet, and gets another one to connect again.
 */
export abstract class SocketStream extends Duplex {
  connecting = false
  /** From `connect` on, or from the start where one was given; `null` once destroyed. */
  _handle: SocketHandle | null = null
  /** Whether it failed; `node:http` looks at it, and sets it. */
  _hadError = false
  /** The server that accepted it. */
  server: Server | null = null
  _server: Server | null = null
  /** As given to `setTimeout`. */
  timeout: number | undefined
  readonly #idle: IdleTimer = new IdleTimer(() => this._onTimeout())
  readonly #userBuffer: UserBuffer | undefined
  #resetting = false
  #peerEnded = false
  /** The bytes of a write that waits for the connection. */
  #pendingBytes = 0
  /** What was unsent of the write in flight when it was last looked at. */
  #lastUnsent = 0
  /** Those of the handle, after it is gone. */
  #bytesRead = 0
  #bytesWritten = 0

  constructor(options: SocketOptions) {
    super({
      ...(options as DuplexOptions),
      allowHalfOpen: Boolean(options.allowHalfOpen),
      // 'close' says whether there was an error, and comes later.
      emitClose: false,
      autoDestroy: true,
      decodeStrings: false,
      // It may have fired already, and this is no whole object yet.
      signal: undefined,
    } as DuplexOptions)
    this.#userBuffer = UserBuffer.from(options.onread, this)
    this.on('end', () => {
      this.#peerEnded = !this.allowHalfOpen
    })
    if (options.handle) this._handle = takeHandle(options.handle)
    else if (options.fd !== undefined) this._handle = openDescriptor(options.fd)
    if (this._handle !== null) this.#begin(this._handle, options)
    if (options.signal) addAbortSignal(options.signal, this)
  }

  #begin(handle: SocketHandle, { readable, pauseOnCreate, manualStart }: SocketOptions): void {
    this.#listenTo(handle)
    if (readable === false) return
    if (pauseOnCreate) (this as { readableFlowing: boolean | null }).readableFlowing = false
    else if (!manualStart) this.read(0)
  }

  #listenTo(handle: SocketHandle): void {
    handle.reader = {
      onData: (chunk) => {
        this._touch()
        if (this.#userBuffer !== undefined) this.#deliver(this.#userBuffer, chunk, handle)
        else if (!this.push(pushable(this, chunk))) handle.readStop()
      },
      onEnd: () => {
        this._touch()
        if (isWrapped(this)) this.allowHalfOpen = true
        this.push(null)
        this.read(0)
      },
      onError: (error) => this.destroy(streamError(error, 'read')),
    }
  }

  #deliver(buffer: UserBuffer, chunk: Buffer, handle: SocketHandle): void {
    if (buffer.length === 0) this.destroy(callFailed(failure('ENOBUFS'), 'read'))
    else if (!buffer.deliver(chunk, () => handle.reading)) handle.readStop()
  }

  /** Puts a new handle, which is not connected, in the place of the one before. */
  _renew(wording: Wording): void {
    this._handle?.close()
    const handle = new SocketHandle(wording)
    this._handle = handle
    this.#peerEnded = false
    // How node:net makes a socket new; part of no type, but of every version.
    if (this.destroyed) (this as unknown as { _undestroy(): void })._undestroy()
    this.#listenTo(handle)
  }

  override _read(size: number): void {
    if (this.connecting || this._handle === null) this.once('connect', () => this._read(size))
    else if (!this._handle.reading) this._handle.readStart()
  }

  override read(size?: number): unknown {
    this.#readOn()
    return super.read(size)
  }

  override resume(): this {
    this.#readOn()
    return super.resume()
  }

  /** With a buffer of the user's nothing is ever pushed, so that the stream itself would not ask for more. */
  #readOn(): void {
    const handle = this._handle
    if (this.#userBuffer === undefined || this.connecting || handle === null || handle.reading) return
    handle.reading = true
    if (!this.#userBuffer.flush(() => handle.reading)) handle.reading = false
    if (handle.reading) handle.readStart()
  }

  override pause(): this {
    if (this.#userBuffer !== undefined && !this.connecting && this._handle?.reading) this._handle.readStop()
    return super.pause()
  }

  override write(chunk: unknown, callback?: Callback): boolean
  override write(chunk: unknown, encoding: BufferEncoding | undefined, callback?: Callback): boolean
  override write(chunk: unknown, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    // 'write after end' would blame the caller for what the peer did.
    if (this.#peerEnded && this.writableEnded) return this.#refuse(typeof encoding === 'function' ? encoding : callback)
    return super.write(chunk, encoding as BufferEncoding, callback)
  }

  #refuse(callback: Callback | undefined): boolean {
    const error = endedByPeer()
    if (callback !== undefined) process.nextTick(callback, error)
    this.destroy(error)
    return false
  }

  override _write(chunk: string | Uint8Array, encoding: BufferEncoding, callback: Callback): void {
    this.#send([bytesOf({ chunk, encoding })], callback)
  }

  override _writev(entries: Encoded[], callback: Callback): void {
    this.#send(entries.map(bytesOf), callback)
  }

  #send(chunks: Uint8Array[], callback: Callback): void {
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0)
    if (this.connecting) {
      this.#pendingBytes = bytes
      this.#onceConnected(
        () => this.#send(chunks, callback),
        () => callback(closedBeforeConnection()),
      )
      return
    }
    this.#pendingBytes = 0
    const handle = this._handle
    if (handle === null) {
      callback(closed())
      return
    }
    this._touch()
    let isOver = false
    handle.write(chunks, bytes, (error) => {
      isOver = true
      this.#lastUnsent = 0
      if (error === null) this._touch()
      callback(error === null ? null : streamError(error, 'write'))
    })
    if (!isOver) this.#lastUnsent = bytes
  }

  #onceConnected(connected: () => void, closed: () => void): void {
    const onConnect = (): void => {
      this.off('close', closed)
      connected()
    }
    this.once('connect', onConnect)
    this.once('close', closed)
  }

  override _final(callback: Callback): void {
    if (this.pending) this.once('connect', () => this._final(callback))
    else if (this._handle === null) callback()
    else this._handle.shutdown((error) => callback(error === null ? null : streamError(error, 'shutdown')))
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.connecting = false
    this.#idle.stop()
    const handle = this._handle
    const isFailure = error !== null && error !== undefined
    if (handle === null) {
      callback(error)
      process.nextTick(() => this.emit('close'))
    } else {
      this.#bytesRead = handle.bytesRead
      this.#bytesWritten = handle.bytesWritten
      const onClosed = (): boolean => this.emit('close', isFailure)
      if (this.#resetting) handle.reset(onClosed)
      else handle.close(onClosed)
      this.#resetting = false
      handle.reader = undefined
      this._handle = null
      callback(error)
    }
    if (this._server !== null) {
      this._server._connections--
      this._server._emitCloseIfDrained()
    }
  }

  /** Ends our direction, and destroys the socket once everything was sent. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** Closes with a reset (TCP's RST); once it is connected where it is not yet. */
  resetAndDestroy(): this {
    if (this._handle === null) return this.destroy(closed())
    if (this._handle.wording === 'pipe') throw invalidHandle()
    const reset = (): void => {
      this.#resetting = true
      this.destroy()
    }
    if (this.connecting) this.once('connect', reset)
    else reset()
    return this
  }

  /** Emits 'timeout' after so many milliseconds without traffic; 0 for never. The socket stays open. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    if (this.destroyed) return this
    this.timeout = milliseconds
    const duration = checkTimeout(milliseconds)
    this.#idle.stop()
    if (duration !== 0) this.#idle.start(duration)
    if (callback !== undefined) {
      checkFunction(callback, 'callback')
      if (duration === 0) this.removeListener('timeout', callback)
      else this.once('timeout', callback)
    }
    return this
  }

  /** A write that the peer takes slowly is traffic, too. */
  _onTimeout(): void {
    const unsent = this._handle?.writeQueueSize
    if (this.#lastUnsent > 0 && unsent !== undefined && unsent !== this.#lastUnsent) {
      this.#lastUnsent = unsent
      this._touch()
    } else {
      this.emit('timeout')
    }
  }

  /** There was traffic. */
  _touch(): void {
    this.#idle.touch()
  }

  get pending(): boolean {
    return this._handle === null || this.connecting
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening'
    if (this.readable) return this.writable ? 'open' : 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }

  get bytesRead(): number {
    return this._handle?.bytesRead ?? this.#bytesRead
  }

  /** Those that still wait to be sent included. */
  get bytesWritten(): number | undefined {
    const { writableBuffer } = this as unknown as { writableBuffer?: readonly Encoded[] }
    // Of the prototype, which some look at.
    if (writableBuffer === undefined) return undefined
    const waiting = writableBuffer.reduce((sum, entry) => sum + bytesOf(entry).length, 0)
    return this._bytesDispatched + this.#pendingBytes + waiting
  }

  get _bytesDispatched(): number {
    return this._handle?.bytesWritten ?? this.#bytesWritten
  }

  get bufferSize(): number | undefined {
    return this._handle === null ? undefined : this.writableLength
  }

  /** The file descriptor, where there is one: what `child_process.spawn` takes as `stdio`. */
  get fd(): number | undefined {
    const fd = this._handle?.fd ?? -1
    return fd < 0 ? undefined : fd
  }

  ref(): this {
    if (this._handle === null) this.once('connect', this.ref)
    else this._handle.ref()
    return this
  }

  unref(): this {
    if (this._handle === null) this.once('connect', this.unref)
    else this._handle.unref()
    return this
  }
}

function bytesOf({ chunk, encoding }: Encoded): Uint8Array {
  return typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk
}
