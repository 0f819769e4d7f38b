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
/** Where fewer packets than this are lost on average, none may be: of ten, one call in 20,000 loses none (e^-10). */
const ENOUGH_LOST = 10

/** What has to hold after the two calls, of which the second had so much loss and an outage of so many milliseconds. */
export function checksOf(undisturbed: CallReport, disturbed: CallReport, loss: number, outage: number): Check[] {
  return [
    ...checksOfCall('undisturbed', undisturbed),
    ...checksOfCall('disturbed', disturbed),
    ...(loss > 0 ? [fallOfQuality('to the answerer', undisturbed.answerer, disturbed.answerer, loss)] : []),
    ...(loss > 0 ? [fallOfQuality('to the caller', undisturbed.caller, disturbed.caller, loss)] : []),
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

/**
 * What the E-model says of the packets that did not come, beside what it says of the loss that was asked for. Packets that came
 * too late, and the delay, count in neither: a machine that stands still for a moment has them as well, in either call.
 */
function fallOfQuality(name: string, before: SideReport, after: SideReport, loss: number): Check {
  const { delay, received, mos } = after.voice
  if (mos === undefined || before.voice.mos === undefined)
    return { holds: false, text: `the voice ${name}: nothing was heard` }
  const scoreAt = (share: number): number => meanOpinionScore(rating({ delay, loss: share }))
  const best = scoreAt(lostShare(before))
  const left = scoreAt(lostShare(after))
  const fall = (best - left).toFixed(2)
  const expected = (best - scoreAt(loss)).toFixed(2)
  return {
    holds: left < best || received.expected * loss < ENOUGH_LOST,
    text: `the voice ${name} went on, and what was lost took ${fall} of its MOS and left ${left.toFixed(2)} (${expected} is expected of ${percent(loss)} loss)`,
  }
}

function lostShare({ voice: { received } }: SideReport): number {
  return received.expected === 0 ? 0 : received.lost / received.expected
}

function survived(caller: SideReport): Check {
  return {
    holds: caller.interruptions > 0 && caller.ended.kind === 'hung up' && caller.ended.byUs,
    text: `signalling was lost for ${(caller.away / 1000).toFixed(1)} s, and the call went on`,
  }
}
