import { explained, type SocketError } from '../../../core/errors.ts'
import { explainError } from './pdu.ts'

/** The device sent what the specification does not allow: `EPROTO`. */
export function protocolError(what: string, address: string | undefined, cause?: unknown): SocketError {
  return explained('EPROTO', 'sdp', address, what, cause)
}

/** The device answered with an error response: `EREMOTEIO`. */
export function refused(code: number, address: string | undefined): SocketError {
  const number = code.toString(16).padStart(4, '0')
  return explained('EREMOTEIO', 'sdp', address, `the device answered with error 0x${number}: ${explainError(code)}`)
}

/** The device closed the connection before it had answered: `ECONNRESET`. */
export function endedEarly(address: string | undefined): SocketError {
  return explained('ECONNRESET', 'sdp', address, 'the device closed the connection before it had answered')
}

/** The device does not offer the service: `ENOTFOUND`, as `getaddrinfo` has it for a name. */
export function notOffered(why: string, address: string): SocketError {
  return explained('ENOTFOUND', 'sdp', address, why)
}
