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
