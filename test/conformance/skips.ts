import type { ConformanceCase } from '../../src/conformance/index.ts'

/** The case, skipped for a reason that nothing can be done about. */
export function skipped(one: ConformanceCase, reason: string): ConformanceCase {
  return { ...one, skip: { reason, remedy: 'none' } }
}

/** Cases that open a second connection to a listener while there is one. */
const SEVERAL = [
  'addresses: an open address can be reached by its text, and by a copy of itself',
  'handles: a listener handle is quiet until resume, and pause within onAccept takes effect at once',
  'listeners: accept gives connections one by one, also those that came before it was called',
  'listeners: iteration yields connections, and ends without an error when the listener is closed',
  'listeners: maxConnections: one more is closed and told of, and there is room again when one closes',
  'cancellation: an abort at any moment of connect gives an AbortError or an endpoint that works',
  'cancellation: a signal that fires after success changes nothing, nor does a timeout that was not reached',
]

/**
 * The cases of a scheme that has one connection at a time between two devices: those that open several are skipped. `reason`
 * says why there is one. Throws where one of those cases is not of the suite any more.
 */
export function withOneConnection(
  scheme: string,
  reason: string,
  cases: readonly ConformanceCase[],
): ConformanceCase[] {
  const several = new Set(SEVERAL.map((name) => `${scheme}: ${name}`))
  const changed = cases.map((one) =>
    several.delete(one.name) ? skipped(one, `${reason}, and the case opens several`) : one,
  )
  if (several.size > 0) throw new Error(`no such cases: ${[...several].join('; ')}`)
  return changed
}
