import type { ConformanceCase } from '../../src/conformance/index.ts'

/** Cases that open a second connection to a listener while there is one: BLE has one link between two devices. */
const SEVERAL = [
  'addresses: an open address can be reached by its text, and by a copy of itself',
  'handles: a listener handle is quiet until resume, and pause within onAccept takes effect at once',
  'listeners: accept gives connections one by one, also those that came before it was called',
  'listeners: iteration yields connections, and ends without an error when the listener is closed',
  'listeners: maxConnections: one more is closed and told of, and there is room again when one closes',
  'cancellation: an abort at any moment of connect gives an AbortError or an endpoint that works',
  'cancellation: a signal that fires after success changes nothing, nor does a timeout that was not reached',
].map((name) => `ble: ${name}`)

/** The case, with the reason where it cannot be held over BLE. */
export function overBle(one: ConformanceCase): ConformanceCase {
  if (!SEVERAL.includes(one.name)) return one
  const reason = 'there is one connection between two devices, and the case opens several'
  return { ...one, skip: { reason, remedy: 'none' } }
}

/** Fails where a case of the list is not of the suite any more. */
export function checkNames(cases: readonly ConformanceCase[]): void {
  const names = new Set(cases.map(({ name }) => name))
  const gone = SEVERAL.filter((name) => !names.has(name))
  if (gone.length > 0) throw new Error(`no such cases: ${gone.join('; ')}`)
}
