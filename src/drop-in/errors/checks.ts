import { badPort, invalidType, outOfRange } from './argument-errors.ts'

const INT32_MAX = 2 ** 31 - 1
const UINT32_MAX = 2 ** 32 - 1

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== 'number') throw invalidType(name, 'of type number', value)
}

export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw invalidType(name, 'of type string', value)
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== 'boolean') throw invalidType(name, 'of type boolean', value)
}

// biome-ignore lint/complexity/noBannedTypes: any function will do
export function checkFunction(value: unknown, name: string): asserts value is Function {
  if (typeof value !== 'function') throw invalidType(name, 'of type function', value)
}

/** A whole number from `least` to 2^31 - 1. */
export function checkInt32(value: unknown, name: string, least: number): asserts value is number {
  checkWhole(value, name, least, INT32_MAX)
}

export function checkUint32(value: unknown, name: string): asserts value is number {
  checkWhole(value, name, 0, UINT32_MAX)
}

function checkWhole(value: unknown, name: string, least: number, most: number): asserts value is number {
  checkNumber(value, name)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  if (value < least || value > most) throw outOfRange(name, `>= ${least} && <= ${most}`, value)
}

/** A port as a number or in digits, as in `process.env.PORT`: to 65535. */
export function checkPort(value: unknown, name: string, lowest: '> 0' | '>= 0'): number {
  const isNumeric = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')
  const port = isNumeric ? Number(value) : Number.NaN
  const isPort = Number.isInteger(port) && port <= 65_535 && port >= (lowest === '> 0' ? 1 : 0)
  if (!isPort) throw badPort(name, lowest, value)
  return port
}

export function checkSignal(signal: unknown, name: string): asserts signal is AbortSignal {
  if (typeof signal !== 'object' || signal === null || !('aborted' in signal)) {
    throw invalidType(name, 'an instance of AbortSignal', signal)
  }
}
