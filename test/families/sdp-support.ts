import fc from 'fast-check'
import type { Element } from '../../src/families/bluetooth/sdp/element.ts'
import type { SdpEndpoint } from '../../src/families/bluetooth/sdp/lookup.ts'
import { parseUuid, uuidOfNumber } from '../../src/families/bluetooth/uuid.ts'

/** Bytes of hexadecimal digits, which may be set apart by spaces. */
export function bytes(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits.replaceAll(' ', ''), 'hex'))
}

export function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex')
}

/** Sequences in sequences around a nil, that many. */
export function nested(depth: number): Uint8Array {
  const headers: Uint8Array[] = []
  let length = 1
  for (let level = 0; level < depth; level++) {
    const header = Buffer.alloc(5, 0x37)
    header.writeUInt32BE(length, 1)
    headers.push(header)
    length += header.length
  }
  return Uint8Array.from(Buffer.concat([...headers.reverse(), Buffer.of(0)]))
}

const integer = (type: 'uint' | 'int'): fc.Arbitrary<Element> => {
  const range = (size: number): [bigint, bigint] => {
    const all = 1n << BigInt(size * 8)
    return type === 'uint' ? [0n, all - 1n] : [-all / 2n, all / 2n - 1n]
  }
  const value = (size: number): fc.Arbitrary<bigint> => {
    const [min, max] = range(size)
    return fc.bigInt({ min, max })
  }
  const small = ([1, 2, 4] as const).map((size) => value(size).map((v): Element => ({ type, size, value: Number(v) })))
  const big = ([8, 16] as const).map((size) => value(size).map((v): Element => ({ type, size, value: v })))
  return fc.oneof(...small, ...big)
}

const uuid: fc.Arbitrary<Element> = fc
  .oneof(
    fc.nat(0xffff).map(uuidOfNumber),
    fc.nat(0xffffffff).map(uuidOfNumber),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map((value) => parseUuid(hex(value)) as string),
  )
  .map((value) => ({ type: 'uuid', value }))

const data = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 250, maxLength: 260 }))

/** Any data element, some levels deep. */
export const anyElement: fc.Arbitrary<Element> = fc.letrec<{ element: Element }>((tie) => ({
  element: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constant<Element>({ type: 'nil' }),
    integer('uint'),
    integer('int'),
    uuid,
    fc.boolean().map((value): Element => ({ type: 'bool', value })),
    fc.tuple(fc.constantFrom('text', 'url'), data).map(([type, value]): Element => ({ type, value })),
    fc
      .tuple(fc.constantFrom('sequence', 'alternative'), fc.array(tie('element'), { maxLength: 6 }))
      .map(([type, value]): Element => ({ type, value })),
  ),
})).element

/** A data element of hexadecimal digits, with its length in front: a sequence, unless `type` says otherwise. */
export function element(digits: string, type = 6): string {
  const length = bytes(digits).length
  const [index, size] = length < 0x100 ? [5, 1] : length < 0x10000 ? [6, 2] : [7, 4]
  return hex(Uint8Array.of((type << 3) | index)) + length.toString(16).padStart(size * 2, '0') + digits
}

/** A response: identifier, transaction, and parameters whose length is put in front of them. */
export function response(id: number, transaction: number, parameters: string): Uint8Array {
  const header = Buffer.alloc(5)
  header.writeUInt8(id)
  header.writeUInt16BE(transaction, 1)
  header.writeUInt16BE(bytes(parameters).length, 3)
  return Uint8Array.from(Buffer.concat([header, bytes(parameters)]))
}

/** A response with a piece of an attribute list, and how it goes on. */
export function piece(id: number, transaction: number, data: string, continuation = ''): Uint8Array {
  const count = (digits: string, size: number): string =>
    bytes(digits)
      .length.toString(16)
      .padStart(size * 2, '0')
  return response(id, transaction, count(data, 2) + data + count(continuation, 1) + continuation)
}

export interface Request {
  readonly id: number
  readonly transaction: number
  readonly parameters: Uint8Array
}

/** A peer that answers each request as `script` says; `undefined` is the end of the connection. */
export class ScriptedPeer implements SdpEndpoint {
  readonly requests: Request[] = []
  closed = 0
  readonly #script: (request: Request, index: number) => Uint8Array | undefined | Promise<never>
  #inFlight = false

  constructor(script: (request: Request, index: number) => Uint8Array | undefined | Promise<never>) {
    this.#script = script
  }

  async send(data: Uint8Array): Promise<void> {
    if (this.#inFlight) throw new Error('a second request while one waits for its response')
    this.#inFlight = true
    const view = Buffer.from(data)
    if (view.readUInt16BE(3) !== view.length - 5) throw new Error('a request whose header does not say its length')
    this.requests.push({ id: view.readUInt8(), transaction: view.readUInt16BE(1), parameters: data.subarray(5) })
  }

  async receive(): Promise<{ data: Uint8Array } | undefined> {
    const data = await this.#script(this.requests.at(-1) as Request, this.requests.length - 1)
    this.#inFlight = false
    return data === undefined ? undefined : { data }
  }

  async close(): Promise<void> {
    this.closed++
  }
}

/** What `sdptool add --channel=3 SP` makes of a record, as bytes. */
export const serialPort: string = element(
  [
    '0900000a00010005',
    `090001${element('191101')}`,
    `090004${element(element('190100') + element('1900030803'))}`,
    `090005${element('191002')}`,
    `090006${element('09656e09006a090100')}`,
    `090009${element(element('191101090100'))}`,
    `090100${element(hex(Buffer.from('Serial Port')), 4)}`,
    `090101${element(hex(Buffer.from('COM Port')), 4)}`,
  ].join(''),
)
