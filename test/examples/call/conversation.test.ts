import { describe, expect, test } from 'vitest'
import { Conversation } from '../../../examples/call/voice/conversation.ts'
import { rating } from '../../../examples/call/voice/e-model.ts'
import { isRtcp, parseRtcp } from '../../../examples/call/voice/rtcp.ts'
import { encodeRtp, parseRtp } from '../../../examples/call/voice/rtp.ts'
import type { VoiceReport } from '../../../examples/call/voice/voice-report.ts'
import { MadeTime, pair, seeded, type Way } from './conversation-pair.ts'

function talk(seconds: number, way: Way = {}): ReturnType<typeof reports> & ReturnType<typeof pair> {
  const both = pair(way)
  both.alice.start()
  both.bob.start()
  both.time.pass(seconds * 1000)
  return { ...both, ...reports(both) }
}

/** Alice ends the call, and Bob does when he hears of it. */
function reports({
  time,
  alice,
  bob,
}: ReturnType<typeof pair>): Record<'fromAlice' | 'fromBob', ReturnType<Conversation['stop']>> {
  const fromAlice = alice.stop()
  time.pass(1000)
  return { fromAlice, fromBob: bob.stop() }
}

describe('a perfect link', () => {
  test('carries a packet each 20 ms, and nothing is wrong with it', () => {
    const { fromAlice, fromBob, bob } = talk(10)
    expect(fromAlice.sent).toEqual({ packets: 501, octets: 501 * 160 })
    expect(fromBob.received).toMatchObject({
      expected: 501,
      packets: 501,
      lost: 0,
      late: 0,
      duplicates: 0,
      reordered: 0,
    })
    expect(fromBob.received.concealed).toBe(0)
    expect(fromBob.loss).toBe(0)
    expect(fromBob.mos).toBeGreaterThan(4.35)
    expect(fromBob.remote).toMatchObject({ loss: 0, jitter: 0 })
    // Alice's tone, from start to end.
    const heard = bob.heard
    expect(heard.length).toBe(11 * 8000 + 160)
    expect(
      heard
        .subarray(8000, 79_000)
        .every((_, i) => i % 40 !== 0 || heard.subarray(i + 8000, i + 8040).some((s) => s > 7000)),
    ).toBe(true)
  })

  test('measures the round trip, and adds up the delay', () => {
    const { fromAlice, fromBob } = talk(5, { delay: 75 })
    for (const report of [fromAlice, fromBob]) {
      expect(report.roundTrip).toBeCloseTo(150, 0)
      expect(report.delay).toBeCloseTo(75 + 20 + report.bufferDelay, 0)
      expect(report.rating).toBe(rating({ delay: report.delay, loss: report.loss }))
    }
  })
})

describe('loss', () => {
  test.each([0.01, 0.05, 0.2])('of %d is reported as it was, on both sides, and lowers the score', (share) => {
    const random = seeded(7)
    const { fromAlice, fromBob, lost } = talk(30, { delay: 20, travel: () => (random() < share ? [] : [20]) })
    expect(lost()).toBeGreaterThan(5)
    // The last packets may be lost without anybody knowing that they were sent.
    expect(lost() - fromBob.received.lost).toBeLessThanOrEqual(2)
    expect(lost() - fromBob.received.lost).toBeGreaterThanOrEqual(0)
    expect(fromBob.loss).toBeCloseTo(lost() / fromAlice.sent.packets, 2)
    expect(Math.abs((fromAlice.remote?.loss as number) - fromBob.loss)).toBeLessThan(0.02)
    expect(fromBob.rating).toBe(rating({ delay: fromBob.delay, loss: fromBob.loss }))
    // 95 Ppl / (Ppl + 25.1), less than without loss, but for a little of delay.
    const fall = (95 * share * 100) / (share * 100 + 25.1)
    expect(Math.abs((fromAlice.rating ?? 0) - (fromBob.rating ?? 0) - fall)).toBeLessThan(0.15 * fall + 1)
  })

  test('duplicates and reordered packets are counted, and are no loss', () => {
    let count = 0
    const { fromBob } = talk(10, { delay: 10, travel: () => [[10], [10, 10], [45], [10]][count++ % 4] as number[] })
    expect(fromBob.received.lost).toBe(0)
    expect(fromBob.received.duplicates).toBe(125)
    expect(fromBob.received.reordered).toBe(125)
    expect(fromBob.received.late).toBeLessThan(4)
    expect(fromBob.jitter).toBeGreaterThan(5)
  })

  test('all of it: nothing is heard, and there is a report all the same', () => {
    const { fromAlice, fromBob, bob } = talk(3, { travel: () => [] })
    expect(fromBob.received).toMatchObject({ expected: 0, packets: 0, lost: 0 })
    expect(bob.heard.every((sample) => sample === 0)).toBe(true)
    expect(fromAlice.remote).toBeUndefined()
  })
})

describe('holes', () => {
  test('of 3 s in the link: the call goes on, and the hole is lost', () => {
    let count = 0
    const { fromBob, bob } = talk(12, { travel: () => (++count > 200 && count <= 350 ? [] : [0]) })
    expect(fromBob.received).toMatchObject({ lost: 150, late: 0, restarts: 1 })
    const heard = bob.heard
    expect(heard.subarray(5 * 8000, 6 * 8000).every((sample) => sample === 0)).toBe(true)
    expect(heard.subarray(9 * 8000, 9 * 8000 + 80).some((sample) => sample > 7000)).toBe(true)
  })

  test('of 3 s, after which all of it comes at once: too late to be heard, so quality falls as if it were lost', () => {
    let count = 0
    const held = (): boolean => ++count > 200 && count <= 350
    const { fromAlice, fromBob } = talk(12, { travel: () => [held() ? (350 - count) * 20 : 0] })
    expect(fromBob.received).toMatchObject({ expected: 601, lost: 0 })
    expect(fromBob.received.late).toBeGreaterThan(120)
    expect(fromBob.loss).toBeGreaterThan(0.2)
    expect(fromBob.rating).toBeLessThan((fromAlice.rating as number) - 40)
  })

  test('of 3 s in this process: nothing races, nothing is late, and nothing is lost', () => {
    const both = pair({ delay: 20 })
    both.alice.start()
    both.bob.start()
    both.time.pass(5000)
    const before = both.alice.report().sent.packets
    both.time.standStill(3000)
    both.time.pass(20)
    // What would have been said meanwhile is not sent in a rush.
    expect(both.alice.report().sent.packets - before).toBeLessThan(8)
    both.time.pass(4980)
    const { fromBob } = reports(both)
    expect(fromBob.received).toMatchObject({ lost: 0, late: 0 })
    expect(fromBob.bufferDelay).toBeLessThan(80)
  })
})

describe.each(['the tick', 'what waited to be read'])(
  'a pause of one side of 3 s, after which %s comes first',
  (first) => {
    test('what waited is neither late nor lost, and what is said after it is heard', () => {
      const [aliceTime, bobTime] = [new MadeTime(), new MadeTime()]
      const waiting: Buffer[] = []
      const speech = new Int16Array(8000).fill(3000)
      const alice = new Conversation({ send: (each) => waiting.push(each), speech, cname: 'a@b', clock: aliceTime })
      const bob = new Conversation({ send: () => {}, speech, cname: 'b@a', clock: bobTime })
      const read = (): void => {
        for (const each of waiting.splice(0)) bob.received(each)
      }
      alice.start()
      bob.start()
      const together = (milliseconds: number): void => {
        for (let passed = 0; passed < milliseconds; passed++) {
          aliceTime.pass(1)
          bobTime.pass(1)
          read()
        }
      }
      together(3000)
      aliceTime.pass(3000)
      bobTime.standStill(3000)
      if (first === 'the tick') bobTime.pass(0)
      read()
      together(3000)
      const { received, bufferDelay } = bob.stop()
      expect(received).toMatchObject({ expected: 451, lost: 0, late: 0, restarts: 0 })
      expect(received.concealed).toBeLessThan(5)
      expect(bufferDelay).toBeLessThan(60)
      expect(bob.heard.subarray(-16_000).filter((sample) => sample < 2500).length).toBeLessThan(800)
    })
  },
)

describe('what goes wrong', () => {
  test('frames of another length, or of another payload, are not played', () => {
    const time = new MadeTime()
    const bob = new Conversation({ send: () => {}, speech: new Int16Array(), cname: 'b@a', clock: time })
    bob.start()
    for (let sequence = 0; sequence < 50; sequence++) {
      const packet = { marker: false, sequence, timestamp: sequence * 160, ssrc: 5, csrc: [] }
      bob.received(encodeRtp({ ...packet, payloadType: 0, payload: Buffer.alloc(80, sequence) }))
      bob.received(encodeRtp({ ...packet, payloadType: 8, payload: Buffer.alloc(160, sequence) }))
      time.pass(20)
    }
    expect(bob.stop().received.expected).toBe(0)
    expect(bob.heard.every((sample) => sample === 0)).toBe(true)
  })

  test('garbage is passed over', () => {
    const both = pair()
    both.alice.start()
    both.bob.start()
    const random = seeded(3)
    for (let i = 0; i < 500; i++) {
      const length = Math.floor(random() * 200)
      both.bob.received(Buffer.from(Array.from({ length }, () => Math.floor(random() * 256))))
      both.bob.received(Buffer.from([0x80, 200 + (i % 4), 0, i % 9, ...new Array<number>(length).fill(i % 256)]))
      const packet = { marker: false, payloadType: i % 128, sequence: i * 77, timestamp: 0, ssrc: 5, csrc: [] }
      both.bob.received(encodeRtp({ ...packet, sequence: packet.sequence & 0xffff, payload: Buffer.alloc(i) }))
      both.time.pass(20)
    }
    const { fromBob } = reports(both)
    expect(fromBob.received).toMatchObject({ expected: 501, packets: 501, lost: 0, late: 0 })
  })

  test('another SSRC takes over after some packets: the other side began anew', () => {
    const both = pair()
    both.bob.start()
    both.alice.start()
    both.time.pass(2000)
    both.alice.stop()
    const again = new Conversation({
      send: (datagram) => both.bob.received(datagram),
      speech: new Int16Array(800).fill(5000),
      cname: 'alice@here',
      clock: both.time,
    })
    again.start()
    both.time.pass(2000)
    again.stop()
    const report = both.bob.stop()
    expect(report.received.expected).toBeGreaterThan(195)
    expect(report.received.lost).toBe(0)
    expect(report.received.restarts).toBe(1)
    expect(both.bob.heard.at(-8000)).toBeGreaterThan(4000)
  })

  test('a send that throws or fails does not end the voice', async () => {
    const time = new MadeTime()
    let tries = 0
    const send = (): Promise<void> => {
      tries++
      if (tries % 2) throw new Error('EPERM')
      return Promise.reject(new Error('ENOBUFS'))
    }
    const conversation = new Conversation({ send, speech: new Int16Array(), cname: 'a@b', clock: time })
    conversation.start()
    time.pass(1000)
    conversation.stop()
    expect(tries).toBeGreaterThan(50)
    // An unhandled rejection would fail this run.
    await new Promise((resolve) => setImmediate(resolve))
  })

  test('a send that ends the conversation ends it at once', () => {
    const time = new MadeTime()
    let sent = 0
    const send = (): void => {
      if (++sent === 10) conversation.stop()
    }
    const conversation = new Conversation({ send, speech: new Int16Array(), cname: 'a@b', clock: time })
    conversation.start()
    time.pass(1000)
    // The tenth, and the goodbye that is sent within it.
    expect(sent).toBe(11)
  })
})

describe('the course of a call', () => {
  const options = { speech: new Int16Array(8000).fill(1000), cname: 'a@b' }

  test('what is sent: paced voice with a marker first, reports with a CNAME, a goodbye last', () => {
    const time = new MadeTime()
    const sent: Buffer[] = []
    const conversation = new Conversation({ ...options, send: (datagram) => sent.push(datagram), clock: time })
    conversation.start()
    time.pass(3000)
    conversation.stop()
    const packets = sent.filter((datagram) => !isRtcp(datagram)).map((datagram) => parseRtp(datagram))
    expect(packets.map((packet) => packet?.marker)).toEqual([true, ...new Array<boolean>(150).fill(false)])
    for (const [index, packet] of packets.slice(1).entries()) {
      const before = packets[index]
      expect(packet?.sequence).toBe(((before?.sequence as number) + 1) & 0xffff)
      expect(packet?.timestamp).toBe(((before?.timestamp as number) + 160) >>> 0)
    }
    const control = sent.filter(isRtcp).map((datagram) => parseRtcp(datagram)?.map(({ type }) => type))
    expect(control).toEqual([
      ['SR', 'SDES'],
      ['SR', 'SDES'],
      ['SR', 'SDES'],
      ['SR', 'SDES', 'BYE'],
    ])
  })

  test('what is reported: whom one heard since the last report, and nobody else', () => {
    const time = new MadeTime()
    const blocks: number[] = []
    const toAlice = (datagram: Buffer): void => {
      for (const packet of isRtcp(datagram) ? (parseRtcp(datagram) ?? []) : []) {
        if (packet.type === 'SR') blocks.push(packet.blocks.length)
      }
    }
    const bob = new Conversation({ ...options, send: toAlice, clock: time })
    let silent = false
    const toBob = (datagram: Buffer): void => {
      if (!silent) bob.received(datagram)
    }
    const alice = new Conversation({ ...options, send: toBob, clock: time })
    bob.start()
    time.pass(1000)
    alice.start()
    time.pass(1000)
    silent = true
    time.pass(2000)
    silent = false
    time.pass(1000)
    expect(blocks).toEqual([0, 1, 1, 0, 1])
    alice.stop()
    bob.stop()
  })

  test('a pause of this process is a gap in the timestamps, and none in the sequence', () => {
    const time = new MadeTime()
    const sent: Buffer[] = []
    const conversation = new Conversation({ ...options, send: (datagram) => sent.push(datagram), clock: time })
    conversation.start()
    time.pass(200)
    time.standStill(3000)
    time.pass(200)
    conversation.stop()
    const packets = sent.filter((datagram) => !isRtcp(datagram)).map((datagram) => parseRtp(datagram))
    const after = packets.findIndex((packet, index) => index > 0 && packet?.marker)
    const [one, other] = [packets[after - 1], packets[after]]
    expect(((other?.sequence as number) - (one?.sequence as number)) & 0xffff).toBe(1)
    expect(((other?.timestamp as number) - (one?.timestamp as number)) >>> 0).toBe(151 * 160)
    expect(packets).toHaveLength(21)
  })

  test.each([true, false])('speech that is over: repeated %s', (repeat) => {
    const time = new MadeTime()
    const sent: Buffer[] = []
    const conversation = new Conversation({ ...options, repeat, send: (datagram) => sent.push(datagram), clock: time })
    conversation.start()
    time.pass(3000)
    const last = parseRtp(sent.filter((datagram) => !isRtcp(datagram)).at(-1) as Buffer)
    expect(last?.payload.every((code) => code === 0xff)).toBe(!repeat)
    conversation.stop()
  })

  test('starts once, stops as often as one likes, and then neither sends nor hears', () => {
    const time = new MadeTime()
    const sent: Buffer[] = []
    const conversation = new Conversation({ ...options, send: (datagram) => sent.push(datagram), clock: time })
    conversation.received(Buffer.alloc(172))
    conversation.start()
    expect(() => conversation.start()).toThrow('the conversation was started before')
    time.pass(100)
    const report = conversation.stop()
    const count = sent.length
    expect(conversation.stop()).toEqual(report)
    conversation.received(sent[0] as Buffer)
    time.pass(1000)
    expect(sent.length).toBe(count)
    expect(report.roundTrip).toBeUndefined()
    expect(() => conversation.start()).toThrow('the conversation was started before')
  })

  test('stops without having started, and says nothing then', () => {
    const sent: Buffer[] = []
    const conversation = new Conversation({ ...options, send: (datagram) => sent.push(datagram) })
    expect(conversation.stop()).toMatchObject({ sent: { packets: 0, octets: 0 }, loss: 0 })
    expect(sent).toEqual([])
  })

  test('keeps no more of what is heard than asked', () => {
    const { bob } = talk(5, { options: { keep: 2 } })
    expect(bob.heard.length).toBe(16_000)
  })

  test.each(['', 'ä'.repeat(128)])('a CNAME has to fit', (cname) => {
    expect(() => new Conversation({ ...options, cname, send: () => {} })).toThrow(/a cname has 1 to 255 bytes, and not/)
  })
})

test('two conversations on the real clock', async () => {
  const speech = new Int16Array(8000).fill(3000)
  const alice: Conversation = new Conversation({
    send: (datagram) => setImmediate(() => bob.received(datagram)),
    speech,
    cname: 'alice@here',
  })
  const bob: Conversation = new Conversation({
    send: (datagram) => setImmediate(() => alice.received(datagram)),
    speech,
    cname: 'bob@there',
  })
  const began = performance.now()
  alice.start()
  bob.start()
  const isEnough = ({ roundTrip, sent }: VoiceReport): boolean => roundTrip !== undefined && sent.packets > 20
  while (!isEnough(alice.report()) && performance.now() - began < 20_000) {
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const elapsed = performance.now() - began
  const fromAlice = alice.stop()
  await new Promise((resolve) => setTimeout(resolve, 50))
  const fromBob = bob.stop()
  // Never more than one each 20 ms; fewer where the machine stood still.
  expect(fromAlice.sent.packets).toBeLessThanOrEqual(elapsed / 20 + 2)
  expect(fromAlice.sent.packets).toBeGreaterThan(20)
  expect(fromBob.received.lost).toBe(0)
  expect(fromBob.received.packets).toBe(fromAlice.sent.packets)
  expect(fromAlice.roundTrip).toBeLessThan(2000)
  expect(bob.heard.some((sample) => sample > 2500)).toBe(true)
})
