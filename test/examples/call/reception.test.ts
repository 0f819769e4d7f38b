import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ntpTime } from '../../../examples/call/voice/ntp.ts'
import { Reception, roundTrip } from '../../../examples/call/voice/reception.ts'

/** Packets of 20 ms, which come as evenly as they were sent. */
function feed(reception: Reception, sequences: readonly number[], first = 0): string[] {
  return sequences.map((sequence, index) => {
    const extended = first + index
    return reception.received({ sequence: sequence & 0xffff, timestamp: (extended * 160) >>> 0 }, extended * 20)
  })
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index)
const known = (): Reception => new Reception(7, { probation: 1 })

describe('the sequence (RFC 3550 appendix A.1)', () => {
  test('a source is valid after two packets in sequence', () => {
    const reception = new Reception(7)
    expect(feed(reception, [10, 20, 21, 22])).toEqual(['invalid', 'invalid', 'new', 'new'])
    expect(reception.counts).toEqual({ expected: 2, packets: 2, duplicates: 0, reordered: 0 })
  })

  test('numbers wrap, and the report says how often', () => {
    const reception = known()
    feed(reception, range(65_530, 65_530 + 2 * 65_536))
    expect(reception.counts).toMatchObject({ expected: 2 * 65_536, packets: 2 * 65_536 })
    expect(reception.reportBlock(0).highestSequence).toBe(2 * 65_536 + 65_529)
  })

  test('duplicates and stragglers are told apart, also over a wrap', () => {
    const reception = known()
    expect(feed(reception, [65_534, 65_536, 65_535, 65_535, 65_536, 65_537, 65_534])).toEqual([
      'new',
      'new',
      'reordered',
      'duplicate',
      'duplicate',
      'new',
      'duplicate',
    ])
    expect(reception.counts).toEqual({ expected: 4, packets: 4, duplicates: 3, reordered: 1 })
  })

  test('a duplicate of any packet that still counts is known', () => {
    const reception = known()
    feed(reception, range(0, 200))
    expect(new Set(feed(reception, range(100, 200)))).toEqual(new Set(['duplicate']))
  })

  test('a source that begins anew has neither duplicates of what it was before, nor its jitter', () => {
    const reception = known()
    feed(reception, range(0, 10))
    feed(reception, [40_000, 40_001], 5_000_000)
    expect(feed(reception, [0, 1, 3, 2], 77)).toEqual(['invalid', 'new', 'new', 'reordered'])
    const jitter = reception.jitter
    for (const index of [0, 1]) reception.received({ sequence: 50_000 + index, timestamp: 7 + index * 160 }, index * 20)
    expect(reception.jitter).toBe(jitter)
  })

  test('the first packets of all may come in the wrong order', () => {
    const reception = known()
    feed(reception, [2, 1, 0, 3])
    expect(reception.counts).toEqual({ expected: 4, packets: 4, duplicates: 0, reordered: 2 })
  })

  test('a single packet from elsewhere is not counted; two in a row begin anew, and what was counted stays', () => {
    const reception = known()
    feed(reception, range(0, 10))
    expect(feed(reception, [30_000, 10, 40_000, 40_001, 40_003])).toEqual(['invalid', 'new', 'invalid', 'new', 'new'])
    expect(reception.counts).toMatchObject({ expected: 11 + 3, packets: 11 + 2 })
  })

  /** update_seq() and init_seq() as the RFC has them. */
  class Source {
    #maxSeq: number
    #badSeq = 0x1_0001
    #cycles = 0
    #probation: number

    constructor(seq: number, probation: number) {
      this.#maxSeq = (seq - 1) & 0xffff
      this.#probation = probation
    }

    get extended(): number {
      return this.#cycles + this.#maxSeq
    }

    update(seq: number): boolean {
      const delta = (seq - this.#maxSeq) & 0xffff
      if (this.#probation > 0) {
        this.#probation = seq === ((this.#maxSeq + 1) & 0xffff) ? this.#probation - 1 : 1
        this.#maxSeq = seq
        if (this.#probation === 0) this.#init(seq)
        return this.#probation === 0
      }
      if (delta < 3000) {
        if (seq < this.#maxSeq) this.#cycles += 0x1_0000
        this.#maxSeq = seq
      } else if (delta <= 0x1_0000 - 100) {
        if (seq !== this.#badSeq) {
          this.#badSeq = (seq + 1) & 0xffff
          return false
        }
        this.#init(seq)
      }
      return true
    }

    #init(seq: number): void {
      this.#maxSeq = seq
      this.#badSeq = 0x1_0001
      this.#cycles = 0
    }
  }

  test.each([1, 2])("counts the packets that the RFC's update_seq() counts, with a probation of %d", (probation) => {
    const steps = fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: -3, max: 5 }) },
      { weight: 1, arbitrary: fc.constantFrom(1, 99, 100, 101, -98, -99, -100, -101, 2999, 3000, 3001) },
      { weight: 1, arbitrary: fc.nat({ max: 65_535 }) },
    )
    fc.assert(
      fc.property(fc.nat({ max: 65_535 }), fc.array(steps, { maxLength: 60 }), (first, walk) => {
        let sequence = first
        const reception = new Reception(7, { probation })
        const source = new Source(first, probation)
        for (const step of [0, ...walk]) {
          sequence = (sequence + step) & 0xffff
          const counted = reception.received({ sequence, timestamp: 0 }, 0) !== 'invalid'
          expect(counted).toBe(source.update(sequence))
          if (reception.valid) expect(reception.reportBlock(0).highestSequence).toBe(source.extended)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('whatever is lost, doubled and swapped nearby, the counts add up', () => {
    const fates = fc.array(fc.constantFrom('lost', 'once', 'once', 'once', 'twice', 'later'), { minLength: 2 })
    fc.assert(
      fc.property(fc.nat({ max: 65_535 }), fates, (first, fate) => {
        const sent = range(first, first + fate.length)
        const arriving = sent.flatMap((sequence, index) => {
          const swapped = fate[index - 1] === 'later' ? [sequence, sequence - 1] : [sequence]
          if (fate[index] === 'lost') return swapped.slice(1)
          if (fate[index] === 'later' && index < fate.length - 1) return swapped.slice(1)
          return fate[index] === 'twice' ? [...swapped, sequence] : swapped
        })
        if (arriving.length === 0) return
        const reception = known()
        feed(reception, arriving)
        const different = new Set(arriving).size
        expect(reception.counts).toMatchObject({
          expected: Math.max(...arriving) - Math.min(...arriving) + 1,
          packets: different,
          duplicates: arriving.length - different,
        })
      }),
    )
  })
})

describe('the report (appendix A.3)', () => {
  test('has the share lost since the one before, and the sum', () => {
    const reception = known()
    feed(
      reception,
      range(0, 100).filter((sequence) => sequence % 4 !== 1),
    )
    expect(reception.reportBlock(0)).toMatchObject({ ssrc: 7, fractionLost: 64, cumulativeLost: 25 })
    feed(reception, range(100, 200), 200)
    expect(reception.reportBlock(0)).toMatchObject({ fractionLost: 0, cumulativeLost: 25 })
  })

  test('is there to be had once packets came, be they duplicates', () => {
    const reception = known()
    expect(reception.heard).toBe(false)
    for (const sequence of [1, 1]) {
      feed(reception, [sequence])
      expect(reception.heard).toBe(true)
      reception.reportBlock(0)
      expect(reception.heard).toBe(false)
    }
  })

  test('has no more loss than 24 bits can say', () => {
    const reception = known()
    for (const index of range(0, 3000)) reception.received({ sequence: (index * 2999) & 0xffff, timestamp: 0 }, 0)
    expect(reception.reportBlock(0).cumulativeLost).toBe(0x7f_ffff)
  })

  test('has negative loss when duplicates outnumber it', () => {
    const reception = known()
    feed(reception, [1, 1, 1, 2, 4])
    expect(reception.reportBlock(0)).toMatchObject({ fractionLost: 0, cumulativeLost: -1 })
  })
})

describe('jitter (appendix A.8)', () => {
  test('is 0 for even packets, also where timestamps wrap', () => {
    const reception = known()
    for (const index of range(0, 100)) {
      reception.received({ sequence: index, timestamp: (0xffff_f000 + index * 160) >>> 0 }, 1e12 + index * 20)
    }
    expect(reception.jitter).toBeCloseTo(0, 3)
  })

  test('is the difference of transit times, smoothed by a sixteenth', () => {
    const reception = known()
    reception.received({ sequence: 0, timestamp: 0 }, 0)
    reception.received({ sequence: 1, timestamp: 160 }, 28)
    expect(reception.jitter).toBeCloseTo(8 / 16, 9)
    reception.received({ sequence: 2, timestamp: 320 }, 40)
    expect(reception.jitter).toBeCloseTo(0.5 + (8 - 0.5) / 16, 9)
    // In units of the timestamp, cut to whole ones.
    expect(reception.reportBlock(0).jitter).toBe(7)
  })

  test('settles where every other packet comes 8 ms later', () => {
    const reception = known()
    for (const index of range(0, 500)) {
      reception.received({ sequence: index, timestamp: index * 160 }, index * 20 + (index % 2) * 8)
    }
    expect(reception.jitter).toBeCloseTo(8, 3)
  })
})

describe('the round trip (section 6.4.1)', () => {
  test("is the RFC's example", () => {
    // Figure 2: 0x8000 parts of 2^16 s too few would be half a second; A - LSR - DLSR is 6.125 s.
    const block = {
      ...known().reportBlock(0),
      lastSenderReport: 0xb705_2000,
      delaySinceLastSenderReport: 0x0005_4000,
    }
    const at = 0xb710_8000n << 16n
    expect(roundTrip(block, at)).toBe(6125)
  })

  test('is what a report and its answer take, without the time in between', () => {
    const reception = known()
    reception.received({ sequence: 0, timestamp: 0 }, 0)
    const sentAt = 1_700_000_000_123
    reception.senderReport(ntpTime(sentAt), 5000)
    const block = reception.reportBlock(5700)
    expect(roundTrip(block, ntpTime(sentAt + 700 + 80))).toBeCloseTo(80, 1)
    // The clocks' rounding does not make a negative time.
    expect(roundTrip(block, ntpTime(sentAt + 700 - 0.01))).toBe(0)
  })

  test('is that, whatever the time of day: the 32 bits that reports carry wrap every 18 hours', () => {
    const time = fc.nat({ max: 2 ** 31 - 1 }).map((seconds) => seconds * 1000)
    fc.assert(
      fc.property(time, fc.nat({ max: 60_000 }), fc.nat({ max: 60_000 }), (sentAt, held, travelled) => {
        const reception = known()
        reception.senderReport(ntpTime(sentAt), 5000)
        const block = reception.reportBlock(5000 + held)
        // A report of that very moment in which the 32 bits are 0 says that there was none.
        fc.pre(block.lastSenderReport !== 0)
        expect(roundTrip(block, ntpTime(sentAt + held + travelled))).toBeCloseTo(travelled, 1)
      }),
    )
  })

  test('is unknown when no report is answered', () => {
    expect(roundTrip(known().reportBlock(0), ntpTime(0))).toBeUndefined()
  })
})
