/**
 * A data element, the one shape of every value in SDP (Core specification, volume 3, part B, 3).
 *
 * - `uint`, `int`: `size` is in bytes and part of the value. Up to 4 bytes it is a number, from 8 bytes on a bigint.
 * - `uuid`: whole and in lower case, however short it was sent.
 * - `text`, `url`: bytes, since the encoding is the record's matter; see `textOf`.
 * - `alternative`: one of its members is to be chosen, the first being the preferred.
 */
export type Element =
  | { readonly type: 'nil' }
  | { readonly type: IntegerType; readonly size: 1 | 2 | 4; readonly value: number }
  | { readonly type: IntegerType; readonly size: 8 | 16; readonly value: bigint }
  | { readonly type: 'uuid'; readonly value: string }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: BytesType; readonly value: Uint8Array }
  | { readonly type: ListType; readonly value: readonly Element[] }

export type IntegerType = 'uint' | 'int'
export type BytesType = 'text' | 'url'
export type ListType = 'sequence' | 'alternative'

/** The types by their numbers, which are the upper five bits of an element's first byte. */
export const TYPES = ['nil', 'uint', 'int', 'uuid', 'text', 'bool', 'sequence', 'alternative', 'url'] as const

/** Text or URL as UTF-8; `undefined` for any other element. Some devices count C's closing NUL in: it is left out. */
export function textOf(element: Element | undefined): string | undefined {
  if (element?.type !== 'text' && element?.type !== 'url') return undefined
  return new TextDecoder().decode(element.value).replace(/\0+$/, '')
}

/** The members of a sequence or an alternative; none for any other element. */
export function membersOf(element: Element | undefined): readonly Element[] {
  return element?.type === 'sequence' || element?.type === 'alternative' ? element.value : []
}

/** An unsigned integer of up to 4 bytes; `undefined` for any other element. */
export function numberOf(element: Element | undefined): number | undefined {
  return element?.type === 'uint' && typeof element.value === 'number' ? element.value : undefined
}

/** A UUID, whole and in lower case; `undefined` for any other element. */
export function uuidOf(element: Element | undefined): string | undefined {
  return element?.type === 'uuid' ? element.value : undefined
}
