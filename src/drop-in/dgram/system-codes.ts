import { SocketError } from '../../core/errors.ts'
import { failure, type SystemCode } from '../errors/failure.ts'

/**
 * The code of what our own engine threw. An address or a value that cannot be is EINVAL, which is what libuv says of it.
 * Throws everything that is no error of a socket.
 */
export function codeOf(error: unknown): SystemCode {
  if (error instanceof TypeError || error instanceof RangeError) return failure('EINVAL')
  if (!(error instanceof SocketError)) throw error
  return error.code === 'ERR_ADDRESS_INVALID' ? failure('EINVAL') : error
}

/** An error in Node's shape, made by `wrap`; one of ours that no system call gave says more by itself. */
export function translated(error: unknown, wrap: (failure: SystemCode) => Error): Error {
  const known = codeOf(error)
  return known.errno === undefined ? (error as Error) : wrap(known)
}
