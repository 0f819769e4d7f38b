import { percent } from './percent.ts'
import type { CallReport } from './run-call.ts'
import type { SideReport } from './side-report.ts'
import { meanOpinionScore, rating } from './voice/e-model.ts'

/** Something that has to hold after the calls, and whether it does. */
export interface Check {
  readonly holds: boolean
  readonly text: string
}

/** Less voice than this share of what was spoken is no conversation. */
const ENOUGH = 0.5

/** Of less loss, the machine's own pauses may hide the effect. */
const NOTICEABLE = 0.01

/** What has to hold after the two calls, of which the second had so much loss and an outage of so many milliseconds. */
export function checksOf(undisturbed: CallReport, disturbed: CallReport, loss: number, outage: number): Check[] {
  return [
    ...checksOfCall('undisturbed', undisturbed),
    ...checksOfCall('disturbed', disturbed),
    ...(loss >= NOTICEABLE ? [fallOfQuality('to the answerer', undisturbed.answerer, disturbed.answerer, loss)] : []),
    ...(loss >= NOTICEABLE ? [fallOfQuality('to the caller', undisturbed.caller, disturbed.caller, loss)] : []),
    ...(outage > 0 ? [survived(disturbed.caller)] : []),
  ]
}

/** What no link may spoil. */
function checksOfCall(name: string, { caller, answerer }: CallReport): Check[] {
  const same = (sent: readonly string[], received: readonly string[]): boolean =>
    sent.length > 0 && sent.join('\n') === received.join('\n')
  const texts = same(caller.textsSent, answerer.textsReceived) && same(answerer.textsSent, caller.textsReceived)
  return [
    { holds: texts, text: `${name}: every text arrived, once, in order` },
    { holds: answerer.video?.whole === true, text: `${name}: the film arrived whole` },
    {
      holds: heardEnough(caller, answerer) && heardEnough(answerer, caller),
      text: `${name}: the voice went on both ways`,
    },
  ]
}

function heardEnough(listener: SideReport, speaker: SideReport): boolean {
  return listener.voice.received.packets > ENOUGH * speaker.voice.sent.packets
}

/** What the E-model says of the loss that was asked for, beside what it says of the loss that was measured. */
function fallOfQuality(name: string, before: SideReport, after: SideReport, loss: number): Check {
  const { mos: from } = before.voice
  const { mos: to, delay } = after.voice
  if (from === undefined || to === undefined) return { holds: false, text: `the voice ${name}: nothing was heard` }
  const fall = from - to
  const expected = from - meanOpinionScore(rating({ delay, loss }))
  return {
    holds: fall > 0,
    text: `the voice ${name} falls by ${fall.toFixed(2)} in MOS, to ${to.toFixed(2)} (by ${expected.toFixed(2)} is expected of ${percent(loss)} loss)`,
  }
}

function survived(caller: SideReport): Check {
  return {
    holds: caller.interruptions > 0 && caller.ended.kind === 'hung up' && caller.ended.byUs,
    text: `signalling was lost for ${(caller.away / 1000).toFixed(1)} s, and the call went on`,
  }
}
