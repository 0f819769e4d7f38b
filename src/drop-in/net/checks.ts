import { badPort, invalidType, outOfRange } from './argument-errors.ts'

const INT32_MAX = 2 ** 31 - 1

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value)
}

export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value)
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value)
}

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== 'function') throw invalidType(name, 'of type function', value)
}

/** A whole number from `least` to 2^31 - 1. */
export function checkInt32(value: unknown, name: string, least: number): asserts value is number {
  checkNumber(value, name)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  if (value < least || value > INT32_MAX) throw outOfRange(name, `>= ${least} && <= ${INT32_MAX}`, value)
}

/** A port as a number or in digits: 0 to 65535. */
export function checkPort(value: unknown, name = 'Port'): number {
  const isWord = typeof value === 'string' && value.trim() !== ''
  const port = typeof value === 'number' || isWord ? Number(value) : Number.NaN
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw badPort(name, value)
  return port
}

export function checkSignal(signal: unknown, name: string): asserts signal is AbortSignal {
  if (typeof signal !== 'object' || signal === null || !('aborted' in signal)) {
    throw invalidType(name, 'an instance of AbortSignal', signal)
  }
}

/** Milliseconds of a timer; what is too long for one becomes the longest, with a warning. */
export function checkTimeout(value: unknown): number {
  checkNumber(value, 'msecs')
  if (value < 0 || !Number.isFinite(value)) throw outOfRange('msecs', 'a non-negative finite number', value)
  if (value <= INT32_MAX) return value
  const warning = `${value} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${INT32_MAX}.`
  process.emitWarning(warning, 'TimeoutOverflowWarning')
  return INT32_MAX
}
