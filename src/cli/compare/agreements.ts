import type { SchemeFacts } from '../../index.ts'
import type { HalfClose } from './measure/half-close.ts'
import type { LargestMessage } from './measure/largest-message.ts'
import type { Agreement, Boundaries, Delivery } from './result.ts'
import { count } from './words.ts'

/** What is held against the facts. */
export interface Findings {
  readonly kind: SchemeFacts['kind']
  readonly learnsOfClose: boolean
  readonly delivery: Delivery
  readonly boundaries: Boundaries
  readonly halfClose: HalfClose
  readonly largest: LargestMessage | undefined
}

/** Each fact beside what was measured. A promise must have been kept; who promises nothing cannot break it. */
export function agreementsOf(facts: SchemeFacts, found: Findings): Agreement[] {
  const { kind, learnsOfClose, delivery, boundaries, halfClose, largest } = found
  const { sent, lost, duplicated, reordered } = delivery
  const nothingCame = boundaries.reads === 0
  return [
    { fact: 'kind', declared: facts.kind, measured: kind, agrees: kind === facts.kind },
    {
      fact: 'connected',
      declared: yesNo(facts.connected),
      measured: learnsOfClose ? 'told when the peer closed' : 'not told when the peer closed',
      agrees: learnsOfClose === facts.connected,
    },
    {
      fact: 'reliable',
      declared: yesNo(facts.reliable),
      measured: `${lost} lost and ${duplicated} duplicated of ${sent}`,
      agrees: !facts.reliable || (lost === 0 && duplicated === 0),
    },
    {
      fact: 'ordered',
      declared: yesNo(facts.ordered),
      measured: `${reordered} after a later one`,
      agrees: !facts.ordered || reordered === 0,
    },
    {
      fact: 'boundaries',
      declared: yesNo(facts.boundaries),
      measured: nothingCame ? 'nothing came' : boundariesText(boundaries),
      agrees: nothingCame || boundaries.kept === facts.boundaries,
    },
    {
      fact: 'halfClose',
      declared: yesNo(facts.halfClose),
      measured: halfClose === 'refused' ? 'refused' : `after our end the other direction ${halfClose}`,
      agrees: (halfClose === 'goes on') === facts.halfClose,
    },
    ...(largest === undefined ? [] : [largestAgreement(largest, delivery)]),
  ]
}

function boundariesText({ kept, writes, reads }: Boundaries): string {
  return kept ? 'each read gave one message' : `${count(writes, 'write')}, ${count(reads, 'read')} of other lengths`
}

function largestAgreement(largest: LargestMessage, { delivered }: Delivery): Agreement {
  const { declared, fate, beyond } = largest
  // A link that lets nothing through says nothing about lengths.
  const asExpected = fate === 'arrived' || (fate === 'lost' && delivered === 0)
  return {
    fact: 'maxMessage',
    declared: String(declared),
    measured: `${declared} bytes: ${fate}, one more: ${beyond}`,
    agrees: asExpected && beyond === 'EMSGSIZE',
  }
}

function yesNo(fact: boolean): string {
  return fact ? 'yes' : 'no'
}
