import { coded } from './coded-error.ts'

/** An argument of the wrong type. The code is Node's, the message ours. */
export function wrongType(message: string): Error {
  return coded(TypeError, 'ERR_INVALID_ARG_TYPE', message)
}

/** An argument of the right type with a value that is not allowed. */
export function wrongValue(message: string): Error {
  return coded(TypeError, 'ERR_INVALID_ARG_VALUE', message)
}

/** A number that is out of range, or an argument that is no number. */
export function wrongNumber(value: unknown, message: string): Error {
  return typeof value === 'number' ? coded(RangeError, 'ERR_OUT_OF_RANGE', message) : wrongType(message)
}
