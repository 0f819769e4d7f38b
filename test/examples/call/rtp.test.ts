import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeRtp, parseRtp, type RtpPacket } from '../../../examples/call/voice/rtp.ts'
import { given, python } from '../../support/need.ts'
import { runPython } from './programs.ts'

const word = fc.nat({ max: 0xffff_ffff })
const packets: fc.Arbitrary<RtpPacket> = fc.record({
  marker: fc.boolean(),
  payloadType: fc.nat({ max: 127 }),
  sequence: fc.nat({ max: 0xffff }),
  timestamp: word,
  ssrc: word,
  csrc: fc.array(word, { maxLength: 15 }),
  payload: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
})

const silence: RtpPacket = {
  marker: true,
  payloadType: 0,
  sequence: 0xfffe,
  timestamp: 0x8000_0001,
  ssrc: 0xdead_beef,
  csrc: [],
  payload: Buffer.alloc(160, 0xff),
}

test('a packet is read as it was written', () => {
  fc.assert(fc.property(packets, (packet) => void expect(parseRtp(encodeRtp(packet))).toEqual(packet)))
})

test('the header is as RFC 3550 section 5.1 draws it', () => {
  expect(encodeRtp({ ...silence, csrc: [1], payload: Buffer.from('v') }).toString('hex')).toBe(
    `8180fffe80000001deadbeef00000001${Buffer.from('v').toString('hex')}`,
  )
})

given(python)("Python's struct reads the same", () => {
  const line = 'o.write(repr(struct.unpack(">BBHII", i.read(12))).encode())'
  expect(runPython(encodeRtp(silence), line).toString()).toBe(`(128, 128, 65534, ${0x8000_0001}, ${0xdead_beef})`)
})

describe('what others may send', () => {
  test('a header extension and padding are read over', () => {
    fc.assert(
      fc.property(packets, fc.nat({ max: 20 }), fc.nat({ max: 254 }), (packet, words, padding) => {
        const plain = encodeRtp(packet)
        const header = plain.subarray(0, 12 + 4 * packet.csrc.length)
        const extension = Buffer.alloc(4 + 4 * words, 0xaa)
        extension.writeUInt16BE(words, 2)
        const filling = Buffer.alloc(padding + 1)
        filling[padding] = padding + 1
        const full = Buffer.concat([header, extension, packet.payload, filling])
        full[0] = (full[0] as number) | 0x30
        expect(parseRtp(full)).toEqual(packet)
      }),
    )
  })

  test.each([
    ['nothing', ''],
    ['a byte less than a header', '80000000000000000000 00'],
    ['version 1', '40000000 00000000 00000000'],
    ['version 3', 'c0000000 00000000 00000000'],
    ['a contributing source that is not there', '81000000 00000000 00000000'],
    ['an extension that is not there', '90000000 00000000 00000000'],
    ['an extension that is cut short', '90000000 00000000 00000000 00000001'],
    ['padding of no bytes', 'a0000000 00000000 00000000 00'],
    ['more padding than there are bytes', 'a0000000 00000000 00000000 02'],
  ])('%s is not a packet', (_, hex) => {
    expect(parseRtp(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBeUndefined()
  })

  test('whatever comes, reading does not throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const packet = parseRtp(Buffer.from(bytes))
        if (packet !== undefined) expect(packet.payload.length).toBeLessThanOrEqual(bytes.length - 12)
      }),
    )
  })
})

test('sixteen contributing sources are too many', () => {
  expect(() => encodeRtp({ ...silence, csrc: new Array<number>(16).fill(1) })).toThrow(/15 contributing sources/)
})
