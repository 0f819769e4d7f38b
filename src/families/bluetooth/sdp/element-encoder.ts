import { inspect } from 'node:util'
import { wrongValue } from '../../../core/argument-errors.ts'
import { numberOfUuid, parseUuid } from '../uuid.ts'
import { numberBytes } from './bytes.ts'
import { type Element, TYPES } from './element.ts'

const LONGEST = 2 ** 32 - 1

/** An element as bytes: UUIDs and lengths in their shortest form. Throws a `TypeError` for a value that does not fit. */
export function encodeElement(element: Element): Uint8Array {
  switch (element.type) {
    case 'nil':
      return withIndex('nil', 0, [])
    case 'uint':
    case 'int':
      return withIndex(element.type, Math.log2(element.size), integerBytes(element))
    case 'uuid': {
      const bytes = uuidBytes(element.value)
      return withIndex('uuid', Math.log2(bytes.length), bytes)
    }
    case 'bool':
      return withIndex('bool', 0, [element.value ? 1 : 0])
    case 'text':
    case 'url':
      return withLength(element.type, element.value)
    case 'sequence':
    case 'alternative':
      return withLength(element.type, Buffer.concat(element.value.map(encodeElement)))
  }
}

/** A type's number and a size index: together the first byte. */
function firstByte(type: Element['type'], index: number): number {
  return (TYPES.indexOf(type) << 3) | index
}

function withIndex(type: Element['type'], index: number, payload: Iterable<number>): Uint8Array {
  return Uint8Array.of(firstByte(type, index), ...payload)
}

function withLength(type: Element['type'], payload: Uint8Array): Uint8Array {
  const { length } = payload
  if (length > LONGEST) throw wrongValue(`a data element of ${length} bytes is too long`)
  const [index, size] = length <= 0xff ? [5, 1] : length <= 0xffff ? [6, 2] : [7, 4]
  return Buffer.concat([Uint8Array.of(firstByte(type, index)), numberBytes(length, size), payload])
}

function integerBytes(element: Element & { type: 'uint' | 'int' }): Uint8Array {
  const { type, size, value } = element
  const bits = size * 8
  const isInteger = typeof value === 'bigint' || Number.isInteger(value)
  const fits = isInteger && BigInt(value) === (type === 'uint' ? BigInt.asUintN : BigInt.asIntN)(bits, BigInt(value))
  if (!fits) throw wrongValue(`${inspect(value)} is no ${type} of ${size} bytes`)
  const unsigned = BigInt.asUintN(bits, BigInt(value))
  return Uint8Array.from({ length: size }, (_, index) => Number((unsigned >> BigInt(bits - 8 - index * 8)) & 0xffn))
}

function uuidBytes(text: string): Uint8Array {
  const uuid = parseUuid(text)
  if (uuid === undefined) throw wrongValue(`${inspect(text)} is no UUID`)
  const number = numberOfUuid(uuid)
  if (number === undefined) return Buffer.from(uuid.replaceAll('-', ''), 'hex')
  return numberBytes(number, number > 0xffff ? 4 : 2)
}
