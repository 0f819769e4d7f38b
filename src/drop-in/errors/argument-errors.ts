import { inspect } from 'node:util'
import { type CodedError, coded } from '../../core/coded-error.ts'
import { received } from './received.ts'

/** Characters of a value in a message. */
const MOST = 128

/** `mustBe`: such as `of type number`. */
export function invalidType(name: string, mustBe: string, actual: unknown): CodedError {
  const message = `The "${name}" ${noun(name)} must be ${mustBe}. Received ${received(actual)}`
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', message)
}

export function invalidValue(name: string, value: unknown, reason = 'is invalid'): CodedError {
  const message = `The ${noun(name)} '${name}' ${reason}. Received ${cut(inspect(value))}`
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', message)
}

export function outOfRange(name: string, range: string, value: unknown): CodedError {
  const shown = typeof value === 'number' && Number.isInteger(value) ? grouped(value) : inspect(value)
  const message = `The value of "${name}" is out of range. It must be ${range}. Received ${shown}`
  return coded(RangeError, 'ERR_OUT_OF_RANGE', message)
}

export function badPort(name: string, lowest: '> 0' | '>= 0', port: unknown): CodedError {
  const message = `${name} should be ${lowest} and < 65536. Received ${received(port)}.`
  return coded(RangeError, 'ERR_SOCKET_BAD_PORT', message)
}

export function invalidDescriptor(type: string): CodedError {
  return coded(TypeError, 'ERR_INVALID_FD_TYPE', `Unsupported fd type: ${type}`)
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
