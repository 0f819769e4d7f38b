import type { Duplex } from 'node:stream'
import type { Address, AddressBase } from './address.ts'
import { wrongNumber } from './argument-errors.ts'
import { type PeerCredentials, type PeerCredentialsOptions, peerCredentialsOf } from './credentials.ts'
import { checkDescriptorWrite, DescriptorWrites } from './descriptor-writes.ts'
import { reportClose, reportError } from './diagnostics.ts'
import { namedSystemError, socketClosed, unsupported } from './errors.ts'
import type { SchemeFacts } from './facts.ts'
import type { AddressFamily, Done, HeldDescriptors, NodeAddress, StreamEvents, StreamHandle } from './family.ts'
import type { RawOption, SocketOptions } from './options.ts'
import { SocketSurface } from './socket-surface.ts'
import type { StreamStats } from './stats.ts'
import { clearTimeout, setImmediate, setTimeout } from './timers.ts'
import { UnreadPieces } from './unread-pieces.ts'
import { pushable } from './waiting.ts'
import { WebEndpoint } from './web.ts'

export interface StreamEndpointOptions {
  readonly allowHalfOpen?: boolean | undefined
  readonly highWaterMark?: number | undefined
}

/** A connection under way: where the handle will come from, and how to give it up. */
export interface Opening {
  readonly facts: SchemeFacts
  readonly handle: Promise<StreamHandle<AddressBase>>
  readonly abort: () => void
}

/** A chunk of this many bytes is written as it comes: gathering it with others would save nothing. */
const WORTH_A_CALL = 16_384

type WriteCallback = (error: Error | null | undefined) => void

const DEFAULT_HIGH_WATER_MARK = 65_536

/**
 * One end of a connection that carries bytes: the same class over every family. It is a `Duplex` with the surface of
 * `net.Socket`, so that what takes a socket takes it.
 *
 * Small writes of one tick go to the system in one call. Reading stops while `highWaterMark` bytes wait to be read, which
 * holds up the peer; `write` returns false while as many wait to be sent. 1,024 chunks that wait to be read are joined into one;
 * where 'data' is listened for, on a stream that is paused, reading stops instead.
 *
 * On a Unix stream socket of the kernel engine it emits 'fds', with an array of descriptors that the peer sent with its
 * bytes, before the 'data' of which those are part. They are close-on-exec and belong to the listener, which must `adopt` or
 * close each. While nobody listens for 'fds', the system closes those that come: listen before the first turn of the
 * event loop in which the endpoint is open. Reading stops while the bytes that 64 of them came with wait to be read. Where some
 * could not be taken, since the process has too many open, the endpoint fails with EMFILE.
 */
export class StreamEndpoint extends SocketSurface {
  readonly facts: SchemeFacts
  readonly #family: AddressFamily<AddressBase>
  #handle: StreamHandle<AddressBase> | undefined
  #opening: Opening | undefined
  #corkedThisTick = false
  /** A chunk is being handed to the reader. */
  #delivering = false
  /** Set while more waits to be read than the rest of a chunk. */
  #unread: UnreadPieces | undefined
  /** Node has called `_read`. It calls it again only after the next chunk. */
  #isAsked = false
  #referenced = true
  #bytesRead = 0
  #bytesTaken = 0
  #timer: NodeJS.Timeout | undefined
  #timerLength = 0
  #descriptorWrites: DescriptorWrites | undefined
  #keeper: ((held: HeldDescriptors) => void) | undefined
  /** 'close' was emitted: later than `closed`. */
  #closeTold = false
  #web: WebEndpoint | undefined
  /** Milliseconds without traffic until 'timeout'; 0 for none. Set by `setTimeout`. */
  timeout = 0

  /** Made by `connect`, `createConnection`, listeners, `socketpair` and `adopt`. */
  constructor(
    family: AddressFamily<AddressBase>,
    source: StreamHandle<AddressBase> | Opening,
    { allowHalfOpen = false, highWaterMark = DEFAULT_HIGH_WATER_MARK }: StreamEndpointOptions = {},
  ) {
    const isOpening = 'abort' in source
    super({
      allowHalfOpen,
      highWaterMark,
      // Emitted here, with `hadError`, as net.Socket does.
      emitClose: false,
      ...(isOpening && { construct: (callback) => this.#construct(callback) }),
    })
    this.#family = family
    this.facts = source.facts
    if (isOpening) this.#opening = source
    else this.#attach(source)
  }

  #construct(callback: (error?: Error | null) => void): void {
    this.#opening?.handle.then(
      (handle) => {
        this.#opening = undefined
        if (this.destroyed) {
          handle.close()
          callback()
          return
        }
        this.#attach(handle)
        callback()
        // Not in the promise's turn: what a listener throws is an uncaught exception, as from any other event.
        process.nextTick(() => {
          if (this.destroyed) return
          this.emit('connect')
          this.emit('ready')
        })
      },
      (error: Error) => {
        this.#opening = undefined
        callback(this.destroyed ? null : error)
      },
    )
  }

  #attach(handle: StreamHandle<AddressBase>): void {
    this.#handle = handle
    if (!this.#referenced) handle.unref()
    handle.start(new StreamEndpoint.#Events(this))
    // As net.Socket: reading begins by itself, up to the high-water mark, so that the peer's end is noticed.
    process.nextTick(beginReading, this)
  }

  /** What the handle tells. One small object: a server has many connections, most of them idle. */
  static readonly #Events = class implements StreamEvents {
    readonly #endpoint: StreamEndpoint

    constructor(endpoint: StreamEndpoint) {
      this.#endpoint = endpoint
    }

    onData(chunk: Buffer): void {
      this.#endpoint.#received(chunk)
    }

    onEnd(): void {
      this.#endpoint.push(null)
      // With nothing buffered nobody might ever read, and 'end' would not come.
      if (this.#endpoint.readableLength === 0) this.#endpoint.read(0)
    }

    onError(error: Error): void {
      this.#endpoint.destroy(error)
    }

    wantsFds(): boolean {
      return this.#endpoint.#keeper !== undefined || this.#endpoint.listenerCount('fds') > 0
    }

    onFds(held: HeldDescriptors): void {
      this.#endpoint.#unread ??= new UnreadPieces()
      this.#endpoint.#unread.addFds(held.fds.length)
      if (this.#endpoint.#keeper === undefined) this.#endpoint.emit('fds', held.take())
      else this.#endpoint.#keeper(held)
    }
  }

  /**
   * Gives descriptors that come to `keeper` instead of emitting 'fds'. They stay held until the keeper takes them.
   * `undefined` ends it.
   * @internal
   */
  keepFds(keeper: ((held: HeldDescriptors) => void) | undefined): void {
    this.#keeper = keeper
  }

  #received(chunk: Buffer): void {
    this.#bytesRead += chunk.length
    this.#touch()
    this.#delivering = true
    try {
      const before = this.readableLength
      this.#isAsked = false
      const wantsMore = this.push(pushable(this, chunk))
      this.#count(this.readableLength - before)
      // A stream that has asked for more must get it, whatever waits: it does not ask twice.
      if ((!wantsMore && !this.#isAsked) || this.#unread?.areTooMany) this.#handle?.pause()
    } finally {
      this.#delivering = false
      // An answer that was written meanwhile is whole, as far as it goes: no need to wait for the tick's end.
      this.#flushTick()
    }
  }

  /** Counts a chunk that was pushed and, where it waits, has added this length. */
  #count(length: number): void {
    if (this.readableLength === 0) {
      this.#unread = undefined
      return
    }
    this.#unread ??= new UnreadPieces()
    this.#unread.addChunk(length)
    if (this.#unread.areTooManyChunks) this.#join(this.#unread)
  }

  /** Makes one chunk of all that wait, except where a listener for 'data' would be told of it: 'data' comes from reading. */
  #join(unread: UnreadPieces): void {
    if (this.listenerCount('data') > 0) return
    // Since Node 26, read() gives one chunk. To ask for more bytes than the high-water mark would raise it.
    const chunks: (Buffer | string)[] = []
    for (let chunk = super.read(); chunk !== null; chunk = super.read()) chunks.push(chunk)
    const { readableEncoding } = this
    if (readableEncoding) this.unshift(chunks.join(''), readableEncoding)
    else this.unshift(Buffer.concat(chunks as Buffer[]))
    unread.joined()
  }

  override _read(): void {
    this.#isAsked = true
    // Since Node 26, a stream that flows takes a chunk without read().
    if (this.readableLength === 0) this.#unread = undefined
    if (!this.#unread?.areTooMany) this.#handle?.resume()
  }

  /** As `Readable.read`. */
  override read(size?: number): ReturnType<Duplex['read']> {
    const chunk = super.read(size)
    const unread = this.#unread
    if (unread === undefined || size === 0) return chunk
    // Null: the reader wants more at a time than there is.
    if (chunk === null || unread.areRead(this.readableLength)) {
      this.#unread = undefined
      if (unread.areTooMany) this.#handle?.resume()
    }
    return chunk
  }

  /** As `Writable.write`. Small chunks that are written in one tick go to the system in one call, at the tick's end. */
  override write(chunk: unknown, callback?: WriteCallback): boolean
  override write(chunk: unknown, encoding: BufferEncoding | undefined, callback?: WriteCallback): boolean
  override write(chunk: unknown, encoding?: BufferEncoding | WriteCallback, callback?: WriteCallback): boolean {
    const isLarge = chunk instanceof Uint8Array && chunk.length >= WORTH_A_CALL
    if (!this.#corkedThisTick && !isLarge) {
      this.#corkedThisTick = true
      this.cork()
      if (!this.#delivering) process.nextTick(StreamEndpoint.#flush, this)
    }
    return typeof encoding === 'string'
      ? super.write(chunk, encoding, callback)
      : super.write(chunk, encoding ?? callback)
  }

  /**
   * Writes bytes that carry descriptors to another process (SCM_RIGHTS of unix(7)): at least one byte, and 1 to 253
   * descriptors, which arrive with the first. It keeps its place among other writes, and is never joined with them. The
   * descriptors are duplicated: the caller's own stay the caller's, and may be closed at once. Returns what `write` does.
   *
   * The peer gets its descriptors by its own event 'fds'.
   *
   * Throws, with nothing sent and the endpoint as good as before: `ERR_UNSUPPORTED` for anything but a Unix stream socket of
   * the kernel engine, EINVAL for more than 253, EBADF for one that is not open, EMFILE where they cannot be duplicated,
   * ENOTCONN while connecting.
   */
  writeWithFds(bytes: Uint8Array, fds: readonly number[], callback?: WriteCallback): boolean {
    checkDescriptorWrite(bytes, fds)
    // What was ended or destroyed says so by the stream's own error, and would never let go of what it holds.
    if (!this.writable) return this.write(bytes, callback)
    if (this.#handle === undefined) throw namedSystemError('ENOTCONN', 'write')
    const { passing } = this.#handle
    if (passing === undefined)
      throw unsupported('writeWithFds', 'only unix streams of the kernel engine carry descriptors')
    this.#descriptorWrites ??= new DescriptorWrites(passing)
    return this.write(this.#descriptorWrites.add(bytes, fds), callback)
  }

  static #flush(endpoint: StreamEndpoint): void {
    endpoint.#flushTick()
  }

  #flushTick(): void {
    if (!this.#corkedThisTick) return
    this.#corkedThisTick = false
    this.uncork()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#send([chunk], chunk.length, callback)
  }

  override _writev(entries: { chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    let bytes = 0
    const chunks = entries.map(({ chunk }) => {
      bytes += chunk.length
      return chunk
    })
    this.#send(chunks, bytes, callback)
  }

  #send(chunks: readonly Buffer[], bytes: number, callback: (error?: Error | null) => void): void {
    if (this.#handle === undefined) {
      callback(socketClosed('write'))
      return
    }
    const done: Done = (error) => {
      if (error === null) {
        this.#bytesTaken += bytes
        this.#touch()
      }
      callback(error)
    }
    if (this.#descriptorWrites?.isEmpty === false)
      this.#sendRuns(this.#handle, this.#descriptorWrites, chunks).then(() => done(null), done)
    else this.#handle.write(chunks, done)
  }

  /** Chunks some of which may carry descriptors. */
  async #sendRuns(
    handle: StreamHandle<AddressBase>,
    writes: DescriptorWrites,
    chunks: readonly Buffer[],
  ): Promise<void> {
    for (const run of writes.runs(chunks)) {
      await new Promise<void>((resolve, reject) => {
        const done: Done = (error) => (error === null ? resolve() : reject(error))
        if (!writes.send(run[0] as Buffer, done)) handle.write(run, done)
      })
    }
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#handle === undefined) callback()
    else this.#handle.end(callback)
  }

  override destroy(error?: Error): this {
    this.#opening?.abort()
    return super.destroy(error)
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    clearTimeout(this.#timer)
    this.#handle?.close()
    this.#descriptorWrites?.dropAll()
    if (error !== null) reportError(this, error, true)
    callback(error)
    // In a later turn of the event loop, as net.Socket does: TLS above it tells of its own error before that, so that who
    // listens to both knows why the connection is gone.
    setImmediate(StreamEndpoint.#tellClose, this, error)
  }

  static #tellClose(endpoint: StreamEndpoint, error: Error | null): void {
    endpoint.#closeTold = true
    reportClose(endpoint, error ?? undefined)
    endpoint.emit('close', error !== null)
  }

  /** Ends our direction and destroys the endpoint once everything was sent. */
  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', () => this.destroy())
  }

  /** Closes with a reset where the family knows one (TCP's RST): what was not delivered yet is lost. */
  resetAndDestroy(): this {
    this.#handle?.reset()
    return this.destroy()
  }

  /** Resolves when the endpoint is closed; what waits to be sent is dropped, as by `destroy`. */
  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closeTold) return
    const closed = new Promise<void>((resolve) => this.once('close', () => resolve()))
    this.on('error', () => undefined)
    this.destroy()
    await closed
  }

  /**
   * The endpoint as web streams, in the shape of the WinterTC Sockets API; the same object at every call. From then on its
   * data is read by `readable`, and written by `writable`. Throws a `TypeError` where somebody reads it already: listens for
   * 'data' or 'readable', pipes it, or set an encoding.
   */
  web(): WebEndpoint {
    this.#web ??= new WebEndpoint(this, (address) => this.#family.format(address))
    return this.#web
  }

  /** Our own address; `undefined` while connecting and where the system has none. */
  get local(): Address | undefined {
    return this.#handle?.local as Address | undefined
  }

  /** The peer's address; `undefined` while connecting, and where the peer is unnamed. */
  get remote(): Address | undefined {
    return this.#handle?.remote as Address | undefined
  }

  /** What moves the bytes: `'kernel'`, `'node'`, `'memory'` or a driver's name; `undefined` while connecting. */
  get engine(): string | undefined {
    return this.#handle?.engine
  }

  /** The file descriptor, where there is one and it is open. It stays the endpoint's: do not close it. */
  get fd(): number | undefined {
    return this.#handle?.fd
  }

  /**
   * Which process is at the other end of a Unix socket, as it was when the connection was made; SO_PEERCRED of unix(7).
   * Throws `ERR_UNSUPPORTED` where that is not known.
   */
  peerCredentials(options: PeerCredentialsOptions = {}): PeerCredentials {
    return peerCredentialsOf(this.#open('peerCredentials'), options)
  }

  get connecting(): boolean {
    return this.#opening !== undefined && !this.destroyed
  }

  /** True until there is a connection, and for good where there never was one. */
  get pending(): boolean {
    return this.#handle === undefined
  }

  get readyState(): 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed' {
    if (this.connecting) return 'opening'
    if (this.readable && this.writable) return 'open'
    if (this.readable) return 'readOnly'
    return this.writable ? 'writeOnly' : 'closed'
  }

  get bytesRead(): number {
    return this.#bytesRead
  }

  /** Bytes written so far, those that still wait to be sent included; as in `net.Socket`. */
  get bytesWritten(): number {
    return this.#bytesTaken + this.writableLength
  }

  /** How much went through it, and how much waits. Stays after close. */
  stats(): StreamStats {
    return {
      bytesRead: this.#bytesRead,
      bytesWritten: this.#bytesTaken,
      bytesUnread: this.readableLength,
      bytesUnsent: this.writableLength,
    }
  }

  /** Reads a socket option by name, or by level and name as bytes (a `Buffer`); getsockopt(2). */
  getOption<K extends keyof SocketOptions>(name: K): NonNullable<SocketOptions[K]>
  getOption(option: RawOption): Buffer
  getOption(option: string | RawOption): unknown
  getOption(option: string | RawOption): unknown {
    return this.#open('getOption').getOption(option)
  }

  /** Sets a socket option by name, or by level and name as bytes; setsockopt(2). */
  setOption<K extends keyof SocketOptions>(name: K, value: NonNullable<SocketOptions[K]>): void
  setOption(option: string | RawOption, value: unknown): void
  setOption(option: string | RawOption, value: unknown): void {
    this.#open('setOption').setOption(option, value)
  }

  #open(operation: string): StreamHandle<AddressBase> {
    if (this.#handle === undefined || this.destroyed) throw socketClosed(operation)
    return this.#handle
  }

  /** Emits 'timeout' after this many milliseconds without traffic; 0 for never. The endpoint stays open. */
  setTimeout(milliseconds: number, callback?: () => void): this {
    if (!(typeof milliseconds === 'number' && milliseconds >= 0 && milliseconds < 2 ** 31)) {
      throw wrongNumber(milliseconds, 'the timeout must be a number of milliseconds, 0 or more')
    }
    this.timeout = milliseconds
    if (milliseconds > 0 && !this.destroyed) this.#startTimer(milliseconds)
    if (callback !== undefined) {
      if (milliseconds === 0) this.removeListener('timeout', callback)
      else this.once('timeout', callback)
    }
    return this
  }

  /** A timer that is not wanted any more runs on: an HTTP server sets one for each request, always of the same length. */
  #startTimer(milliseconds: number): void {
    if (this.#timer !== undefined && this.#timerLength === milliseconds) {
      this.#timer.refresh()
      return
    }
    clearTimeout(this.#timer)
    this.#timerLength = milliseconds
    this.#timer = setTimeout(() => this.timeout > 0 && this.emit('timeout'), milliseconds).unref()
  }

  #touch(): void {
    if (this.timeout > 0) this.#timer?.refresh()
  }

  protected setWhereKnown(option: string, value: unknown): this {
    if (this.connecting) {
      this.once('connect', () => this.setWhereKnown(option, value))
      return this
    }
    if (this.destroyed) return this
    try {
      this.#handle?.setOption(option, value)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ERR_OPTION_UNKNOWN' && code !== 'ERR_UNSUPPORTED') throw error
    }
    return this
  }

  /** Keeps the process alive while the endpoint is open, as it does from the start. */
  ref(): this {
    this.#referenced = true
    this.#handle?.ref()
    return this
  }

  /** Lets the process end although the endpoint is open. */
  unref(): this {
    this.#referenced = false
    this.#handle?.unref()
    return this
  }

  protected nodeAddress(end: 'local' | 'remote'): NodeAddress | undefined {
    const address = this.#handle?.[end]
    return address === undefined ? undefined : this.#family.toNode?.(address)
  }
}

function beginReading(endpoint: StreamEndpoint): void {
  if (!endpoint.destroyed && !endpoint.isPaused()) endpoint.read(0)
}
