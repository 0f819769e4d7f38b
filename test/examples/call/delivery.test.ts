import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Delivery } from '../../../examples/call/signalling/delivery.ts'
import { FrameReader } from '../../../examples/call/signalling/frames.ts'
import { encodeMessage, type NumberedMessage, parseMessage } from '../../../examples/call/signalling/messages.ts'
import { ProtocolError } from '../../../examples/call/signalling/protocol-error.ts'

const text = (words: string) => ({ type: 'text', text: words }) as const

function read(frames: readonly Buffer[]): NumberedMessage[] {
  return [...new FrameReader().push(Buffer.concat(frames))].map((frame) => parseMessage(frame) as NumberedMessage)
}

test('messages are numbered from 1 and wait until they are acknowledged', () => {
  const delivery = new Delivery(10_000)
  for (const words of ['a', 'b', 'c']) delivery.add(text(words))
  expect(read(delivery.waiting).map(({ number }) => number)).toEqual([1, 2, 3])
  delivery.acknowledge(2)
  delivery.acknowledge(2)
  delivery.add(text('d'))
  expect(read(delivery.waiting)).toEqual([
    { ...text('c'), number: 3 },
    { ...text('d'), number: 4 },
  ])
})

test('what cannot be acknowledged: what was never sent, and less than before', () => {
  const delivery = new Delivery(10_000)
  delivery.add(text('a'))
  expect(() => delivery.acknowledge(2)).toThrow(ProtocolError)
  delivery.acknowledge(1)
  expect(() => delivery.acknowledge(0)).toThrow('the call is forgotten')
})

test('a number is taken once; one that leaves a gap is an error', () => {
  const delivery = new Delivery(10_000)
  expect([1, 2, 1, 2, 3].map((number) => delivery.take(number))).toEqual([true, true, false, false, true])
  expect(() => delivery.take(5)).toThrow('message 5 has come, and 4 is missing')
  expect(delivery.received).toBe(3)
})

test('texts and presence have a limit of bytes; what ends the call has none, and room comes back', () => {
  const delivery = new Delivery(200)
  const long = text('x'.repeat(100))
  delivery.check(long)
  delivery.add(long)
  expect(() => delivery.check(long)).toThrow(RangeError)
  expect(() => delivery.check({ type: 'presence', presence: 'away' })).not.toThrow()
  // To the byte, whichever of the two it is.
  const room = 200 - (delivery.waiting[0]?.length ?? 0)
  const empty = encodeMessage({ ...text(''), number: 2 }).length
  expect(() => delivery.check(text('x'.repeat(room - empty)))).not.toThrow()
  expect(() => delivery.check(text('x'.repeat(room - empty + 1)))).toThrow(RangeError)
  delivery.add(text('x'.repeat(room - empty)))
  expect(() => delivery.check({ type: 'presence', presence: 'away' })).toThrow(RangeError)
  expect(() => delivery.check({ type: 'hang-up', reason: 'x'.repeat(100) })).not.toThrow()
  expect(() => delivery.check({ type: 'hang-up', reason: 'x'.repeat(65_536) })).toThrow('a frame has 1 to 65536')
  delivery.acknowledge(2)
  expect(() => delivery.check(long)).not.toThrow()
})

test('over connections that break anywhere, every message arrives once and in order', () => {
  const step = fc.record({
    texts: fc.nat(4),
    arriving: fc.double({ min: 0, max: 1, noNaN: true }),
    ackLost: fc.boolean(),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const sender = new Delivery(1_000_000)
      const receiver = new Delivery(1_000_000)
      const arrived: number[] = []
      const carry = (frames: readonly Buffer[]): void => {
        for (const { number } of read(frames)) if (receiver.take(number)) arrived.push(number)
      }
      let sent = 0
      for (const { texts, arriving, ackLost } of steps) {
        // A new connection: what has arrived is known, what has not is sent again.
        if (!ackLost) sender.acknowledge(receiver.received)
        for (let each = 0; each < texts; each++) sender.add(text(String(++sent)))
        carry(sender.waiting.slice(0, Math.round(sender.waiting.length * arriving)))
      }
      carry(sender.waiting)
      expect(arrived).toEqual(Array.from({ length: sent }, (_, index) => index + 1))
    }),
  )
})
