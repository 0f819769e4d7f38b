import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Conversation } from '../../../examples/call/voice/conversation.ts'
import { encodeRtcp } from '../../../examples/call/voice/rtcp.ts'
import { encodeRtp, parseRtp } from '../../../examples/call/voice/rtp.ts'
import { MadeTime } from './conversation-pair.ts'
import { reportBlock, word } from './report-blocks.ts'

/** What may happen to Bob, whose SSRC is known to those who lie about him. */
type Deed = (bob: Conversation, time: MadeTime, ssrc: number) => void

const source = fc.constantFrom(0, 1, 0xffff_ffff)

const voice: fc.Arbitrary<Deed> = fc
  .record({
    marker: fc.boolean(),
    payloadType: fc.constant(0),
    sequence: fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 0xffff })),
    timestamp: word,
    ssrc: source,
    csrc: fc.constant([]),
    payload: fc.uint8Array({ minLength: 160, maxLength: 160 }).map((bytes) => Buffer.from(bytes)),
  })
  .map((packet) => (bob) => bob.received(encodeRtp(packet)))

const report: fc.Arbitrary<Deed> = fc
  .record({
    sender: source,
    ntp: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    block: reportBlock,
  })
  .map(({ sender, ntp, block }) => (bob, _, ssrc) => {
    const sent = { ssrc: sender, ntp, rtpTimestamp: 0, packets: 0, octets: 0 }
    bob.received(encodeRtcp([{ type: 'SR', ...sent, blocks: [{ ...block, ssrc }] }]))
  })

const goodbye: fc.Arbitrary<Deed> = source.map((ssrc) => (bob) => {
  bob.received(
    encodeRtcp([
      { type: 'RR', ssrc, blocks: [] },
      { type: 'BYE', sources: [ssrc] },
    ]),
  )
})

const deed: fc.Arbitrary<Deed> = fc.oneof(
  voice,
  report,
  goodbye,
  fc.uint8Array({ maxLength: 200 }).map(
    (bytes): Deed =>
      (bob) =>
        bob.received(Buffer.from(bytes)),
  ),
  fc.nat({ max: 100 }).map(
    (passing): Deed =>
      (_, time) =>
        time.pass(passing),
  ),
  fc.nat({ max: 3000 }).map(
    (standing): Deed =>
      (_, time) =>
        time.standStill(standing),
  ),
)

test('whatever comes, the report makes sense, and who speaks afterwards is heard', () => {
  fc.assert(
    fc.property(fc.array(deed, { maxLength: 80 }), (deeds) => {
      const time = new MadeTime()
      let ssrc = 0
      const send = (datagram: Buffer): void => {
        ssrc = parseRtp(datagram)?.ssrc ?? ssrc
      }
      const bob = new Conversation({ send, speech: new Int16Array(), cname: 'b@a', clock: time })
      bob.start()
      time.pass(20)
      for (const each of deeds) each(bob, time, ssrc)

      const { received, loss, delay, rating, mos } = bob.report()
      expect(received.lost).toBeGreaterThanOrEqual(0)
      expect(loss).toBeGreaterThanOrEqual(0)
      expect(loss).toBeLessThanOrEqual(1)
      expect(delay).toBeGreaterThanOrEqual(20)
      expect(mos === undefined).toBe(received.packets === 0)
      expect(rating ?? 0).toBeLessThan(93.3)
      expect(mos ?? 1).toBeGreaterThanOrEqual(1)
      expect(mos ?? 1).toBeLessThanOrEqual(4.5)

      const speech = new Int16Array(800).fill(5000)
      const toBob = (datagram: Buffer): void => bob.received(datagram)
      const alice = new Conversation({ send: toBob, speech, cname: 'a@b', clock: time })
      alice.start()
      time.pass(3000)
      expect(bob.heard.at(-1)).toBeGreaterThan(4000)
      alice.stop()
      bob.stop()
    }),
    { numRuns: 60 },
  )
})
