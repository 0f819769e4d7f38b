import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Malformed } from '../../src/families/bluetooth/sdp/bytes.ts'
import { type Element, textOf } from '../../src/families/bluetooth/sdp/element.ts'
import { decodeElement, elementLength } from '../../src/families/bluetooth/sdp/element-decoder.ts'
import { encodeElement } from '../../src/families/bluetooth/sdp/element-encoder.ts'
import { errorOf } from '../support/errors.ts'
import { given, program } from '../support/need.ts'
import { anyElement, bytes, hex, nested } from './sdp-support.ts'

const libbluetooth = program(
  'python3',
  ['-c', 'import ctypes; ctypes.CDLL("libbluetooth.so.3")'],
  'apt-get install python3 libbluetooth3',
)

/** Runs each line of digits through BlueZ's own reader and writer. */
function throughBluez(lines: readonly string[]): string[] {
  const script = fileURLToPath(new URL('sdp-libbluetooth.py', import.meta.url))
  const output = execFileSync('python3', [script], { input: lines.join('\n'), encoding: 'utf8' })
  return output.trim().split('\n')
}

describe('bytes that the specification gives', () => {
  test.each<[string, Element]>([
    ['00', { type: 'nil' }],
    ['08ff', { type: 'uint', size: 1, value: 255 }],
    ['090100', { type: 'uint', size: 2, value: 256 }],
    ['0affffffff', { type: 'uint', size: 4, value: 4294967295 }],
    ['0b0000000000000001', { type: 'uint', size: 8, value: 1n }],
    ['0cffffffffffffffffffffffffffffffff', { type: 'uint', size: 16, value: 2n ** 128n - 1n }],
    ['1080', { type: 'int', size: 1, value: -128 }],
    ['11fffe', { type: 'int', size: 2, value: -2 }],
    ['1280000000', { type: 'int', size: 4, value: -2147483648 }],
    ['13ffffffffffffffff', { type: 'int', size: 8, value: -1n }],
    ['1480000000000000000000000000000000', { type: 'int', size: 16, value: -(2n ** 127n) }],
    ['191101', { type: 'uuid', value: '00001101-0000-1000-8000-00805f9b34fb' }],
    ['1a12345678', { type: 'uuid', value: '12345678-0000-1000-8000-00805f9b34fb' }],
    ['1c00112233445566778899aabbccddeeff', { type: 'uuid', value: '00112233-4455-6677-8899-aabbccddeeff' }],
    ['2800', { type: 'bool', value: false }],
    ['2801', { type: 'bool', value: true }],
    ['2503414243', { type: 'text', value: bytes('414243') }],
    ['2500', { type: 'text', value: bytes('') }],
    ['4505687474703a', { type: 'url', value: bytes('687474703a') }],
    ['3500', { type: 'sequence', value: [] }],
    ['3d020801', { type: 'alternative', value: [{ type: 'uint', size: 1, value: 1 }] }],
    ['350435020801', { type: 'sequence', value: [{ type: 'sequence', value: [{ type: 'uint', size: 1, value: 1 }] }] }],
  ])('%s', (digits, element) => {
    expect(decodeElement(bytes(digits))).toEqual(element)
    expect(hex(encodeElement(element))).toBe(digits)
  })

  test.each<[string, number, string]>([
    ['text of 255 bytes', 255, '25ff'],
    ['text of 256 bytes', 256, '260100'],
    ['text of 65,535 bytes', 65_535, '26ffff'],
    ['text of 65,536 bytes', 65_536, '2700010000'],
  ])('%s', (_, length, header) => {
    const element: Element = { type: 'text', value: new Uint8Array(length).fill(0x61) }
    const encoded = encodeElement(element)
    expect(hex(encoded.subarray(0, header.length / 2))).toBe(header)
    expect(encoded.length).toBe(length + header.length / 2)
    expect(textOf(decodeElement(encoded))).toBe('a'.repeat(length))
  })

  test('a length in a longer form than it needs, and a UUID that could be shorter, are read', () => {
    expect(decodeElement(bytes('26000161'))).toEqual({ type: 'text', value: bytes('61') })
    expect(decodeElement(bytes('370000000100'))).toEqual({ type: 'sequence', value: [{ type: 'nil' }] })
    expect(decodeElement(bytes('1c0000110100001000800000805f9b34fb'))).toEqual(decodeElement(bytes('191101')))
  })

  test('a boolean is true unless it is 0', () => {
    expect(decodeElement(bytes('28ff'))).toEqual({ type: 'bool', value: true })
  })
})

describe('what is no data element', () => {
  test.each<[string, string, RegExp]>([
    ['nothing', '', /1 bytes should follow, and 0 do/],
    ['a number that is cut short', '0901', /2 bytes should follow, and 1 do/],
    ['a length that is cut short', '2601', /2 bytes should follow, and 1 do/],
    ['text that is shorter than it says', '25036162', /3 bytes should follow, and 2 do/],
    ['text that is longer than it says', '2501616263', /followed by 2 bytes/],
    ['a length of 4 GiB', '37ffffffff00', /4294967295 bytes should follow, and 1 do/],
    ['a member that reaches beyond its sequence', '3503260003616263', /3 bytes should follow, and 0 do/],
    ['a member that is longer than its sequence', '35020901', /2 bytes should follow, and 1 do/],
    ['nil with a size', '0100', /type nil has no size 1/],
    ['a boolean of two bytes', '290001', /type bool has no size 1/],
    ['a UUID of one byte', '1801', /type uuid has no size 0/],
    ['a UUID of eight bytes', '1b0011223344556677', /type uuid has no size 3/],
    ['a number with a length', '0d0101', /type uint has no size 5/],
    ['text without a length', '2061', /type text has no size 0/],
    ['a sequence without a length', '3000', /type sequence has no size 0/],
    ['type 9', '4800', /no data element of type 9/],
    ['type 31', 'ff00', /no data element of type 31/],
  ])('%s', (_, digits, message) => {
    const error = errorOf(() => decodeElement(bytes(digits)))
    expect(error).toBeInstanceOf(Malformed)
    expect(error.message).toMatch(message)
  })

  test('32 levels of sequences are read, and a bomb of them is not', () => {
    expect(decodeElement(nested(32)).type).toBe('sequence')
    for (const depth of [33, 100, 50_000]) {
      expect(errorOf(() => decodeElement(nested(depth))).message).toMatch(/more than 32 levels/)
    }
  })

  test('any element that is cut short, anywhere', () => {
    fc.assert(
      fc.property(anyElement, fc.nat(), (element, cut) => {
        const encoded = encodeElement(element)
        const error = errorOf(() => decodeElement(encoded.subarray(0, cut % encoded.length)))
        expect(error).toBeInstanceOf(Malformed)
      }),
    )
  })

  test('any bytes: an element or Malformed, never anything else', () => {
    const noise = fc.uint8Array({ maxLength: 300 })
    /** Bytes that are headers more often than chance would have it. */
    const nearly = fc.array(fc.constantFrom(0, 1, 2, 0x08, 0x19, 0x25, 0x26, 0x35, 0x36, 0x37, 0x3d, 0xff))
    fc.assert(
      fc.property(
        fc.oneof(
          noise,
          nearly.map((list) => Uint8Array.from(list)),
        ),
        (input) => {
          try {
            expect(decodeElement(encodeElement(decodeElement(input)))).toEqual(decodeElement(input))
          } catch (error) {
            expect(error).toBeInstanceOf(Malformed)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('what cannot be encoded', () => {
  test.each<[string, Element]>([
    ['256 in a byte', { type: 'uint', size: 1, value: 256 }],
    ['a negative number without a sign', { type: 'uint', size: 2, value: -1 }],
    ['128 in a byte with a sign', { type: 'int', size: 1, value: 128 }],
    ['half a number', { type: 'uint', size: 4, value: 0.5 }],
    ['no number', { type: 'uint', size: 4, value: Number.NaN }],
    ['2 ** 64 in eight bytes', { type: 'uint', size: 8, value: 2n ** 64n }],
    ['a UUID that is none', { type: 'uuid', value: 'spp' }],
  ])('%s', (_, element) => {
    expect(errorOf(() => encodeElement(element))).toBeInstanceOf(TypeError)
  })
})

test('what is encoded is decoded again', () => {
  fc.assert(
    fc.property(anyElement, (element) => {
      expect(decodeElement(encodeElement(element))).toEqual(element)
    }),
  )
})

test('an element tells its length as soon as its header is there', () => {
  fc.assert(
    fc.property(anyElement, (element) => {
      const encoded = encodeElement(element)
      expect(elementLength(encoded)).toBe(encoded.length)
      const lengths = [0, 1, 2, 3, 4, 5].map((count) => elementLength(encoded.subarray(0, count)))
      expect(lengths[0]).toBeUndefined()
      expect(lengths.filter((length) => length !== undefined && length !== encoded.length)).toEqual([])
      expect(lengths[5]).toBe(encoded.length)
    }),
  )
})

test('what was decoded does not change with the buffer that it came in', () => {
  const buffer = Buffer.from(bytes('2503616263'))
  const element = decodeElement(buffer)
  buffer.fill(0)
  expect(textOf(element)).toBe('abc')
})

test('text is UTF-8, with or without the NUL of C', () => {
  expect(textOf({ type: 'text', value: Buffer.from('Prüfgerät\0') })).toBe('Prüfgerät')
  expect(textOf({ type: 'url', value: Buffer.from('http://x/') })).toBe('http://x/')
  expect(textOf({ type: 'text', value: bytes('61ff') })).toBe('a\ufffd')
  expect(textOf({ type: 'nil' })).toBeUndefined()
  expect(textOf(undefined)).toBeUndefined()
})

given(libbluetooth)("BlueZ's library reads every element as we wrote it, and writes it as we read it", () => {
  const elements = fc.sample(anyElement, 300).map(encodeElement)
  const answers = throughBluez(elements.map(hex))
  expect(answers).toEqual(elements.map((element) => `${element.length} ${hex(element)}`))
})
