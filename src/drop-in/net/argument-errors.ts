import { inspect } from 'node:util'
import { received } from '../errors/received.ts'

/** Characters of a value in a message. */
const MOST = 128

type Coded<E extends Error> = E & { code: string }

/** Errors of the same class, code and wording as Node's own, for what is wrong with arguments and with the order of calls. */
function coded<E extends Error>(error: E, code: string): Coded<E> {
  return Object.assign(error, { code })
}

/** `mustBe`: such as `of type number`. */
export function invalidType(name: string, mustBe: string, actual: unknown): Coded<TypeError> {
  const message = `The "${name}" ${noun(name)} must be ${mustBe}. Received ${received(actual)}`
  return coded(new TypeError(message), 'ERR_INVALID_ARG_TYPE')
}

export function invalidValue(name: string, value: unknown, reason = 'is invalid'): Coded<TypeError> {
  const message = `The ${noun(name)} '${name}' ${reason}. Received ${cut(inspect(value))}`
  return coded(new TypeError(message), 'ERR_INVALID_ARG_VALUE')
}

export function outOfRange(name: string, range: string, value: unknown): Coded<RangeError> {
  const shown = typeof value === 'number' && Number.isInteger(value) ? grouped(value) : inspect(value)
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`
  return coded(new RangeError(message), 'ERR_OUT_OF_RANGE')
}

export function badPort(name: string, port: unknown): Coded<RangeError> {
  const message = `${name} should be >= 0 and < 65536. Received ${received(port)}.`
  return coded(new RangeError(message), 'ERR_SOCKET_BAD_PORT')
}

export function nothingToConnectTo(): Coded<TypeError> {
  const message = 'The "options" or "port" or "path" argument must be specified'
  return coded(new TypeError(message), 'ERR_MISSING_ARGS')
}

export function invalidIP(address: unknown): Coded<TypeError> {
  return coded(new TypeError(`Invalid IP address: ${String(address)}`), 'ERR_INVALID_IP_ADDRESS')
}

export function invalidFamily(family: unknown, host: unknown, port: unknown): Coded<RangeError> {
  const message = `Invalid address family: ${String(family)} ${String(host)}:${String(port)}`
  return Object.assign(coded(new RangeError(message), 'ERR_INVALID_ADDRESS_FAMILY'), { host, port })
}

export function invalidDescriptor(type: string): Coded<TypeError> {
  return coded(new TypeError(`Unsupported fd type: ${type}`), 'ERR_INVALID_FD_TYPE')
}

export function invalidHandle(): Coded<TypeError> {
  return coded(new TypeError('This handle type cannot be sent'), 'ERR_INVALID_HANDLE_TYPE')
}

export function alreadyListening(): Coded<Error> {
  return coded(new Error('Listen method has been called more than once without closing.'), 'ERR_SERVER_ALREADY_LISTEN')
}

export function notListening(): Coded<Error> {
  return coded(new Error('Server is not running.'), 'ERR_SERVER_NOT_RUNNING')
}

export function closed(): Coded<Error> {
  return coded(new Error('Socket is closed'), 'ERR_SOCKET_CLOSED')
}

export function closedBeforeConnection(): Coded<Error> {
  const message = 'Socket closed before the connection was established'
  return coded(new Error(message), 'ERR_SOCKET_CLOSED_BEFORE_CONNECTION')
}

export function connectionTimeout(): Coded<Error> {
  return coded(new Error('Socket connection timeout'), 'ERR_SOCKET_CONNECTION_TIMEOUT')
}

/** For a write after the peer's end, where that ended ours. */
export function endedByPeer(): Coded<Error> {
  return coded(new Error('This socket has been ended by the other party'), 'EPIPE')
}

function noun(name: string): string {
  return name.includes('.') ? 'property' : 'argument'
}

function cut(text: string): string {
  return text.length > MOST ? `${text.slice(0, MOST)}...` : text
}

/** 4294967297 as `4_294_967_297`, as Node writes it from there on. */
function grouped(value: number): string {
  const text = String(value)
  return Math.abs(value) > 2 ** 32 ? text.replace(/\B(?=(\d{3})+$)/g, '_') : text
}
