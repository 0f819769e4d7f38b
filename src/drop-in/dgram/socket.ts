import { EventEmitter, errorMonitor } from 'node:events'
import type { AddressInput } from '../../core/address.ts'
import { coded } from '../../core/coded-error.ts'
import { isBlocked } from '../block-list.ts'
import { tell, udpSockets } from '../diagnostics.ts'
import { checkNumber, checkString } from '../errors/checks.ts'
import { failure } from '../errors/failure.ts'
import { callFailed } from '../errors/system-error.ts'
import { readBind } from './bind-arguments.ts'
import { afterBind } from './bind-queue.ts'
import { startBind } from './binding.ts'
import { getBufferSize, setBufferSize } from './buffers.ts'
import { startConnect } from './connecting.ts'
import { readCreateOptions, type SocketOptions, type SocketType } from './create-options.ts'
import { addDeprecated } from './deprecated.ts'
import { membership, multicastInterface, sourceMembership } from './groups.ts'
import { SocketHandle } from './handle.ts'
import type { Described } from './kind.ts'
import type { NodeUdpHandle } from './node-handle.ts'
import { readSend, type SendArguments, type SendCallback } from './send-arguments.ts'
import { startSend } from './sending.ts'
import { requireGroup, setHops, setMembership, setOption } from './socket-options.ts'
import { BINDING, BOUND, CONNECTED, CONNECTING, DISCONNECTED, openHandle, setState, stateOf, UNBOUND } from './state.ts'
import { translated } from './system-codes.ts'

/** The event by which a bind learns that it failed. Since Node 24 its callback does not count as a listener for 'error'. */
const BIND_FAILURE = (Number.parseInt(process.versions.node, 10) >= 24 ? errorMonitor : 'error') as 'error'

/** What a message is of. */
export type MessageData = string | NodeJS.ArrayBufferView | readonly (string | NodeJS.ArrayBufferView)[]

/** Our own or a peer's address. Of a scheme of ours, `address` is the whole of it as text, and `port` is 0. */
export interface AddressInfo {
  address: string
  /** `'IPv4'`, `'IPv6'`, or the scheme. */
  family: string
  port: number
}

/** Who sent a message. */
export interface RemoteInfo {
  /** Of a scheme of ours: the address as text, or `''` where the sender has none. */
  address: string
  /** `'IPv4'`, `'IPv6'`, or the scheme. */
  family: 'IPv4' | 'IPv6'
  /** 0 for a scheme of ours. */
  port: number
  /** Bytes of the message. */
  size: number
}

export interface BindOptions {
  port?: number | undefined
  address?: string | undefined
  /** Whether a worker of node:cluster has the socket for itself. Default false. */
  exclusive?: boolean | undefined
  /** An open socket to take over, in place of all the others. */
  fd?: number | undefined
}

export type MessageListener = (message: Buffer, from: RemoteInfo) => void

interface SocketEvents {
  close: []
  connect: []
  error: [error: Error]
  listening: []
  message: [message: Buffer, from: RemoteInfo]
}

/** A socket of `node:dgram`'s shape over our own engine. */
export class Socket extends EventEmitter<SocketEvents> {
  readonly type: string

  constructor(options: SocketType | SocketOptions, listener?: MessageListener) {
    super()
    const { kind, signal, receiveBlockList, ...opening } = readCreateOptions(options)
    this.type = kind.type
    if (typeof listener === 'function') this.on('message', listener)
    const handle = new SocketHandle(kind, opening, {
      onMessage: (data, from) => {
        if (!isBlocked(receiveBlockList, from.address)) this.emit('message', data, remoteInfo(from, data.length))
      },
      onError: (failure) => this.emit('error', callFailed(failure, 'recvmsg')),
      onTakenAway: () => {
        if (stateOf(this).handle !== null) this.close()
      },
    })
    setState(this, {
      kind,
      handle,
      receiving: false,
      bindState: UNBOUND,
      connectState: DISCONNECTED,
      queue: undefined,
      ...opening,
    })
    if (signal !== undefined) this.#closeOn(signal)
    tell(udpSockets, () => ({ socket: this }))
  }

  #closeOn(signal: AbortSignal): void {
    const onAbort = (): void => {
      if (stateOf(this).handle !== null) this.close()
    }
    if (signal.aborted) {
      onAbort()
    } else {
      signal.addEventListener('abort', onAbort, { once: true })
      this.once('close', () => signal.removeEventListener('abort', onAbort))
    }
  }

  /**
   * Binds, and then receives. Without an address: to all of this machine's; without a port: to a free one. Emits 'listening',
   * or 'error' with the system's code. A socket of a scheme takes an address of it, `'unixgram:/run/x'`.
   */
  bind(port?: number, address?: string, callback?: () => void): this
  bind(port?: number, callback?: () => void): this
  bind(callback?: () => void): this
  bind(options: BindOptions, callback?: () => void): this
  bind(address: AddressInput | NodeUdpHandle, callback?: () => void): this
  bind(...args: unknown[]): this {
    openHandle(this)
    const state = stateOf(this)
    if (state.bindState !== UNBOUND) throw coded(Error, 'ERR_SOCKET_ALREADY_BOUND', 'Socket is already bound')
    const request = readBind(state.kind, args[0], args[1])
    state.bindState = BINDING
    const callback = args.at(-1)
    if (typeof callback === 'function') this.#onceBound(callback as () => void)
    try {
      startBind(this, request)
    } catch (error) {
      // Only if it was the bind that threw, not a listener of what came of it.
      if (state.bindState === BINDING) state.bindState = UNBOUND
      throw error
    }
    return this
  }

  /** A bind that failed does not call back, and the next one has a callback of its own. */
  #onceBound(callback: () => void): void {
    const forget = (): void => {
      this.removeListener(BIND_FAILURE, forget)
      this.removeListener('listening', onListening)
    }
    const onListening = (): void => {
      forget()
      callback.call(this)
    }
    this.on(BIND_FAILURE, forget)
    this.on('listening', onListening)
  }

  /**
   * From now on messages go to this peer and come from it alone. Emits 'connect'; what goes wrong is given to the callback,
   * and emitted where there is none.
   */
  connect(port: number, address?: string, callback?: (error?: Error) => void): void
  connect(port: number, callback: (error?: Error) => void): void
  connect(address: AddressInput, callback?: (error?: Error) => void): void
  connect(port: unknown, address?: unknown, callback?: unknown): void {
    const [host, done] = typeof address === 'function' ? ['', address] : [address, callback]
    const state = stateOf(this)
    // Unlike `send`, which takes null for an address that is not given.
    if (host === null) checkString(host, 'address')
    const place = state.kind.peerPlace(port, host)
    if (state.connectState !== DISCONNECTED) throw alreadyConnected()
    openHandle(this)
    state.connectState = CONNECTING
    this.#whenBound(() => startConnect(this, place, done as () => void))
  }

  /** Now, or once the bind is done that is under way, or that this starts: to an address that the system chooses. */
  #whenBound(task: () => void): void {
    if (stateOf(this).bindState === UNBOUND) this.bind({ port: 0, exclusive: true })
    if (stateOf(this).bindState === BOUND) task()
    else afterBind(this, task)
  }

  /** Undoes `connect`. */
  disconnect(): void {
    const state = stateOf(this)
    if (state.connectState !== CONNECTED) throw notConnected()
    setPeerless(openHandle(this))
    state.connectState = DISCONNECTED
  }

  /**
   * Sends a message, given whole or in parts. `offset` and `length` choose a part of it. The callback gets null and the
   * number of bytes once the system has the message, or what went wrong; without one, only a name that is not found is
   * reported, by 'error'. A socket that is not bound is bound first.
   */
  send(data: MessageData, port?: number, address?: string, callback?: SendCallback): void
  send(data: MessageData, port?: number, callback?: SendCallback): void
  send(data: MessageData, callback?: SendCallback): void
  send(data: MessageData, to: AddressInput, callback?: SendCallback): void
  send(
    data: string | NodeJS.ArrayBufferView,
    offset: number,
    length: number,
    port?: number,
    address?: string,
    callback?: SendCallback,
  ): void
  send(
    data: string | NodeJS.ArrayBufferView,
    offset: number,
    length: number,
    port?: number,
    callback?: SendCallback,
  ): void
  send(data: string | NodeJS.ArrayBufferView, offset: number, length: number, callback?: SendCallback): void
  send(data: unknown, ...rest: unknown[]): void {
    const { kind, connectState } = stateOf(this)
    const sending = readSend(kind, connectState === CONNECTED, data, rest as unknown as SendArguments)
    openHandle(this)
    this.#whenBound(() => startSend(this, sending))
  }

  /** `send` with all its arguments checked. */
  sendto(
    data: string | NodeJS.ArrayBufferView,
    offset: number,
    length: number,
    port: number,
    address: string,
    callback?: SendCallback,
  ): void {
    checkNumber(offset, 'offset')
    checkNumber(length, 'length')
    checkNumber(port, 'port')
    checkString(address, 'address')
    this.send(data, offset, length, port, address, callback)
  }

  /** Closes, after the bind that is under way. Emits 'close'. Throws `ERR_SOCKET_DGRAM_NOT_RUNNING` on a closed socket. */
  close(callback?: () => void): this {
    const state = stateOf(this)
    if (typeof callback === 'function') this.on('close', callback)
    if (state.queue !== undefined) {
      afterBind(this, () => this.close())
      return this
    }
    const handle = openHandle(this)
    state.receiving = false
    state.handle = null
    process.nextTick(() => this.emit('close'))
    handle.close()
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (stateOf(this).handle === null) return
    await new Promise<void>((resolve) => {
      this.close(resolve)
    })
  }

  /** Throws EBADF while the socket has no address. */
  address(): AddressInfo {
    const { local } = openHandle(this)
    if (local === undefined) throw callFailed(failure('EBADF'), 'getsockname')
    return { address: local.address, family: local.family, port: local.port }
  }

  remoteAddress(): AddressInfo {
    const { remote } = openHandle(this)
    if (stateOf(this).connectState !== CONNECTED) throw notConnected()
    if (remote === undefined) throw callFailed(failure('ENOTCONN'), 'getpeername')
    return { address: remote.address, family: remote.family, port: remote.port }
  }

  setBroadcast(flag: boolean): void {
    setOption(this, 'setBroadcast', 'broadcast', () => Boolean(flag))
  }

  setTTL(ttl: number): number {
    checkNumber(ttl, 'ttl')
    return setHops(this, 'setTTL', 'ttl', ttl, 1)
  }

  setMulticastTTL(ttl: number): number {
    checkNumber(ttl, 'ttl')
    return setHops(this, 'setMulticastTTL', 'multicastTtl', ttl, 0)
  }

  /** Returns what it was given. */
  setMulticastLoopback<T>(flag: T): T {
    setOption(this, 'setMulticastLoopback', 'multicastLoopback', () => Boolean(flag))
    return flag
  }

  /** By an IPv4 address that the interface has, or as `::%eth0`. */
  setMulticastInterface(address: string): void {
    openHandle(this)
    checkString(address, 'interfaceAddress')
    setOption(this, 'setMulticastInterface', 'multicastInterface', () => multicastInterface(address))
  }

  addMembership(group: string, interfaceAddress?: string): void {
    requireGroup(this, group)
    setMembership(this, 'addMembership', 'joinGroup', () => membership(group, interfaceAddress))
  }

  dropMembership(group: string, interfaceAddress?: string): void {
    requireGroup(this, group)
    setMembership(this, 'dropMembership', 'leaveGroup', () => membership(group, interfaceAddress))
  }

  addSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    openHandle(this)
    checkString(source, 'sourceAddress')
    checkString(group, 'groupAddress')
    setMembership(this, 'addSourceSpecificMembership', 'joinSourceGroup', () =>
      sourceMembership(source, group, interfaceAddress),
    )
  }

  dropSourceSpecificMembership(source: string, group: string, interfaceAddress?: string): void {
    openHandle(this)
    checkString(source, 'sourceAddress')
    checkString(group, 'groupAddress')
    setMembership(this, 'dropSourceSpecificMembership', 'leaveSourceGroup', () =>
      sourceMembership(source, group, interfaceAddress),
    )
  }

  /** Whether the open socket keeps the process alive; it does until `unref`. */
  ref(): this {
    stateOf(this).handle?.ref()
    return this
  }

  unref(): this {
    stateOf(this).handle?.unref()
    return this
  }

  setRecvBufferSize(size: number): void {
    setBufferSize(this, 'receiveBuffer', size)
  }

  setSendBufferSize(size: number): void {
    setBufferSize(this, 'sendBuffer', size)
  }

  getRecvBufferSize(): number {
    return getBufferSize(this, 'receiveBuffer')
  }

  getSendBufferSize(): number {
    return getBufferSize(this, 'sendBuffer')
  }

  /** Bytes of messages that the system has had no room for yet. */
  getSendQueueSize(): number {
    return openHandle(this).queuedBytes
  }

  /** Messages that the system has had no room for yet. */
  getSendQueueCount(): number {
    return openHandle(this).queuedCount
  }
}

addDeprecated(Socket.prototype)

function setPeerless(handle: SocketHandle): void {
  try {
    handle.disconnect()
  } catch (error) {
    throw translated(error, (failure) => callFailed(failure, 'connect'))
  }
}

/** In the order in which Node lists them. The types have Node's families, which are all that programs look for. */
function remoteInfo({ address, family, port }: Described, size: number): RemoteInfo {
  return { address, family: family as RemoteInfo['family'], port, size }
}

function alreadyConnected(): Error {
  return coded(Error, 'ERR_SOCKET_DGRAM_IS_CONNECTED', 'Already connected')
}

function notConnected(): Error {
  return coded(Error, 'ERR_SOCKET_DGRAM_NOT_CONNECTED', 'Not connected')
}
