import { getSystemErrorMap } from 'node:util'
import { SocketError } from '../../core/errors.ts'
import { type Failure, failure } from '../errors/failure.ts'
import { callFailed, type PlacedError, place } from '../errors/system-error.ts'

/** Libuv's own error for an argument that no system call would take. */
const INVALID: Failure = failure('EINVAL')

/** unix(7): bytes of a path. */
const LONGEST_PATH = 108

/**
 * The system's error in one of the engine's. An address that a family refuses without asking the system is one that Node
 * would have the system refuse.
 */
export function failureIn(error: Error): Failure {
  if (error instanceof SocketError && error.code === 'ERR_ACCESS_DENIED')
    return { ...failure('EACCES'), code: error.code }
  const system = error instanceof SocketError && error.code === 'ERR_FAMILY_UNAVAILABLE' ? error.cause : error
  return system instanceof SocketError && system.errno !== undefined
    ? { code: system.code, errno: system.errno }
    : INVALID
}

/** The same for a Unix socket's path. As libuv: a directory that is not there is EACCES for a server, as on Windows. */
export function pipeFailure(error: Error, path: string, call: 'bind' | 'connect'): Failure {
  const known = failureIn(error)
  if (known === INVALID && Buffer.byteLength(path) > LONGEST_PATH) return failure('ENAMETOOLONG')
  return call === 'bind' && known.code === 'ENOENT' ? failure('EACCES') : known
}

/** An error of an open stream, as Node reports it; one that is not the system's stays as it is. */
export function streamError(error: Error, syscall: string): Error {
  if (!(error instanceof SocketError) || error.errno === undefined) return error
  return callFailed({ code: error.code, errno: error.errno }, error.syscall ?? syscall)
}

/** `listen EADDRINUSE: address already in use :::80` */
export function listenError(
  { code, errno }: Failure,
  address: string | null | undefined,
  port: number | null | undefined,
): PlacedError {
  const meaning = getSystemErrorMap().get(errno)?.[1] ?? 'unknown error'
  const message = `listen ${code}: ${meaning}${place(address, port)}`
  const error: PlacedError = Object.assign(new Error(message), { code, errno, syscall: 'listen', address })
  if (port) error.port = port
  return error
}

/** All the addresses of a name failed. */
export function allFailed(errors: readonly Error[]): AggregateError {
  const { code } = (errors[0] ?? {}) as NodeJS.ErrnoException
  return Object.assign(new AggregateError(errors), { code })
}
