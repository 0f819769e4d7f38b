import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compactNtp, ntpTime } from '../../../examples/call/voice/ntp.ts'
import { encodeRtcp, isRtcp, parseRtcp, type RtcpPacket } from '../../../examples/call/voice/rtcp.ts'
import { encodeRtp } from '../../../examples/call/voice/rtp.ts'
import { given, python } from '../../support/need.ts'
import { runPython } from './programs.ts'
import { reportBlock, word } from './report-blocks.ts'

const blocks = fc.array(reportBlock, { maxLength: 31 })
const report: fc.Arbitrary<RtcpPacket> = fc.oneof(
  fc.record({ type: fc.constant('RR' as const), ssrc: word, blocks }),
  fc.record({
    type: fc.constant('SR' as const),
    ssrc: word,
    ntp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    rtpTimestamp: word,
    packets: word,
    octets: word,
    blocks,
  }),
)
const cname = fc.string({ maxLength: 60, unit: 'grapheme' }).filter((text) => Buffer.byteLength(text) <= 255)
const other: fc.Arbitrary<RtcpPacket> = fc.oneof(
  report,
  fc.record({
    type: fc.constant('SDES' as const),
    chunks: fc.array(fc.record({ ssrc: word, cname }), { maxLength: 31 }),
  }),
  fc.record({ type: fc.constant('BYE' as const), sources: fc.array(word, { maxLength: 31 }) }),
)
const compound: fc.Arbitrary<RtcpPacket[]> = fc
  .tuple(report, fc.array(other, { maxLength: 4 }))
  .map(([first, more]) => [first, ...more])

const example: RtcpPacket[] = [
  {
    type: 'SR',
    ssrc: 0x0102_0304,
    ntp: 0x83aa_7e80_8000_0000n,
    rtpTimestamp: 160,
    packets: 7,
    octets: 1120,
    blocks: [
      {
        ssrc: 0x0a0b_0c0d,
        fractionLost: 64,
        cumulativeLost: -2,
        highestSequence: 0x0001_0005,
        jitter: 99,
        lastSenderReport: 0x7e80_8000,
        delaySinceLastSenderReport: 65_536,
      },
    ],
  },
  { type: 'SDES', chunks: [{ ssrc: 0x0102_0304, cname: 'a@b' }] },
  { type: 'BYE', sources: [0x0102_0304] },
]

test('a compound is read as it was written', () => {
  fc.assert(fc.property(compound, (packets) => void expect(parseRtcp(encodeRtcp(packets))).toEqual(packets)))
})

test('every packet is as long as its header says, in words of 32 bits', () => {
  fc.assert(fc.property(compound, (packets) => void expect(encodeRtcp(packets).length % 4).toBe(0)))
})

test('the bytes are those that RFC 3550 section 6 draws', () => {
  expect(encodeRtcp(example).toString('hex')).toBe(
    [
      '81c8000c 01020304 83aa7e80 80000000 000000a0 00000007 00000460',
      '0a0b0c0d 40fffffe 00010005 00000063 7e808000 00010000',
      // CNAME, 3 bytes, a zero to end the items, and two to fill the word.
      '81ca0003 01020304 01036140 62000000',
      '81cb0001 01020304',
    ]
      .join('')
      .replaceAll(' ', ''),
  )
})

given(python)("Python's struct reads the same report block", () => {
  const line = [
    'b = i.read()[28:52]',
    's, l, h, j, r, d = struct.unpack(">IIIIII", b)',
    'lost = struct.unpack(">i", b[5:8] + b"\\0")[0] >> 8',
    'o.write(repr((s, l >> 24, lost, h, j, r, d)).encode())',
  ].join('\n')
  expect(runPython(encodeRtcp(example), line).toString()).toBe(
    `(${0x0a0b_0c0d}, 64, -2, ${0x0001_0005}, 99, ${0x7e80_8000}, 65536)`,
  )
})

describe('what others may send', () => {
  const unknown = Buffer.from('80cc0001deadbeef', 'hex')
  const empty = encodeRtcp([{ type: 'RR', ssrc: 1, blocks: [] }])

  test('packets of an unknown type are passed over', () => {
    expect(parseRtcp(Buffer.concat([empty, unknown, encodeRtcp(example)]))).toEqual([
      { type: 'RR', ssrc: 1, blocks: [] },
      ...example,
    ])
  })

  test('other items of a description are passed over', () => {
    // NAME "x", CNAME "c", and the end.
    const sdes = Buffer.from('81ca0003 00000005 020178 010163 0000'.replaceAll(' ', ''), 'hex')
    expect(parseRtcp(Buffer.concat([empty, sdes]))?.[1]).toEqual({ type: 'SDES', chunks: [{ ssrc: 5, cname: 'c' }] })
  })

  test('the last packet may be padded, and a goodbye may give a reason', () => {
    const bye = Buffer.from('a1cb0004 00000009 03627965 00000000 00000004'.replaceAll(' ', ''), 'hex')
    expect(parseRtcp(Buffer.concat([empty, bye]))?.[1]).toEqual({ type: 'BYE', sources: [9] })
    expect(parseRtcp(Buffer.concat([empty, bye, empty]))).toBeUndefined()
  })

  test.each([
    ['nothing', ''],
    ['half a header', '80c9'],
    ['a goodbye first', '80cb0000'],
    ['a report that is cut short', '80c90001'],
    ['a block that is not there', '81c9000100000001'],
    ['a sender report without what was sent', '80c8000100000001'],
    ['version 1', '40c9000100000001'],
    ['padding of the first packet', 'a0c900020000000100000004'],
    ['padding that is longer than the packet', '80c9000100000001 a0cb000100000008'],
    ['padding of no bytes', '80c9000100000001 a0cb000100000000'],
    ['padding of half a word', '80c9000100000001 a0cb000100000002'],
    ['a description without the end of its items', '80c900010000000181ca000200000001010261 62'],
    ['a chunk that is not there', '80c900010000000181ca0000'],
    ['a goodbye of nobody that is there', '80c900010000000181cb0000'],
  ])('%s is not RTCP', (_, hex) => {
    expect(parseRtcp(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toBeUndefined()
  })

  test('whatever comes, and however a good one is bent, reading does not throw', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void parseRtcp(Buffer.from(bytes))))
    fc.assert(
      fc.property(compound, fc.nat(), fc.nat({ max: 255 }), fc.nat(), (packets, at, byte, length) => {
        const bent = encodeRtcp(packets)
        bent[at % bent.length] = byte
        parseRtcp(bent.subarray(0, length % (bent.length + 1)))
      }),
    )
  })
})

test('RTCP is told from RTP on the same socket', () => {
  fc.assert(fc.property(compound, (packets) => void expect(isRtcp(encodeRtcp(packets))).toBe(true)))
  // RFC 5761 section 4: payload types 64 to 95 are not used beside RTCP.
  const types = Array.from({ length: 128 }, (_, type) => type).filter((type) => type < 64 || type > 95)
  for (const payloadType of types) {
    for (const marker of [false, true]) {
      const packet = { marker, payloadType, sequence: 1, timestamp: 1, ssrc: 1, csrc: [], payload: Buffer.alloc(1) }
      expect(isRtcp(encodeRtp(packet))).toBe(false)
    }
  }
  for (let type = 192; type <= 223; type++) expect(isRtcp(Buffer.of(0x80, type))).toBe(true)
  expect(isRtcp(Buffer.alloc(0))).toBe(false)
})

test('what does not fit is refused', () => {
  expect(() => encodeRtcp([{ type: 'BYE', sources: new Array<number>(32).fill(1) }])).toThrow(/31 items/)
  expect(() => encodeRtcp([{ type: 'SDES', chunks: [{ ssrc: 1, cname: 'x'.repeat(256) }] }])).toThrow(/255 bytes/)
})

test('NTP time', () => {
  // RFC 868: 2,208,988,800 is 00:00 on 1 January 1970.
  expect(ntpTime(0)).toBe(2_208_988_800n << 32n)
  expect(ntpTime(1500) - ntpTime(0)).toBe(3n << 31n)
  expect(compactNtp(0x1234_5678_9abc_def0n)).toBe(0x5678_9abc)
  // RFC 2030 section 3: the 32 bits of seconds wrap on 7 February 2036, at 06:28:16.
  expect(ntpTime(Date.UTC(2036, 1, 7, 6, 28, 16))).toBe(0n)
})
