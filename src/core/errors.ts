import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { didYouMean } from './did-you-mean.ts'
import type { BatchResult } from './send-batch.ts'

/** The codes that are ours. Every other code is the system's own (`ECONNREFUSED`), as Node reports it. */
export type SocketErrorCode =
  | 'ERR_ADDRESS_INVALID'
  | 'ERR_FAMILY_UNKNOWN'
  | 'ERR_FAMILY_UNAVAILABLE'
  | 'ERR_UNSUPPORTED'
  | 'ERR_OPTION_UNKNOWN'
  | 'ERR_SOCKET_CLOSED'
  | 'ERR_QUEUE_FULL'
  | 'ERR_ACCESS_DENIED'

export interface SocketErrorDetail {
  /** Negative, as in Node's own system errors. */
  readonly errno?: number | undefined
  readonly syscall?: string | undefined
  /** The address in its text form. */
  readonly address?: string | undefined
  readonly cause?: unknown
}

/** Every error that a socket reports. Match on `code`: codes are the contract, messages are not. */
export class SocketError extends Error {
  readonly code: string
  // `declare`: a field that is not set is no property, so that an error is not printed with `address: undefined`.
  declare readonly errno?: number
  declare readonly syscall?: string
  declare readonly address?: string
  /** How often `connect` tried, where it was told to `retry`. */
  declare attempts?: number
  /** With `ERR_ACCESS_DENIED`: the missing permission, as in Node's error. */
  declare permission?: 'Net'
  /** With `ERR_ACCESS_DENIED`: the address, as text. */
  declare resource?: string
  /** What became of the messages of a `sendBatch` whose timeout has passed. Not enumerable, as it names this error again. */
  declare readonly batch?: BatchResult

  constructor(code: SocketErrorCode | (string & {}), message: string, detail: SocketErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'SocketError'
    this.code = code
    if (detail.errno !== undefined) this.errno = detail.errno
    if (detail.syscall !== undefined) this.syscall = detail.syscall
    if (detail.address !== undefined) this.address = detail.address
  }
}

/** Linux's asm-generic/errno.h: too many descriptors in flight, and a radio that is switched off. */
const LINUX_ONLY: readonly (readonly [number, string])[] = [
  [-109, 'ETOOMANYREFS'],
  [-132, 'ERFKILL'],
]

/** libuv names fewer errors than the kernel has; os.constants fills in the most, and Linux's own numbers the last. */
const namesByErrno = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, errno]): [number, string] => [-errno, name]),
  ...[...getSystemErrorMap()].map(([errno, [name]]): [number, string] => [errno, name]),
  ...(process.platform === 'linux' ? LINUX_ONLY : []),
])

const errnosByName = new Map([...namesByErrno].map(([errno, name]) => [name, errno]))

/** The system's error, named as Node names it. `errno` is negative: what a system call returned. */
export function systemError(errno: number, syscall: string, address?: string, cause?: unknown): SocketError {
  const code = namesByErrno.get(errno) ?? `UNKNOWN_${-errno}`
  return failed(code, wordsOf(errno), { errno, syscall, address, cause })
}

/** The same, where the name is known and the number is the platform's. */
export function namedSystemError(code: string, syscall: string, address?: string, cause?: unknown): SocketError {
  const errno = errnosByName.get(code)
  return failed(code, wordsOf(errno), { errno, syscall, address, cause })
}

/** The same with our own words, for a caller that knows why it failed and what helps. */
export function explained(
  code: string,
  syscall: string,
  address: string | undefined,
  why: string,
  cause?: unknown,
): SocketError {
  return failed(code, why, { errno: errnosByName.get(code), syscall, address, cause })
}

/** The error for a datagram that is too long. `address`: its destination. */
export function messageTooLong(length: number, limit: number, address: string | undefined): SocketError {
  return explained('EMSGSIZE', 'send', address, `a message has at most ${limit} bytes here, and this one has ${length}`)
}

/** The error with other words. */
export function because({ code, errno, syscall = '', address, cause }: SocketError, why: string): SocketError {
  return failed(code, why, { errno, syscall, address, cause })
}

/** For an error from Node's own sockets: the same code, errno and call, in our class. */
export function fromNodeError(error: unknown, syscall: string, address?: string): SocketError {
  if (error instanceof SocketError) return error
  const node = error as NodeJS.ErrnoException
  const code = typeof node.code === 'string' ? node.code : 'UNKNOWN'
  const errno = typeof node.errno === 'number' ? node.errno : errnosByName.get(code)
  return failed(code, wordsOf(errno), { errno, syscall: node.syscall ?? syscall, address, cause: error })
}

/** `connect ECONNREFUSED tcp://127.0.0.1:1: connection refused` */
function failed(
  code: string,
  words: string | undefined,
  detail: SocketErrorDetail & { readonly syscall: string },
): SocketError {
  const where = detail.address === undefined ? '' : ` ${detail.address}`
  const why = words === undefined ? '' : `: ${words}`
  return new SocketError(code, `${detail.syscall} ${code}${where}${why}`, detail)
}

/** strerror(3), as libuv has it; `undefined` for what only the kernel names. */
export function wordsOf(errno: number | undefined): string | undefined {
  return errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]
}

/** What an operation rejects with when its `AbortSignal` fires: an `AbortError`, as from Node's own APIs. */
export class AbortError extends Error {
  readonly code = 'ABORT_ERR'
  /** What became of the messages of a `sendBatch` that was aborted. Not enumerable, as it names this error again. */
  declare readonly batch?: BatchResult

  constructor(cause?: unknown) {
    super('The operation was aborted', cause === undefined ? undefined : { cause })
    this.name = 'AbortError'
  }
}

export function socketClosed(operation: string, cause?: Error): SocketError {
  const detail = { syscall: operation }
  const why = cause === undefined ? detail : { ...detail, cause }
  return new SocketError('ERR_SOCKET_CLOSED', `${operation}: the socket is closed`, why)
}

/** The error of Node's permission model for the network. */
export function accessDenied(address: string): SocketError {
  const message = `Access to ${address} has been restricted. Use --allow-net to manage permissions.`
  const error = new SocketError('ERR_ACCESS_DENIED', message, { address })
  error.permission = 'Net'
  error.resource = address
  return error
}

export function unsupported(what: string, why: string): SocketError {
  return new SocketError('ERR_UNSUPPORTED', `${what} is not supported: ${why}`)
}

/** The error for an option that `owner` does not have. */
export function unknownOption(
  owner: string,
  option: string | { readonly level: number; readonly name: number },
  known: readonly string[],
): SocketError {
  const name = typeof option === 'string' ? option : `${option.level}/${option.name}`
  return new SocketError(
    'ERR_OPTION_UNKNOWN',
    `${owner} has no option ${JSON.stringify(name)}${didYouMean(name, known)}`,
  )
}
