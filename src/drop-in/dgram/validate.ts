import { badPort, invalidArgument, outOfRange } from './node-errors.ts'

export const BYTES_OR_TEXT = 'of type string or an instance of Buffer, TypedArray, or DataView'

export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== 'string') throw invalidArgument(name, 'of type string', value)
}

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== 'number') throw invalidArgument(name, 'of type number', value)
}

// biome-ignore lint/complexity/noBannedTypes: any function will do
export function checkFunction(value: unknown, name: string): asserts value is Function {
  if (typeof value !== 'function') throw invalidArgument(name, 'of type function', value)
}

export function checkUint32(value: unknown, name: string): asserts value is number {
  checkNumber(value, name)
  if (!Number.isInteger(value)) throw outOfRange(name, 'an integer', value)
  if (value < 0 || value >= 2 ** 32) throw outOfRange(name, '>= 0 && <= 4294967295', value)
}

export function checkSignal(value: unknown, name: string): asserts value is AbortSignal {
  const isSignal = typeof value === 'object' && value !== null && 'aborted' in value
  if (!isSignal) throw invalidArgument(name, 'an instance of AbortSignal', value)
}

/** A number, or a text of one, as in `process.env.PORT`. */
export function checkPort(value: unknown, name: string, lowest: '> 0' | '>= 0'): number {
  const isNumeric = typeof value === 'number' || (typeof value === 'string' && value.trim() !== '')
  const port = isNumeric ? Number(value) : Number.NaN
  const isPort = Number.isInteger(port) && port <= 65_535 && port >= (lowest === '> 0' ? 1 : 0)
  if (!isPort) throw badPort(name, lowest, value)
  return port
}
