import { wrongNumber, wrongValue } from '../../../core/argument-errors.ts'
import { ByteReader, Malformed, numberBytes } from './bytes.ts'
import type { Element } from './element.ts'
import { encodeElement } from './element-encoder.ts'

/** PDU identifiers; Core specification, volume 3, part B, 4.2. A request's response is the next number. */
export const ERROR_RESPONSE = 1
export const SEARCH_REQUEST = 2
export const SEARCH_RESPONSE = 3
export const ATTRIBUTE_REQUEST = 4
export const ATTRIBUTE_RESPONSE = 5
export const SEARCH_ATTRIBUTE_REQUEST = 6
export const SEARCH_ATTRIBUTE_RESPONSE = 7

/** One attribute by its identifier, or all from the first to the second. */
export type AttributeRange = number | readonly [first: number, last: number]

/**
 * Where an answer that is too long for one response goes on: bytes that mean something to the peer alone, and are sent
 * back as they came. Empty: from the start, and in a response, that it is the last.
 */
export type Continuation = Uint8Array

interface ResponseBase<Id extends number> {
  readonly id: Id
  readonly transaction: number
}

export interface ErrorResponse extends ResponseBase<typeof ERROR_RESPONSE> {
  readonly code: number
}

export interface SearchResponse extends ResponseBase<typeof SEARCH_RESPONSE> {
  /** Of the whole answer. */
  readonly total: number
  readonly handles: readonly number[]
  readonly continuation: Continuation
}

/** Of a ServiceAttributeRequest, and of a ServiceSearchAttributeRequest: they are alike. */
export interface AttributeResponse extends ResponseBase<typeof ATTRIBUTE_RESPONSE | typeof SEARCH_ATTRIBUTE_RESPONSE> {
  /** The next piece of one data element, which may be cut anywhere. */
  readonly piece: Uint8Array
  readonly continuation: Continuation
}

export type Response = ErrorResponse | SearchResponse | AttributeResponse

/** What an error response's code means; 4.4.1. */
const ERRORS: Readonly<Record<number, string>> = {
  1: 'invalid or unsupported SDP version',
  2: 'invalid service record handle',
  3: 'invalid request syntax',
  4: 'invalid PDU size',
  5: 'invalid continuation state',
  6: 'insufficient resources',
}

/** A request may name 12 UUIDs, 2.5.2; a continuation state has 16 bytes, 4.3. */
const MAX_UUIDS = 12
const MAX_CONTINUATION = 16
const MAX_16 = 0xffff
const MAX_32 = 0xffffffff

/** The parameters of a ServiceSearchRequest, without its continuation state. Throws a `TypeError` or a `RangeError`. */
export function searchParameters(uuids: readonly string[], maximum: number): Uint8Array {
  return Buffer.concat([pattern(uuids), checked(maximum, 1, MAX_16, 'the number of records')])
}

/** The same of a ServiceAttributeRequest. */
export function attributeParameters(handle: number, ranges: readonly AttributeRange[]): Uint8Array {
  return Buffer.concat([checked(handle, 0, MAX_32, 'a record handle'), numberBytes(MAX_16, 2), attributeList(ranges)])
}

/** The same of a ServiceSearchAttributeRequest. */
export function searchAttributeParameters(uuids: readonly string[], ranges: readonly AttributeRange[]): Uint8Array {
  return Buffer.concat([pattern(uuids), numberBytes(MAX_16, 2), attributeList(ranges)])
}

export function encodeRequest(
  id: number,
  transaction: number,
  parameters: Uint8Array,
  continuation: Continuation,
): Uint8Array {
  const length = parameters.length + 1 + continuation.length
  const header = [Uint8Array.of(id), numberBytes(transaction, 2), numberBytes(length, 2)]
  return Buffer.concat([...header, parameters, Uint8Array.of(continuation.length), continuation])
}

/** Throws `Malformed` for what is no response, and for one that is shorter or longer than it says. */
export function decodeResponse(bytes: Uint8Array): Response {
  const reader = new ByteReader(bytes)
  const id = reader.number(1)
  const transaction = reader.number(2)
  const length = reader.number(2)
  if (length !== reader.left) {
    throw new Malformed(`the response says that it has ${length} bytes of parameters, and has ${reader.left}`)
  }
  const response = readParameters(id, transaction, reader)
  reader.end('the response')
  return response
}

export function explainError(code: number): string {
  return ERRORS[code] ?? 'an error that the specification does not name'
}

function readParameters(id: number, transaction: number, reader: ByteReader): Response {
  switch (id) {
    case ERROR_RESPONSE: {
      const code = reader.number(2)
      // Older versions of the specification let an ErrorInfo follow.
      reader.take(reader.left)
      return { id, transaction, code }
    }
    case SEARCH_RESPONSE: {
      const total = reader.number(2)
      const handles = Array.from({ length: reader.number(2) }, () => reader.number(4))
      return { id, transaction, total, handles, continuation: readContinuation(reader) }
    }
    case ATTRIBUTE_RESPONSE:
    case SEARCH_ATTRIBUTE_RESPONSE: {
      const piece = reader.take(reader.number(2))
      return { id, transaction, piece, continuation: readContinuation(reader) }
    }
    default:
      throw new Malformed(`there is no response with the identifier ${id}`)
  }
}

function readContinuation(reader: ByteReader): Continuation {
  const length = reader.number(1)
  if (length > MAX_CONTINUATION) throw new Malformed(`a continuation state of ${length} bytes is too long`)
  return reader.take(length)
}

function pattern(uuids: readonly string[]): Uint8Array {
  if (uuids.length < 1 || uuids.length > MAX_UUIDS) {
    throw wrongValue(`a search is for 1 to ${MAX_UUIDS} UUIDs, not ${uuids.length}`)
  }
  return sequence(uuids.map((value) => ({ type: 'uuid', value })))
}

/** In ascending order, as the specification wants it. */
function attributeList(ranges: readonly AttributeRange[]): Uint8Array {
  if (ranges.length === 0) throw wrongValue('at least one attribute must be asked for')
  let next = 0
  const elements = ranges.map((range): Element => {
    const [first, last] = typeof range === 'number' ? [range, range] : range
    checked(first, next, MAX_16, 'an attribute identifier, in ascending order,')
    checked(last, first, MAX_16, 'the end of a range of attributes')
    next = last + 1
    if (typeof range === 'number') return { type: 'uint', size: 2, value: first }
    return { type: 'uint', size: 4, value: first * 0x10000 + last }
  })
  return sequence(elements)
}

function sequence(value: readonly Element[]): Uint8Array {
  return encodeElement({ type: 'sequence', value })
}

/** The number as bytes: two where it may have no more, else four. */
function checked(value: number, from: number, to: number, what: string): Uint8Array {
  if (!(Number.isInteger(value) && value >= from && value <= to)) {
    throw wrongNumber(value, `${what} must be a whole number from ${from} to ${to}, not ${String(value)}`)
  }
  return numberBytes(value, to > MAX_16 ? 4 : 2)
}
