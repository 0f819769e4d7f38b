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

/** Whether the voice that the answerer heard in the second call is found to be worse, by 5 % of loss. */
function falls(before: Heard, after: Heard): boolean | undefined {
  const checks = checksOf(callWith(before), callWith(after), 0.05, 0)
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

test('a link that was to lose one packet in twenty, and lost no more than before, is found out', () => {
  expect(falls({}, {})).toBe(false)
  expect(falls({}, { late: 100, delay: 900 })).toBe(false)
  expect(falls({ lost: 20 }, { lost: 20 })).toBe(false)
  expect(falls({ lost: 30 }, { lost: 20 })).toBe(false)
})

test('of a few packets, none need be lost', () => {
  expect(falls({ sent: 150, expected: 150 }, { sent: 150, expected: 150 })).toBe(true)
})

test('a side that stood still and said less is heard all the same; one that is not heard is found out', () => {
  expect(goesOn({ sent: 150, expected: 150 })).toBe(true)
  expect(goesOn({ lost: 220 })).toBe(false)
})
