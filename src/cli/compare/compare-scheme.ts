import type { Sockets } from '../../index.ts'
import { isStream } from '../open.ts'
import { agreementsOf } from './agreements.ts'
import type { Case } from './cases.ts'
import { counterOf, overheadSource, withOverhead } from './counters/overhead.ts'
import { measureQueueOverhead } from './counters/queue-overhead.ts'
import { retransmissionsOf } from './counters/retransmissions.ts'
import { roundTripsOfTcp } from './counters/round-trips.ts'
import { measureBoundaries } from './measure/boundaries.ts'
import { measureDelivery } from './measure/delivery.ts'
import { measureHalfClose } from './measure/half-close.ts'
import { measureLargestMessage } from './measure/largest-message.ts'
import { latencyOf } from './measure/latency.ts'
import { type Ends, type Place, withEnds } from './measure/meeting.ts'
import { learnsOfClose } from './measure/peer-close.ts'
import { measureSetUp } from './measure/set-up.ts'
import type { Plan } from './plan.ts'
import type { Counted, SchemeResult } from './result.ts'
import { suits } from './suits.ts'

export interface CompareSchemeOptions {
  /** Gives it up: everything is closed, and it rejects with the signal's reason. */
  readonly signal: AbortSignal
  /** How many messages were sent so far. */
  readonly onSent?: (sent: number) => void
}

/** Measures one scheme. Rejects when it breaks down under it. */
export async function compareScheme(
  sockets: Sockets,
  tried: Case,
  plan: Plan,
  { signal, onSent }: CompareSchemeOptions,
): Promise<SchemeResult> {
  const { scheme, facts, disturbed, address, options } = tried
  const place: Place = { sockets, facts, address, options, patience: plan.patience, signal }
  const setUp = await measureSetUp(place, plan.faults, roundTripsOfTcp)
  const sent = await withEnds(place, (ends) => sendMessages(scheme, ends, plan, onSent))
  // Datagrams may be lost, and yet a link that loses none and lets none through does not work.
  if (plan.faults.loss === 0 && sent.delivery.delivered === 0) throw new Error(`none of ${plan.messages} messages came`)
  const boundaries = await withEnds(place, (ends) => measureBoundaries(ends, plan))
  const largest = await withEnds(place, (ends) => measureLargestMessage(ends, plan, sent.delivery.delivered > 0))
  const halfClose = await withEnds(place, (ends) => measureHalfClose(ends, plan))
  const learns = await withEnds(place, (ends) => learnsOfClose(ends, plan))
  const { delivery, journeys, kind } = sent
  const latency = latencyOf(journeys)
  return {
    scheme,
    address: sent.address,
    engine: sent.engine,
    facts: sent.facts,
    disturbed,
    setUp,
    interval: plan.interval,
    delivery,
    retransmitted: sent.retransmitted,
    boundaries,
    overhead:
      overheadSource(scheme) === 'queue'
        ? await withEnds(place, (ends) => measureQueueOverhead(ends, plan.size))
        : sent.overhead,
    latency,
    journeys,
    suits: suits({ facts, delivery, boundaries, latency, faults: plan.faults }),
    agreements: agreementsOf(facts, { kind, learnsOfClose: learns, delivery, boundaries, halfClose, largest }),
  }
}

type Sent = Pick<
  SchemeResult,
  'address' | 'engine' | 'facts' | 'delivery' | 'journeys' | 'retransmitted' | 'overhead'
> & {
  readonly kind: 'stream' | 'datagram'
}

/** The messages themselves, and what was counted below them meanwhile. */
async function sendMessages(scheme: string, ends: Ends, plan: Plan, onSent?: (sent: number) => void): Promise<Sent> {
  const { near, far, address } = ends
  const again = retransmissionsOf(scheme, ends)
  const before = again.read()
  const work = (): ReturnType<typeof measureDelivery> => measureDelivery(ends, plan, onSent)
  const { done, overhead } = await withOverhead(await counterOf(scheme, ends), plan.size, work)
  return {
    ...done,
    address,
    engine: near.engine ?? '',
    facts: near.facts,
    kind: isStream(far) ? 'stream' : 'datagram',
    retransmitted: since(before, again.read(), again.source),
    overhead,
  }
}

function since(before: number | undefined, after: number | undefined, source: string): Counted {
  return { value: before === undefined || after === undefined ? undefined : after - before, source }
}
