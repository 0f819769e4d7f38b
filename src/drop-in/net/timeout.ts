import { outOfRange } from '../errors/argument-errors.ts'
import { checkNumber } from '../errors/checks.ts'

/** Of a timer. */
const LONGEST = 2 ** 31 - 1

/** Milliseconds of a timer; what is too long for one becomes the longest, with a warning. */
export function checkTimeout(value: unknown): number {
  checkNumber(value, 'msecs')
  if (value < 0 || !Number.isFinite(value)) throw outOfRange('msecs', 'a non-negative finite number', value)
  if (value <= LONGEST) return value
  const warning = `${value} does not fit into a 32-bit signed integer.\nTimer duration was truncated to ${LONGEST}.`
  process.emitWarning(warning, 'TimeoutOverflowWarning')
  return LONGEST
}
