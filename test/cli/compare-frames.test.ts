import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FrameReader, frame } from '../../src/cli/compare/measure/frames.ts'
import { numberedMessage, readNumber } from '../../src/cli/compare/measure/numbered-message.ts'
import { given, python as pythonHere } from '../support/need.ts'
import { python } from './support.ts'

const LONGEST = 1 << 20

/** `bytes` in pieces of the sizes given, over and over. */
function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const cut: Buffer[] = []
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1
    cut.push(bytes.subarray(at, at + size))
    at += size
  }
  return cut
}

test('a stream of frames gives the messages back, however it is cut', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 })
  const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 10 })
  fc.assert(
    fc.property(messages, sizes, (sent, cuts) => {
      const reader = new FrameReader(LONGEST)
      const stream = Buffer.concat(sent.map((message) => frame(Buffer.from(message))))
      const came = pieces(stream, cuts).flatMap((piece) => reader.push(piece))
      expect(came).toEqual(sent.map((message) => Buffer.from(message)))
    }),
  )
})

test('a message is there as soon as its last byte is', () => {
  const reader = new FrameReader(LONGEST)
  const bytes = frame(Buffer.from('abc'))
  expect(reader.push(bytes.subarray(0, -1))).toEqual([])
  expect(reader.push(bytes.subarray(-1))).toEqual([Buffer.from('abc')])
})

test('many small messages in one piece, as after a loss, are found at once', () => {
  const reader = new FrameReader(4)
  const piece = Buffer.concat(Array.from({ length: 30_000 }, (_, number) => frame(numberedMessage(number, 4))))
  const startedAt = performance.now()
  expect(reader.push(piece)).toHaveLength(30_000)
  // Some 10 ms. It was half a minute when what was left was copied for each message.
  expect(performance.now() - startedAt).toBeLessThan(5000)
})

test('a length that nobody sent is told at once, before a byte of it is waited for', () => {
  const reader = new FrameReader(1000)
  expect(() => reader.push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(/damaged.*4294967295/)
})

given(pythonHere)("a frame is what Python's struct packs as '>I' and the bytes", async () => {
  const script = `import struct, sys; sys.stdout.buffer.write(struct.pack('>I', 5) + b'hello')`
  const { stdout } = await python(script).end().done
  expect(frame(Buffer.from('hello'))).toEqual(stdout)
})

test('a numbered message is known by its number, and no other byte may change', () => {
  const numbers = fc.integer({ min: 0, max: 0xffff_fffe })
  const sizes = fc.integer({ min: 4, max: 200 })
  fc.assert(
    fc.property(numbers, sizes, fc.nat(), (number, size, at) => {
      const message = numberedMessage(number, size)
      expect(readNumber(message, size, number + 1)).toBe(number)
      expect(() => readNumber(message, size, number)).toThrow(/damaged/)
      const changed = Buffer.from(message)
      changed.writeUInt8((changed[at % size] ?? 0) ^ 0x10, at % size)
      // The number itself may become another one that was sent, where there is nothing after it to tell.
      if (size >= 9 || at % size >= 4) expect(() => readNumber(changed, size, 2 ** 32)).toThrow(/damaged/)
    }),
  )
})

test('a message that is too short, too long, or moved by a byte is damaged', () => {
  const message = numberedMessage(7, 100)
  expect(() => readNumber(message.subarray(1), 100, 500)).toThrow('has 99 bytes, and was sent with 100')
  expect(() => readNumber(Buffer.concat([message, message]), 100, 500)).toThrow(/200 bytes/)
  expect(() => readNumber(Buffer.concat([message.subarray(1), message.subarray(0, 1)]), 100, 500)).toThrow(/damaged/)
})
