import { expect } from 'vitest'
import type { SocketError } from '../../src/index.ts'

/** What the call throws. The caller knows that it throws, and looks at code and message. */
export function errorOf(work: () => unknown): SocketError {
  try {
    work()
  } catch (error) {
    return error as SocketError
  }
  throw new Error('it did not throw')
}

/** Misuse as Node's own modules report it: by the class and the code. For matchers: `expect(work).toThrow(...)`. */
export const wrongType: unknown = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' })
export const wrongValue: unknown = expect.objectContaining({ name: 'TypeError', code: 'ERR_INVALID_ARG_VALUE' })
export const outOfRange: unknown = expect.objectContaining({ name: 'RangeError', code: 'ERR_OUT_OF_RANGE' })

/** Any of these. */
export const misuse: unknown = expect.objectContaining({
  code: expect.stringMatching(/^ERR_(INVALID_ARG_TYPE|INVALID_ARG_VALUE|OUT_OF_RANGE)$/),
})

/** What a value is refused with where a number of some range is wanted. */
export const wrongNumber = (value: unknown): unknown => (typeof value === 'number' ? outOfRange : wrongType)
