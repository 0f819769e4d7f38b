import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeFrame, FrameReader, LARGEST_FRAME } from '../../../examples/call/signalling/frames.ts'
import { ProtocolError } from '../../../examples/call/signalling/protocol-error.ts'
import { given, python } from '../../support/need.ts'

const payload = fc.uint8Array({ minLength: 1, maxLength: 300 })

/** The stream in pieces, cut at any places, also at the same one twice. */
function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...places.map((place) => place % (stream.length + 1)), 0, stream.length].sort((a, b) => a - b)
  return sorted.slice(1).map((end, index) => stream.subarray(sorted[index], end))
}

test('any frames, split anywhere, are the same frames', () => {
  fc.assert(
    fc.property(fc.array(payload), fc.array(fc.nat()), (payloads, places) => {
      const reader = new FrameReader()
      const chunks = cut(Buffer.concat(payloads.map(encodeFrame)), places)
      const frames = chunks.flatMap((chunk) => [...reader.push(chunk)])
      expect(frames.map((frame) => [...frame])).toEqual(payloads.map((each) => [...each]))
      expect(reader.end()).toBe('between frames')
    }),
  )
})

test('a frame is given as soon as its last byte is there, and keeps its bytes when the chunk is used again', () => {
  const reader = new FrameReader()
  const chunk = encodeFrame(Buffer.from('abc'))
  expect([...reader.push(chunk.subarray(0, 6))]).toEqual([])
  const [frame] = reader.push(chunk.subarray(6))
  chunk.fill(0)
  expect(String(frame)).toBe('abc')
})

test('a frame of exactly the limit passes, byte by byte as well', () => {
  const largest = Buffer.alloc(LARGEST_FRAME, 'x')
  const reader = new FrameReader()
  const frames = [...encodeFrame(largest)].flatMap((byte) => [...reader.push(Buffer.of(byte))])
  expect(frames).toHaveLength(1)
  expect(frames[0]?.equals(largest)).toBe(true)
})

test('an empty frame and one that is too large are refused when their length is there, and not before', () => {
  for (const [length, words] of [
    [0, 'a frame is empty'],
    [LARGEST_FRAME + 1, '65537 bytes'],
    [0xffff_ffff, '4294967295 bytes'],
  ] as const) {
    const header = Buffer.alloc(4)
    header.writeUInt32BE(length)
    const reader = new FrameReader()
    expect([...reader.push(encodeFrame(Buffer.from('before')))]).toHaveLength(1)
    expect([...reader.push(header.subarray(0, 3))]).toEqual([])
    const refusal = (): unknown => [...reader.push(header.subarray(3))]
    expect(refusal).toThrow(ProtocolError)
    expect(() => [...new FrameReader().push(header)]).toThrow(words)
    // In one chunk with a good one: that comes first.
    const both = new FrameReader().push(Buffer.concat([encodeFrame(Buffer.from('before')), header]))
    expect(String(both.next().value)).toBe('before')
    expect(() => both.next()).toThrow(words)
  }
})

test('encoding refuses what a reader would', () => {
  expect(() => encodeFrame(Buffer.alloc(0))).toThrow(RangeError)
  expect(() => encodeFrame(Buffer.alloc(LARGEST_FRAME + 1))).toThrow(RangeError)
})

test('the end of the stream inside a frame is told, wherever it is', () => {
  const stream = encodeFrame(Buffer.from('abc'))
  for (let bytes = 0; bytes <= stream.length; bytes++) {
    const reader = new FrameReader()
    const complete = [...reader.push(stream.subarray(0, bytes))].length
    expect(complete).toBe(bytes === stream.length ? 1 : 0)
    const isWhole = bytes === 0 || bytes === stream.length
    expect(reader.end()).toBe(isWhole ? 'between frames' : 'inside a frame')
  }
})

given(python)('Python’s struct writes and reads the same frames', () => {
  const script = [
    'import struct, sys',
    "text = 'grüße'.encode()",
    "sys.stdout.buffer.write(struct.pack('>I', len(text)) + text)",
    "sys.stdout.buffer.write(struct.pack('>I', 65536) + b'x' * 65536)",
  ].join('\n')
  const { stdout } = spawnSync('python3', ['-c', script])
  const frames = [...new FrameReader().push(stdout)]
  expect(frames.map(({ length }) => length)).toEqual([7, 65_536])
  expect(Buffer.concat(frames.map(encodeFrame)).equals(stdout)).toBe(true)
})
