import { Malformed } from './bytes.ts'
import type { Element } from './element.ts'

/** A service record: its attributes by their identifiers; Core specification, volume 3, part B, 2.2. */
export type ServiceRecord = ReadonlyMap<number, Element>

/** Reads an attribute list: identifier, value, identifier, value. Throws `Malformed` for anything else. */
export function recordOf(list: Element): ServiceRecord {
  if (list.type !== 'sequence') throw new Malformed(`a record is a sequence of attributes, not a ${list.type}`)
  if (list.value.length % 2 !== 0) throw new Malformed('the last attribute of a record has no value')
  const record = new Map<number, Element>()
  for (let index = 0; index < list.value.length; index += 2) {
    const [identifier, value] = list.value.slice(index, index + 2) as [Element, Element]
    if (identifier.type !== 'uint' || identifier.size !== 2) {
      throw new Malformed('an attribute identifier is not an unsigned number of two bytes')
    }
    record.set(identifier.value, value)
  }
  return record
}

/** Reads a sequence of attribute lists, as a search of records and attributes gives it. */
export function recordsOf(lists: Element): ServiceRecord[] {
  if (lists.type !== 'sequence') throw new Malformed(`records come as a sequence, not as a ${lists.type}`)
  return lists.value.map(recordOf)
}
