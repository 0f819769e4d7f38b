import { coded } from '../core/coded-error.ts'
import type { SocketError } from '../core/errors.ts'

/** What a wildcard meets on a machine without the first of its families; the next one may do. */
const MACHINE_LACKS_IT = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'ERR_FAMILY_UNAVAILABLE'])

/** The first candidate that works; the next is tried only where the machine lacks what the one before needs. */
export async function firstPossible<A, T>(candidates: readonly A[], attempt: (candidate: A) => Promise<T>): Promise<T> {
  for (const [index, candidate] of candidates.entries()) {
    try {
      return await attempt(candidate)
    } catch (error) {
      const isLast = index === candidates.length - 1
      if (isLast || !MACHINE_LACKS_IT.has((error as SocketError).code)) throw error
    }
  }
  throw coded(TypeError, 'ERR_INVALID_RETURN_VALUE', 'the family resolved an address to none')
}
