import { expect, test } from 'vitest'
import type { CallReport } from '../../../examples/call/run-call.ts'
import { checksOf } from '../../../examples/call/verdict.ts'
import { meanOpinionScore, rating } from '../../../examples/call/voice/e-model.ts'

interface Heard {
  readonly sent?: number
  readonly expected?: number
  readonly lost?: number
  readonly late?: number
  readonly delay?: number
}

/** As much of a report as there is to judge; the other side is as good as can be. */
function callWith({ sent = 400, expected = 400, lost = 0, late = 0, delay = 80 }: Heard): CallReport {
  const side = (voice: Required<Heard>): object => {
    const received = {
      expected: voice.expected,
      packets: voice.expected - voice.lost,
      lost: voice.lost,
      late: voice.late,
    }
    const loss = (voice.lost + voice.late) / Math.max(1, voice.expected)
    const R = rating({ delay: voice.delay, loss })
    const report = {
      sent: { packets: voice.sent },
      received,
      delay: voice.delay,
      loss,
      rating: R,
      mos: meanOpinionScore(R),
    }
    const texts = { textsSent: ['a'], textsReceived: ['a'] }
    return { voice: report, ...texts, video: { whole: true }, ended: { kind: 'hung up', byUs: true }, interruptions: 1 }
  }
  const answerer = side({ sent: 400, expected, lost, late, delay })
  const caller = side({ sent, expected: 400, lost: 20, late: 0, delay: 80 })
  return { caller, answerer } as unknown as CallReport
}

/** Whether the voice that the answerer heard in the second call is found to be worse, by so much loss. */
function falls(before: Heard, after: Heard, loss = 0.05): boolean | undefined {
  const checks = checksOf(callWith(before), callWith(after), loss, 0)
  return checks.find(({ text }) => text.includes('to the answerer'))?.holds
}

function goesOn(heard: Heard): boolean | undefined {
  const checks = checksOf(callWith(heard), callWith({ lost: 20 }), 0.05, 0)
  return checks.find(({ text }) => text === 'undisturbed: the voice went on both ways')?.holds
}

test('a machine that stood still in the undisturbed call has packets that are late, and a delay: what the link lost tells', () => {
  expect(falls({}, { lost: 20 })).toBe(true)
  expect(falls({ late: 100, delay: 900 }, { lost: 20 })).toBe(true)
  expect(falls({}, { lost: 20, delay: 3000 })).toBe(true)
})

test('what is told: the fall by what was lost, at the delay that there was, beside the one that was to be expected', () => {
  const told = (heard: Heard): string | undefined =>
    checksOf(callWith({}), callWith(heard), 0.05, 0).find(({ text }) => text.includes('to the answerer'))?.text
  const scores = [0, 0.05, 0.1].map((loss) => meanOpinionScore(rating({ delay: 250, loss })))
  const [best = 0, asked = 0, twice = 0] = scores
  const fall = (score: number): string => (best - score).toFixed(2)
  expect(told({ lost: 20, late: 100, delay: 250 })).toContain(
    `took ${fall(asked)} of its MOS and left ${asked.toFixed(2)} (${fall(asked)} is expected of 5 % loss)`,
  )
  expect(told({ lost: 40, delay: 250 })).toContain(
    `took ${fall(twice)} of its MOS and left ${twice.toFixed(2)} (${fall(asked)} is expected of 5 % loss)`,
  )
})

test('a socket that dropped packets while its reader stood still is no verdict on the link, in either call', () => {
  expect(falls({ lost: 95 }, { lost: 20 })).toBe(true)
  expect(falls({}, { lost: 115 })).toBe(true)
})

test('a link that was to lose one packet in twenty, and lost next to none, is found out', () => {
  expect(falls({}, {})).toBe(false)
  expect(falls({}, { late: 100, delay: 900 })).toBe(false)
  expect(falls({ lost: 20 }, { lost: 2 })).toBe(false)
})

test.each([
  // Of so many packets: by Python's statistics, sum(math.comb(n, k) * p**k * (1 - p)**(n - k) for k in range(fewest + 1)) is
  // the first that is 1e-6 or more.
  [400, 0.05, 3],
  [269, 0.05, 0],
  [270, 0.05, 1],
  [400, 0.1, 15],
  [400, 0.5, 153],
  [400, 0.999, 394],
  [180_000, 0.05, 8564],
])('of %d packets and a loss of %d, %d have to be lost at least', (expected, loss, fewest) => {
  const lost = (count: number): boolean | undefined => falls({}, { sent: expected, expected, lost: count }, loss)
  expect(lost(fewest)).toBe(true)
  if (fewest > 0) expect(lost(fewest - 1)).toBe(false)
})

test('where all is to be lost, nothing may come', () => {
  expect(falls({}, { lost: 399 }, 1)).toBe(false)
})

test('a side that stood still and said less is heard all the same; one that is not heard is found out', () => {
  expect(goesOn({ sent: 150, expected: 150 })).toBe(true)
  expect(goesOn({ lost: 220 })).toBe(false)
})
