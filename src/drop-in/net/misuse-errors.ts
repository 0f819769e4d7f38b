import { type CodedError, coded } from '../../core/coded-error.ts'

export function nothingToConnectTo(): CodedError {
  const message = 'The "options" or "port" or "path" argument must be specified'
  return coded(TypeError, 'ERR_MISSING_ARGS', message)
}

export function invalidIP(address: unknown): CodedError {
  return coded(TypeError, 'ERR_INVALID_IP_ADDRESS', `Invalid IP address: ${String(address)}`)
}

export function invalidFamily(family: unknown, host: unknown, port: unknown): CodedError {
  const message = `Invalid address family: ${String(family)} ${String(host)}:${String(port)}`
  return Object.assign(coded(RangeError, 'ERR_INVALID_ADDRESS_FAMILY', message), { host, port })
}

export function invalidHandle(): CodedError {
  return coded(TypeError, 'ERR_INVALID_HANDLE_TYPE', 'This handle type cannot be sent')
}

export function alreadyListening(): CodedError {
  const message = 'Listen method has been called more than once without closing.'
  return coded(Error, 'ERR_SERVER_ALREADY_LISTEN', message)
}

export function notListening(): CodedError {
  return coded(Error, 'ERR_SERVER_NOT_RUNNING', 'Server is not running.')
}

export function closed(): CodedError {
  return coded(Error, 'ERR_SOCKET_CLOSED', 'Socket is closed')
}

export function closedBeforeConnection(): CodedError {
  const message = 'Socket closed before the connection was established'
  return coded(Error, 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION', message)
}

export function connectionTimeout(): CodedError {
  return coded(Error, 'ERR_SOCKET_CONNECTION_TIMEOUT', 'Socket connection timeout')
}

/** For a write after the peer's end, where that ended ours. Node does not repeat this code. */
export function endedByPeer(): CodedError {
  return Object.assign(new Error('This socket has been ended by the other party'), { code: 'EPIPE' })
}
