import { namedSystemError, SocketError } from '../../../core/errors.ts'

/** A system error whose message also says why: drivers know more, or less, than the system's codes do. */
export function explained(code: string, call: string, address: string, why: string, cause?: unknown): SocketError {
  const { errno, message } = namedSystemError(code, call, address)
  const detail = { errno, syscall: call, address }
  return new SocketError(code, `${message}: ${why}`, cause === undefined ? detail : { ...detail, cause })
}
