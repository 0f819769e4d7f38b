import type { LookupAddress } from 'node:dns'
import { fromNodeError, namedSystemError } from '../../core/errors.ts'

/**
 * The addresses of a name, by getaddrinfo(3), in the order in which to try them. Rejects with the resolver's code
 * (`ENOTFOUND`, `EAI_AGAIN`), or with the signal's reason; getaddrinfo itself cannot be interrupted and ends unheard.
 */
export function lookupHost(name: string, address: string, signal: AbortSignal | undefined): Promise<string[]> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => reject(signal?.reason)
    signal?.addEventListener('abort', onAbort, { once: true })
    // Loaded with the first name: most programs that import the package never look one up.
    const { lookup } = process.getBuiltinModule('node:dns')
    lookup(name, { all: true, verbatim: true }, (error, found) => {
      signal?.removeEventListener('abort', onAbort)
      if (error !== null) reject(fromNodeError(error, 'getaddrinfo', address))
      else if (found.length === 0) reject(namedSystemError('ENOTFOUND', 'getaddrinfo', address))
      else resolve(interleave(found))
    })
  })
}

/**
 * RFC 8305 section 4: the resolver's order within each family, the families in turn, beginning with its first choice.
 */
export function interleave(found: readonly LookupAddress[]): string[] {
  const first = found.filter((one) => one.family === found[0]?.family)
  const second = found.filter((one) => one.family !== found[0]?.family)
  const order: string[] = []
  for (let at = 0; at < Math.max(first.length, second.length); at++) {
    for (const one of [first[at], second[at]]) if (one !== undefined) order.push(one.address)
  }
  return order
}
