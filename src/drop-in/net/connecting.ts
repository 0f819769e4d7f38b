import { isIP } from 'node:net'
import type { Resolved } from '../../core/registry.ts'
import { clearTimeout, setTimeout } from '../../core/timers.ts'
import { type BlockList, refusal } from '../block-list.ts'
import { type Failure, failure } from '../errors/failure.ts'
import { placedError } from '../errors/system-error.ts'
import { pipeAddress, pipeFamily, tcpAddress, tcpFamily, type Wording } from './addresses.ts'
import type { From, HostRequest } from './connect-options.ts'
import { type IPAddress, lookupHost } from './lookup.ts'
import { connectionTimeout } from './misuse-errors.ts'
import type { SocketHandle, Target } from './socket-handle.ts'
import { allFailed, failureIn, pipeFailure } from './system-errors.ts'

/** What connecting needs of its socket. */
export interface ConnectingSocket {
  /** False once it is connected or destroyed. */
  readonly connecting: boolean
  readonly _handle: SocketHandle | null
  autoSelectFamilyAttemptedAddresses?: string[]
  readonly blockList?: BlockList
  emit(event: string, ...values: unknown[]): boolean
  destroy(error: Error): unknown
  /** Puts a new handle in the place of the one before, which is closed. */
  _renew(wording: Wording): void
  _touch(): void
  _connected(): void
}

/** One address to connect to, and how Node speaks of it. */
interface Attempt {
  readonly target: Target
  readonly words: readonly [address: string, port: number | undefined, family: number | undefined]
  readonly from?: { readonly address: string; readonly port: number } | undefined
}

export function connectToPath(socket: ConnectingSocket, path: string): void {
  const target = { family: pipeFamily, address: pipeAddress(path) }
  connectOnce(socket, { target, words: [path, undefined, undefined] })
}

export function connectToAddress(socket: ConnectingSocket, { family, address }: Resolved): void {
  connectOnce(socket, { target: { family, address }, words: [family.format(address), undefined, undefined] })
}

export function connectToHost(socket: ConnectingSocket, request: HostRequest): void {
  const family = isIP(request.host)
  if (family !== 0) {
    process.nextTick(() => {
      if (socket.connecting) connectOnce(socket, hostAttempt({ address: request.host, family }, request, request))
    })
    return
  }
  lookupHost(socket, request, (error, addresses) => {
    const [first] = addresses
    if (error !== null || first === undefined) {
      // The listeners of a socket that `connect` has only just made are not there yet.
      if (error !== null) process.nextTick(() => socket.destroy(error))
      return
    }
    socket._touch()
    if (addresses.length === 1) connectOnce(socket, hostAttempt(first, request, request))
    else new Attempts(socket, addresses, request).next()
  })
}

function hostAttempt(
  { address, family }: IPAddress,
  { port }: HostRequest,
  { localAddress, localPort }: From,
): Attempt {
  const words = [address, port, family] as const
  const target: Target = { family: tcpFamily, address: tcpAddress(address, port) }
  if (!localAddress && !localPort) return { target, words }
  const from = { address: localAddress || (family === 4 ? '0.0.0.0' : '::'), port: localPort || 0 }
  const local = tcpAddress(from.address, from.port)
  // As libuv: else a port of ours could not be used again while its last connection is in TIME_WAIT.
  return { target: { ...target, local, options: { reuseAddress: true } }, words, from }
}

function connectOnce(socket: ConnectingSocket, attempt: Attempt): void {
  const refused = refusalOf(socket, attempt)
  if (refused !== undefined) {
    socket.emit('connectionAttempt', ...attempt.words)
    socket.destroy(refused)
    return
  }
  begin(socket, attempt, (error) => {
    if (error === null) {
      socket._connected()
      return
    }
    if (isConnectError(error)) socket.emit('connectionAttemptFailed', ...attempt.words, error)
    socket.destroy(error)
  })
}

/** The error of the socket's block list. A path is in none, also where it looks like an address. */
function refusalOf({ blockList }: ConnectingSocket, { words: [address, , family] }: Attempt): Error | undefined {
  return family === undefined ? undefined : refusal(blockList, address)
}

function begin(socket: ConnectingSocket, attempt: Attempt, done: (error: Error | null) => void): void {
  socket.emit('connectionAttempt', ...attempt.words)
  socket._handle?.connect(attempt.target, (error) => done(error === null ? null : describe(error, attempt)))
}

/** Binding to an address of our own can fail as well. */
function isConnectError(error: Error): boolean {
  return (error as NodeJS.ErrnoException).syscall !== 'bind'
}

function describe(error: Error, { words: [address, port], target, from }: Attempt): Error {
  const { syscall } = error as NodeJS.ErrnoException
  const isOurs = target.family !== tcpFamily && target.family !== pipeFamily
  const known = target.family === pipeFamily ? pipeFailure(error, address, 'connect') : hostFailure(error, port)
  if (isOurs && known.code !== (error as NodeJS.ErrnoException).code) return error
  if (syscall === 'bind' && from !== undefined) return placedError(known, 'bind', from.address, from.port)
  return placedError(known, 'connect', address, port, from?.port ? from : undefined)
}

/** Our family refuses port 0 by itself. The system would, with another code. */
function hostFailure(error: Error, port: number | undefined): Failure {
  return port === 0 ? failure('ECONNREFUSED') : failureIn(error)
}

/** The addresses of one name, one after the other: the next when one has failed, or takes too long and is given up. */
class Attempts {
  readonly #socket: ConnectingSocket
  readonly #addresses: readonly IPAddress[]
  readonly #request: HostRequest
  readonly #errors: Error[] = []
  #tried = 0

  constructor(socket: ConnectingSocket, addresses: readonly IPAddress[], request: HostRequest) {
    this.#socket = socket
    this.#addresses = addresses
    this.#request = request
    socket.autoSelectFamilyAttemptedAddresses = []
  }

  next(): void {
    const socket = this.#socket
    if (!socket.connecting) return
    const address = this.#addresses[this.#tried]
    if (address === undefined) {
      socket.destroy(this.#errors.length === 0 ? connectionTimeout() : allFailed(this.#errors))
      return
    }
    if (this.#tried++ > 0) socket._renew('tcp')
    const { port, localPort } = this.#request
    const attempt = hostAttempt(address, this.#request, { localAddress: undefined, localPort })
    const refused = refusalOf(socket, attempt)
    if (refused !== undefined) {
      this.#failed(refused, attempt)
      return
    }
    socket.autoSelectFamilyAttemptedAddresses?.push(`${address.address}:${port}`)
    const isLast = this.#tried === this.#addresses.length
    const timer = isLast ? undefined : setTimeout(() => this.#expired(attempt), this.#request.attemptTimeout)
    begin(socket, attempt, (error) => {
      clearTimeout(timer)
      if (error === null) socket._connected()
      else this.#failed(error, attempt)
    })
  }

  #failed(error: Error, { words }: Attempt): void {
    this.#errors.push(error)
    if (isConnectError(error)) this.#socket.emit('connectionAttemptFailed', ...words, error)
    this.next()
  }

  #expired(attempt: Attempt): void {
    if (!this.#socket.connecting) return
    const [address, port] = attempt.words
    this.#socket.emit('connectionAttemptTimeout', ...attempt.words)
    this.#errors.push(placedError(failure('ETIMEDOUT'), 'connect', address, port))
    this.next()
  }
}
