import { parseUuid, uuidOfNumber } from '../uuid.ts'
import { ByteReader, Malformed } from './bytes.ts'
import { type Element, type IntegerType, TYPES } from './element.ts'

/** Records nest about six deep. The limit keeps a bomb of nested sequences from overflowing the stack. */
const MAX_DEPTH = 32

const LIST_SIZES = [5, 6, 7]
const INTEGER_SIZES = [0, 1, 2, 3, 4]

/** The size indexes that each type may have: 0 to 4 stand for 2 ** index bytes, 5 to 7 for a length that follows. */
const SIZE_INDEXES: Readonly<Record<Element['type'], readonly number[]>> = {
  nil: [0],
  uint: INTEGER_SIZES,
  int: INTEGER_SIZES,
  uuid: [1, 2, 4],
  text: LIST_SIZES,
  bool: [0],
  sequence: LIST_SIZES,
  alternative: LIST_SIZES,
  url: LIST_SIZES,
}

/**
 * Reads the one data element that the bytes are. Throws `Malformed` for anything else: bytes that are missing or left
 * over, types and sizes that do not exist, more than 32 levels. Text is copied, so that it does not keep the message.
 */
export function decodeElement(bytes: Uint8Array): Element {
  const reader = new ByteReader(bytes)
  const element = readElement(reader, 0)
  reader.end('the data element')
  return element
}

/** How long the element that begins here says that it is, header included; `undefined` while its header is incomplete. */
export function elementLength(bytes: Uint8Array): number | undefined {
  const [first] = bytes
  if (first === undefined || bytes.length < headerLength(first)) return undefined
  return headerLength(first) + readHeader(new ByteReader(bytes)).length
}

function readElement(reader: ByteReader, depth: number): Element {
  if (depth > MAX_DEPTH) throw new Malformed(`data elements are nested more than ${MAX_DEPTH} levels deep`)
  const { type, length } = readHeader(reader)
  const payload = reader.take(length)
  switch (type) {
    case 'nil':
      return { type }
    case 'uint':
    case 'int':
      return integer(type, payload)
    case 'uuid':
      return { type, value: uuid(payload) }
    case 'bool':
      return { type, value: payload[0] !== 0 }
    case 'text':
    case 'url':
      return { type, value: new Uint8Array(payload) }
    case 'sequence':
    case 'alternative':
      return { type, value: members(payload, depth + 1) }
  }
}

function readHeader(reader: ByteReader): { type: Element['type']; length: number } {
  const first = reader.number(1)
  const type = TYPES[first >> 3]
  const index = first & 7
  if (type === undefined) throw new Malformed(`there is no data element of type ${first >> 3}`)
  if (!SIZE_INDEXES[type].includes(index)) throw new Malformed(`a data element of type ${type} has no size ${index}`)
  if (type === 'nil') return { type, length: 0 }
  return { type, length: index < 5 ? 2 ** index : reader.number(headerLength(first) - 1) }
}

function headerLength(first: number): number {
  const index = first & 7
  return index < 5 ? 1 : 1 + 2 ** (index - 5)
}

function integer(type: IntegerType, payload: Uint8Array): Element {
  const unsigned = payload.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n)
  const value = type === 'uint' ? unsigned : BigInt.asIntN(payload.length * 8, unsigned)
  const size = payload.length as 1 | 2 | 4 | 8 | 16
  return size === 8 || size === 16 ? { type, size, value } : { type, size, value: Number(value) }
}

function uuid(payload: Uint8Array): string {
  if (payload.length <= 4) return uuidOfNumber(new ByteReader(payload).number(payload.length))
  return parseUuid(Buffer.from(payload).toString('hex')) as string
}

function members(payload: Uint8Array, depth: number): Element[] {
  const reader = new ByteReader(payload)
  const elements: Element[] = []
  while (reader.left > 0) elements.push(readElement(reader, depth))
  return elements
}
