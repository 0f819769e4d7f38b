import { isIP } from 'node:net'
import type { Resolved } from '../../core/registry.ts'
import { type BlockList, readBlockList } from '../block-list.ts'
import { checkString } from '../errors/checks.ts'
import { isTcp, type SocketName, streamAddress } from './addresses.ts'
import { type ConnectOptions, checkHostRequest } from './connect-options.ts'
import { type ConnectingSocket, connectToAddress, connectToHost, connectToPath } from './connecting.ts'
import { nothingToConnectTo } from './misuse-errors.ts'
import { isNormalized, type NormalizedArguments, normalize } from './normalize.ts'
import { readSocketOptions, type SocketOptions, wholeSeconds } from './socket-options.ts'
import { SocketStream } from './socket-stream.ts'

/** A socket with the interface and the behaviour of `net.Socket`, over a handle of the engine's. */
export class Socket extends SocketStream implements ConnectingSocket {
  _host: string | null = null
  _parent: Socket | null = null
  autoSelectFamilyAttemptedAddresses?: string[]
  #noDelay: boolean
  #keepAlive: boolean
  /** Seconds. */
  #keepAliveDelay: number
  #peer: SocketName | undefined
  blockList?: BlockList

  constructor(given?: SocketOptions | number | null) {
    const options = readSocketOptions(given)
    super(options)
    this.#noDelay = Boolean(options.noDelay)
    this.#keepAlive = Boolean(options.keepAlive)
    this.#keepAliveDelay = wholeSeconds(options.keepAliveInitialDelay)
    const blockList = readBlockList(options.blockList, 'blockList')
    if (blockList !== undefined) this.blockList = blockList
  }

  /** `(port, host?)`, `(path)`, `(address)` or `(options)`; each with a callback for 'connect'. */
  connect(...args: unknown[]): this {
    const [options, callback]: NormalizedArguments<ConnectOptions> = isNormalized<ConnectOptions>(args[0])
      ? args[0]
      : normalize(args)
    if (callback !== null) this.once('connect', callback)
    const path = options.path || undefined
    const address = streamAddress(options.address ?? (typeof path === 'string' ? path : undefined))
    if (options.port === undefined && options.path == null && address === undefined) throw nothingToConnectTo()
    if (this.destroyed) this._handle = null
    if (this._handle === null) {
      this.#peer = undefined
      this._renew(address !== undefined ? 'address' : path !== undefined ? 'pipe' : 'tcp')
    }
    this._touch()
    this.connecting = true
    if (address !== undefined) {
      this.#connectToAddress(address)
    } else if (path !== undefined) {
      checkString(path, 'options.path')
      connectToPath(this, path)
    } else {
      this.#connectToHost(options)
    }
    return this
  }

  /** With a block list the name is looked up first: the list has IP addresses. */
  #connectToAddress(resolved: Resolved): void {
    const { address } = resolved
    if (this.blockList === undefined || !isTcp(address)) connectToAddress(this, resolved)
    else this.#connectToHost({ host: address.host, port: address.port })
  }

  #connectToHost(options: ConnectOptions): void {
    const request = checkHostRequest(options)
    if (isIP(request.host) === 0) this._host = request.host
    connectToHost(this, request)
  }

  /** The handle has its connection. */
  _connected(): void {
    this.connecting = false
    this._touch()
    if (this.#noDelay) this._handle?.setNoDelay(true)
    if (this.#keepAlive) this._handle?.setKeepAlive(true, this.#keepAliveDelay)
    this.emit('connect')
    this.emit('ready')
    // Reads up to the high-water mark, so that the peer's end is noticed.
    if (!this.isPaused()) this.read(0)
  }

  /** The options that the server has given to the connection already. */
  _hasOptions(noDelay: boolean, keepAlive: boolean, keepAliveDelay: number): void {
    this.#noDelay = noDelay
    this.#keepAlive = keepAlive
    this.#keepAliveDelay = keepAliveDelay
  }

  setNoDelay(enable: boolean = true): this {
    const wanted = Boolean(enable)
    if (wanted !== this.#noDelay) this._handle?.setNoDelay(wanted)
    this.#noDelay = wanted
    return this
  }

  setKeepAlive(enable: boolean = false, initialDelay: number = 0): this {
    const wanted = Boolean(enable)
    const delay = wholeSeconds(initialDelay)
    const changes = wanted !== this.#keepAlive || (wanted && delay !== this.#keepAliveDelay)
    if (changes) this._handle?.setKeepAlive(wanted, delay)
    this.#keepAlive = wanted
    this.#keepAliveDelay = delay
    return this
  }

  address(): SocketName {
    return this._handle?.local ?? {}
  }

  get localAddress(): string | undefined {
    return this.address().address
  }

  get localPort(): number | undefined {
    return this.address().port
  }

  get localFamily(): string | undefined {
    return this.address().family
  }

  get remoteAddress(): string | undefined {
    return this.#peerName.address
  }

  get remotePort(): number | undefined {
    return this.#peerName.port
  }

  get remoteFamily(): string | undefined {
    return this.#peerName.family
  }

  /** Once it was asked for, it stays known when the socket is closed. */
  get #peerName(): SocketName {
    if (this._handle !== null && !this.connecting) this.#peer ??= this._handle.remote
    return this.#peer ?? {}
  }

  get _connecting(): boolean {
    return this.connecting
  }
}
