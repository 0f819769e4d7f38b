import { coded } from './coded-error.ts'

/** An argument of the wrong type, in our words and with Node's code. */
export function wrongType(message: string): Error {
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', message)
}

/** An argument of the right type that cannot be what it says. */
export function wrongValue(message: string): Error {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', message)
}

/** A number that is not one of those allowed, or no number at all. */
export function wrongNumber(value: unknown, message: string): Error {
  return typeof value === 'number' ? coded(RangeError, 'ERR_OUT_OF_RANGE', message) : wrongType(message)
}
