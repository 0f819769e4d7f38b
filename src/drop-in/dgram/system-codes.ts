import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'
import { SocketError } from '../../core/errors.ts'

/** The part of an error that comes from the system: negative, as a system call returned it, and its name. */
export interface SystemCode {
  readonly errno?: number | undefined
  readonly code: string
}

/** What libuv says of an address that is none. */
export const EINVAL: SystemCode = { errno: -constants.errno.EINVAL, code: 'EINVAL' }

/** What an operation gets that needs a descriptor, on a socket that has none yet. */
export const EBADF: SystemCode = { errno: -constants.errno.EBADF, code: 'EBADF' }

export const ENOTCONN: SystemCode = { errno: -constants.errno.ENOTCONN, code: 'ENOTCONN' }

/** What happens to messages that wait to be sent when their socket is closed. */
export const ECANCELED: SystemCode = { errno: -constants.errno.ECANCELED, code: 'ECANCELED' }

/**
 * The code of what our own engine threw. An address or a value that cannot be is EINVAL, which is what libuv says of it.
 * Throws everything that is no error of a socket.
 */
export function codeOf(error: unknown): SystemCode {
  if (error instanceof TypeError) return EINVAL
  if (!(error instanceof SocketError)) throw error
  return error.code === 'ERR_ADDRESS_INVALID' ? EINVAL : error
}

/** An error in Node's shape, made by `wrap`; one of ours that no system call gave says more by itself. */
export function translated(error: unknown, wrap: (failure: SystemCode) => Error): Error {
  const failure = codeOf(error)
  return failure.errno === undefined ? (error as Error) : wrap(failure)
}

/** Codes by number, for what Node's own handles report. */
export function codeOfErrno(errno: number): SystemCode {
  return { errno, code: getSystemErrorMap().get(errno)?.[0] ?? `Unknown system error ${errno}` }
}
