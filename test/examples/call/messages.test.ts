import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader } from '../../../examples/call/signalling/frames.ts'
import { encodeMessage, parseMessage, type SignallingMessage } from '../../../examples/call/signalling/messages.ts'
import { ProtocolError } from '../../../examples/call/signalling/protocol-error.ts'

function roundTrip(message: SignallingMessage): SignallingMessage[] {
  return [...new FrameReader().push(encodeMessage(message))].map(parseMessage)
}

/** UTF-16 at random: many halves of surrogate pairs. */
const anyUnits = fc.array(fc.integer({ min: 0, max: 0xffff })).map((units) => String.fromCharCode(...units))
const halves = fc.array(fc.integer({ min: 0xd800, max: 0xdfff })).map((units) => String.fromCharCode(...units))
const anyText = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), anyUnits, halves)
const callId = fc.uuid()
const number = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const received = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const constant = <const T>(value: T): fc.Arbitrary<T> => fc.constant(value)

const anyMessage: fc.Arbitrary<SignallingMessage> = fc.oneof(
  fc.record({ type: constant('invite'), number, call: callId, from: anyText, offers: fc.array(anyText) }),
  fc.record({ type: constant('ringing'), number }),
  fc.record({ type: constant('accept'), number, media: fc.record({ voice: anyText, video: anyText }) }),
  fc.record({ type: constant('reject'), number, reason: anyText }),
  fc.record({ type: constant('busy'), number }),
  fc.record({ type: constant('hang-up'), number, reason: anyText }),
  fc.record({ type: constant('text'), number, text: anyText }),
  fc.record({
    type: constant('presence'),
    number,
    presence: fc.constantFrom('online' as const, 'away' as const, 'typing' as const),
  }),
  fc.record({ type: constant('resume'), call: callId, received }),
  fc.record({ type: constant('ack'), received }),
  fc.record({ type: constant('ping') }),
  fc.record({ type: constant('pong') }),
  fc.record({ type: constant('error'), reason: anyText }),
)

test('every message arrives as it was sent, whatever its texts are', () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      expect(roundTrip(message)).toEqual([message])
    }),
    { numRuns: 500 },
  )
})

test.each([
  ['a family of four, joined by ZWJ', '\u{1f468}‍\u{1f469}‍\u{1f467}‍\u{1f466}'],
  ['a flag, and a skin tone', '\u{1f1e9}\u{1f1ea} \u{1f44b}\u{1f3fd}'],
  ['an accent in two code points, not composed on the way', 'e\u0301 \u00e9'],
  ['right to left, with marks', '\u200fשלום\u200e'],
  ['NUL, line ends, and separators that JSON once could not have', '\0\r\n\u2028\u2029'],
  ['half a surrogate pair, either half', '\ud83d and \udc68'],
  ['a byte order mark', '\ufeffx'],
])('%s', (_, text) => {
  expect(roundTrip({ type: 'text', number: 1, text })).toEqual([{ type: 'text', number: 1, text }])
})

test('a text that no frame has room for is refused where it is sent', () => {
  const message = (length: number): SignallingMessage => ({ type: 'text', number: 1, text: 'x'.repeat(length) })
  const room = 65_536 - JSON.stringify(message(0)).length
  expect(roundTrip(message(room))).toHaveLength(1)
  expect(() => encodeMessage(message(room + 1))).toThrow(RangeError)
})

test('fields that are not known are left out', () => {
  const bytes = Buffer.from('{"type":"ack","received":3,"later":{"a":1},"__proto__":{"received":9}}')
  const message = parseMessage(bytes)
  expect(message).toEqual({ type: 'ack', received: 3 })
  expect(Object.getPrototypeOf(message)).toBe(Object.prototype)
})

describe('malformed:', () => {
  test.each<[string, string | Buffer, string]>([
    ['not UTF-8', Buffer.from('{"type":"ping\xff"}', 'latin1'), 'not UTF-8'],
    ['UTF-8 of half a surrogate pair', Buffer.from('"\xed\xa0\xbd"', 'latin1'), 'not UTF-8'],
    ['not JSON', '{"type":', 'not JSON'],
    ['nothing but a blank', ' ', 'not JSON'],
    ['null', 'null', 'not an object with a type'],
    ['a list', '["ping"]', 'not an object with a type'],
    ['a text', '"ping"', 'not an object with a type'],
    ['no type', '{}', 'not an object with a type'],
    ['a type that is no text', '{"type":1}', 'not an object with a type'],
    ['an unknown type', '{"type":"dance"}', 'no message is of the type "dance"'],
    ['a type that every object has', '{"type":"constructor"}', 'no message is of the type "constructor"'],
    ['a type of great length', `{"type":"${'x'.repeat(10_000)}"}`, `"${'x'.repeat(40)}…"`],
    ['a field that is missing', '{"type":"text","number":1}', 'text: text is missing'],
    ['a field that only the prototype has', '{"type":"ack","__proto__":{"received":1}}', 'received is missing'],
    ['a number that is missing', '{"type":"ringing"}', 'ringing: number is missing'],
    ['number 0', '{"type":"ringing","number":0}', 'number must be a whole number, 1 or more'],
    ['half a number', '{"type":"ringing","number":1.5}', 'number must be a whole number'],
    ['a number beyond counting', '{"type":"ringing","number":9007199254740992}', 'number must be a whole number'],
    ['a number as text', '{"type":"ringing","number":"1"}', 'number must be a whole number'],
    ['received below 0', '{"type":"ack","received":-1}', 'received must be a whole number, 0 or more'],
    ['a text that is none', '{"type":"text","number":1,"text":null}', 'text must be a text'],
    [
      'offers that are no list',
      '{"type":"invite","number":1,"call":"a","from":"x","offers":"voice"}',
      'a list of texts',
    ],
    ['offers with a number', '{"type":"invite","number":1,"call":"a","from":"x","offers":[1]}', 'a list of texts'],
    ['an empty call id', '{"type":"resume","call":"","received":0}', 'call must be 1 to 64 letters'],
    ['a call id too long', `{"type":"resume","call":"${'a'.repeat(65)}","received":0}`, 'call must be 1 to 64 letters'],
    ['a call id with a line end', '{"type":"resume","call":"a\\n","received":0}', 'call must be 1 to 64 letters'],
    ['media without video', '{"type":"accept","number":1,"media":{"voice":"x"}}', 'media must be an address for voice'],
    ['media of numbers', '{"type":"accept","number":1,"media":{"voice":1,"video":2}}', 'media must be an address'],
    ['presence that is none', '{"type":"presence","number":1,"presence":"asleep"}', 'online, away or typing'],
    ['an error without reason', '{"type":"error"}', 'error: reason is missing'],
  ])('%s', (_, payload, words) => {
    const parse = (): unknown => parseMessage(Buffer.from(payload))
    expect(parse).toThrow(ProtocolError)
    expect(parse).toThrow(words)
  })

  test('whatever bytes come: a message or a ProtocolError, and nothing else', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((json) => Buffer.from(json)),
      fc.tuple(anyMessage, fc.nat(), fc.nat(255)).map(([message, place, byte]) => {
        const text = Buffer.from(JSON.stringify(message))
        text[place % text.length] = byte
        return text
      }),
    )
    fc.assert(
      fc.property(bytes, (payload) => {
        try {
          parseMessage(payload)
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError)
        }
      }),
      { numRuns: 500 },
    )
  })
})
