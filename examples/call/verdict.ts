import type { CallReport } from './run-call.ts'
import type { SideReport } from './side-report.ts'
import { meanOpinionScore, rating } from './voice/e-model.ts'
import { ms, percent } from './words.ts'

/** Something that has to hold after the calls, and whether it does. */
export interface Check {
  readonly holds: boolean
  readonly text: string
}

/** Less voice than this share of what was spoken is no conversation. */
const ENOUGH = 0.5
/** Chance spoils the verdict on a link that does as it was asked in fewer calls than one in a million. */
const RARE = 1e-6

/** What has to hold after the two calls, of which the second had so much loss and an outage of so many milliseconds. */
export function checksOf(undisturbed: CallReport, disturbed: CallReport, loss: number, outage: number): Check[] {
  return [
    ...checksOfCall('undisturbed', undisturbed),
    ...checksOfCall('disturbed', disturbed),
    ...(loss > 0 ? [fallOfQuality('to the answerer', disturbed.answerer, loss)] : []),
    ...(loss > 0 ? [fallOfQuality('to the caller', disturbed.caller, loss)] : []),
    ...(outage > 0 ? [survived(disturbed.caller)] : []),
  ]
}

/** What no link may spoil. */
function checksOfCall(name: string, { caller, answerer }: CallReport): Check[] {
  const same = (sent: readonly string[], received: readonly string[]): boolean =>
    sent.length > 0 && sent.join('\n') === received.join('\n')
  const { slowestAnswer: slowest } = caller
  const { video } = answerer
  const film = video && video.seconds * 1000
  const texts = same(caller.textsSent, answerer.textsReceived) && same(answerer.textsSent, caller.textsReceived)
  return [
    {
      holds: texts,
      text: `${name}: every text arrived, once, in order${withTime('the slowest answer after', slowest)}`,
    },
    { holds: video?.whole === true, text: `${name}: the film arrived whole${withTime('in', film)}` },
    {
      holds: heardEnough(caller, answerer) && heardEnough(answerer, caller),
      text: `${name}: the voice went on both ways`,
    },
  ]
}

/** Time is all that a link may take from a stream. */
function withTime(words: string, time: number | undefined): string {
  return time === undefined ? '' : `, ${words} ${ms(time)}`
}

function heardEnough(listener: SideReport, speaker: SideReport): boolean {
  return listener.voice.received.packets > ENOUGH * speaker.voice.sent.packets
}

/**
 * What the E-model says of the packets that did not come, beside what it says of the loss that was asked for. Packets that came
 * too late, and the delay, count in neither: a machine that stands still for a moment has them as well.
 *
 * The link has to lose as much as chance allows at least. It may be more: a socket whose reader stands still drops packets too
 * (one of unixgram holds ten of them), in either call, and so does a radio. So the undisturbed call is no measure for it.
 */
function fallOfQuality(name: string, { voice: { delay, received, mos } }: SideReport, loss: number): Check {
  if (mos === undefined) return { holds: false, text: `the voice ${name}: nothing was heard` }
  const scoreAt = (share: number): number => meanOpinionScore(rating({ delay, loss: share }))
  const left = scoreAt(received.lost / received.expected)
  const fall = (scoreAt(0) - left).toFixed(2)
  const expected = (scoreAt(0) - scoreAt(loss)).toFixed(2)
  return {
    holds: received.lost >= fewestLost(received.expected, loss),
    text: `the voice ${name} went on, and what was lost took ${fall} of its MOS and left ${left.toFixed(2)} (${expected} is expected of ${percent(loss)} loss)`,
  }
}

/** Of so many packets, by the binomial distribution: it is `RARE` that fewer are lost. */
function fewestLost(packets: number, loss: number): number {
  // In logarithms: of an hour's packets, the numbers have no room in floating point.
  let ways = 0
  let chance = 0
  for (let lost = 0; lost < packets; lost++) {
    chance += Math.exp(ways + lost * Math.log(loss) + (packets - lost) * Math.log1p(-loss))
    if (chance >= RARE) return lost
    ways += Math.log((packets - lost) / (lost + 1))
  }
  return packets
}

function survived(caller: SideReport): Check {
  return {
    holds: caller.interruptions > 0 && caller.ended.kind === 'hung up' && caller.ended.byUs,
    text: `signalling was lost for ${(caller.away / 1000).toFixed(1)} s, and the call went on`,
  }
}
