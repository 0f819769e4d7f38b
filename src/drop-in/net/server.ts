import { captureRejectionSymbol, EventEmitter } from 'node:events'
import { isIPv4 } from 'node:net'
import { getDefaultHighWaterMark } from 'node:stream'
import { promisify } from 'node:util'
import { type BlockList, isBlocked, readBlockList } from '../block-list.ts'
import { listenEnds, listenFails, listenStarts, serverSockets, tell } from '../diagnostics.ts'
import { invalidType } from '../errors/argument-errors.ts'
import { checkNumber } from '../errors/checks.ts'
import { failureOf } from '../errors/failure.ts'
import { callFailed } from '../errors/system-error.ts'
import type { SocketName } from './addresses.ts'
import { isShared, listenShared } from './cluster.ts'
import { type ForeignHandle, takeHandle } from './descriptors.ts'
import { type ForeignListener, type ListeningHandle, listenOnHandle } from './foreign-listener.ts'
import { type ListenOptions, type Place, readPlace } from './listen-options.ts'
import { type NumericPlace, openListener } from './listening.ts'
import { alreadyListening, notListening } from './misuse-errors.ts'
import { normalize } from './normalize.ts'
import { closeOnAbort } from './server-abort.ts'
import { Socket } from './socket.ts'
import type { SocketHandle } from './socket-handle.ts'
import { wholeSeconds } from './socket-options.ts'

export interface ServerOptions {
  allowHalfOpen?: boolean | undefined
  pauseOnConnect?: boolean | undefined
  noDelay?: boolean | undefined
  keepAlive?: boolean | undefined
  /** Milliseconds. */
  keepAliveInitialDelay?: number | undefined
  highWaterMark?: number | undefined
  /** Connections from these addresses are closed at once. */
  blockList?: BlockList | undefined
}

type ConnectionListener = (socket: Socket) => void

/** listen(2): the kernel makes 512 of it. */
const BACKLOG = 511

/** A server with the interface and the behaviour of `net.Server`, over a listener of the engine's. */
export class Server extends EventEmitter {
  allowHalfOpen: boolean
  pauseOnConnect: boolean
  noDelay: boolean
  keepAlive: boolean
  /** Seconds. */
  keepAliveInitialDelay: number
  highWaterMark: number
  /** Connections at most; one more is closed at once, with 'drop'. */
  maxConnections: number | undefined
  blockList?: BlockList | undefined
  /** `null` unless it listens. */
  _handle: ListeningHandle | null = null
  _connections = 0
  /** What it listens at, as one text: `6::::80`. */
  _connectionKey: string | undefined
  #unref = false
  #path: string | undefined
  /** What is to be given up when the server is closed before it listens. */
  #opening: AbortController | undefined

  constructor(options?: ServerOptions | ConnectionListener | null, connectionListener?: ConnectionListener) {
    super()
    const given = readServerOptions(options)
    const listener = typeof options === 'function' ? options : connectionListener
    if (typeof listener === 'function') this.on('connection', listener)
    this.allowHalfOpen = given.allowHalfOpen || false
    this.pauseOnConnect = Boolean(given.pauseOnConnect)
    this.noDelay = Boolean(given.noDelay)
    this.keepAlive = Boolean(given.keepAlive)
    this.keepAliveInitialDelay = wholeSeconds(given.keepAliveInitialDelay)
    this.highWaterMark = given.highWaterMark ?? getDefaultHighWaterMark(false)
    if (given.blockList !== undefined) this.blockList = given.blockList
  }

  /** `(port?, host?, backlog?)`, `(path, backlog?)`, `(address, backlog?)`, `(options)` or `(handle)`; each with a callback. */
  listen(...args: unknown[]): this {
    const [given, callback] = normalize<ListenOptions>(args)
    if (this._handle !== null || this.#opening !== undefined) throw alreadyListening()
    tell(listenStarts, () => ({ server: this, options: given }))
    if (callback !== null) this.once('listening', callback)
    const options = given._handle || given.handle || given
    if (!isBound(options) && options.signal !== undefined) closeOnAbort(this, options.signal)
    const place = readPlace(options, args)
    const asked = 'backlog' in options ? options.backlog : undefined
    const isExclusive = 'exclusive' in options && options.exclusive === true
    this.#listen(place, asked || toCount(args[1]) || toCount(args[2]) || BACKLOG, isExclusive)
    return this
  }

  #listen(place: Place, backlog: number, isExclusive: boolean): void {
    this.#path = place.by === 'path' ? place.path : undefined
    const opening = new AbortController()
    this.#opening = opening
    if (place.by === 'handle') {
      this.#attempt(opening, '-1:null:-1', () => {
        listenOnHandle(place.handle, backlog, null, -1)
        return place.handle
      })
      return
    }
    const open = (numeric: NumericPlace): void =>
      this.#attempt(opening, connectionKey(numeric), () =>
        isShared(numeric, isExclusive)
          ? listenShared(this, numeric, backlog)
          : openListener(numeric, backlog, opening.signal),
      )
    if (place.by === 'port' && place.host !== undefined) {
      this.#lookup(place.host, opening, (host) => open({ ...place, host }))
    } else {
      open(place)
    }
  }

  #lookup(host: string, opening: AbortController, done: (host: string) => void): void {
    process.getBuiltinModule('node:dns').lookup(host, (error, address) => {
      if (opening.signal.aborted) return
      if (error === null) {
        done(address)
      } else {
        this.#opening = undefined
        this.emit('error', error)
      }
    })
  }

  #attempt(opening: AbortController, key: string, open: () => ListeningHandle | Promise<ListeningHandle>): void {
    const failed = (error: Error): void => {
      if (opening.signal.aborted) return
      this.#opening = undefined
      tell(listenFails, () => ({ server: this, error }))
      process.nextTick(() => this.emit('error', error))
    }
    try {
      const handle = open()
      if (handle instanceof Promise) handle.then((late) => this.#opened(late, key, opening), failed)
      else this.#opened(handle, key, opening)
    } catch (error) {
      failed(error as Error)
    }
  }

  #opened(handle: ListeningHandle, key: string, opening: AbortController): void {
    if (opening.signal.aborted) {
      handle.close()
      return
    }
    this.#opening = undefined
    this._handle = handle
    this._connectionKey = key
    tell(listenEnds, () => ({ server: this }))
    handle.onconnection = (error, client) => this.#connected(error, client)
    handle.ondrop = (local, remote) => this.#tellDrop(local, remote)
    if (this.#unref) handle.unref?.()
    process.nextTick(() => {
      if (this._handle !== null) this.emit('listening')
    })
  }

  #connected(error: number, client: SocketHandle | ForeignHandle): void {
    if (error !== 0) {
      this.emit('error', callFailed(failureOf(error), 'accept'))
      return
    }
    const handle = takeHandle(client)
    if (this.maxConnections && this._connections >= this.maxConnections) {
      this.#drop(handle)
      return
    }
    if (isBlocked(this.blockList, handle.remote?.address)) {
      handle.close()
      return
    }
    const socket = new Socket({
      handle,
      allowHalfOpen: this.allowHalfOpen,
      pauseOnCreate: this.pauseOnConnect,
      readable: true,
      writable: true,
      readableHighWaterMark: this.highWaterMark,
      writableHighWaterMark: this.highWaterMark,
    })
    if (this.noDelay) handle.setNoDelay(true)
    if (this.keepAlive) handle.setKeepAlive(true, this.keepAliveInitialDelay)
    socket._hasOptions(this.noDelay, this.keepAlive, this.keepAliveInitialDelay)
    this._connections++
    socket.server = this
    socket._server = this
    this.emit('connection', socket)
    tell(serverSockets, () => ({ socket }))
  }

  #drop(handle: SocketHandle): void {
    const { local, remote } = handle
    this.#tellDrop(local, remote)
    handle.close()
  }

  #tellDrop(local: SocketName | undefined, remote: SocketName | undefined): void {
    if (local === undefined && remote === undefined) this.emit('drop')
    else this.emit('drop', { ...named('local', local), ...named('remote', remote) })
  }

  get listening(): boolean {
    return this._handle !== null
  }

  /** An IP address and port; the text of an address of ours; `null` while it does not listen. A path stays after that. */
  address(): SocketName | string | null {
    const name: SocketName = {}
    const result = this._handle?.getsockname?.(name)
    if (result === undefined) return this.#path ?? null
    if (result !== 0) throw callFailed(failureOf(result), 'address')
    return name.port === undefined && name.address !== undefined ? name.address : name
  }

  getConnections(callback: (error: Error | null, count: number) => void): this {
    process.nextTick(callback, null, this._connections)
    return this
  }

  /** Stops listening. 'close' comes when the last connection has ended. */
  close(callback?: (error?: Error) => void): this {
    const isOpen = this._handle !== null || this.#opening !== undefined
    if (typeof callback === 'function') {
      this.once('close', isOpen ? callback : () => callback(notListening()))
    }
    this.#opening?.abort()
    this.#opening = undefined
    this._handle?.close()
    this._handle = null
    this._emitCloseIfDrained()
    return this
  }

  _emitCloseIfDrained(): void {
    if (this._handle !== null || this._connections > 0) return
    process.nextTick(() => this.emit('close'))
  }

  ref(): this {
    this.#unref = false
    this._handle?.ref?.()
    return this
  }

  /** Lets the process end although the server listens. */
  unref(): this {
    this.#unref = true
    this._handle?.unref?.()
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this._handle !== null || this.#opening !== undefined) await promisify(this.close.bind(this))()
  }
}

/** Where `captureRejections` is on, and a listener's promise rejects. */
Object.defineProperty(Server.prototype, captureRejectionSymbol, {
  configurable: true,
  writable: true,
  value(this: Server, error: Error, event: string, socket: Socket): void {
    if (event === 'connection') socket.destroy(error)
    else this.emit('error', error)
  },
})

function connectionKey(place: NumericPlace): string {
  if (place.by === 'port') return `${isIPv4(place.host ?? '') ? 4 : 6}:${place.host ?? '::'}:${place.port}`
  return place.by === 'path' ? `-1:${place.path}:-1` : 'null:null:null'
}

function readServerOptions(options: ServerOptions | ConnectionListener | null | undefined): ServerOptions {
  if (typeof options === 'function' || options === null || options === undefined) return {}
  if (typeof options !== 'object') throw invalidType('options', 'of type object', options)
  const { keepAliveInitialDelay, highWaterMark, blockList } = options
  if (keepAliveInitialDelay !== undefined) checkNumber(keepAliveInitialDelay, 'options.keepAliveInitialDelay')
  if (highWaterMark !== undefined) checkNumber(highWaterMark, 'options.highWaterMark')
  return {
    ...options,
    highWaterMark: highWaterMark !== undefined && highWaterMark >= 0 ? highWaterMark : undefined,
    blockList: readBlockList(blockList, 'blockList'),
  }
}

function isBound(options: ListenOptions | ForeignListener): options is ForeignListener {
  return 'onconnection' in options
}

/** The backlog may stand behind a port, a path or a host. */
function toCount(argument: unknown): number {
  const count = Number(argument)
  return count >= 0 ? count : 0
}

function named(end: string, name: SocketName | undefined): Record<string, unknown> {
  return {
    [`${end}Address`]: name?.address,
    [`${end}Port`]: name?.port,
    [`${end}Family`]: name?.family,
  }
}
