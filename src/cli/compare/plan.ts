import type { LinkFaults } from './result.ts'

/** How one scheme is measured. Milliseconds and bytes. */
export interface Plan {
  readonly messages: number
  readonly size: number
  readonly interval: number
  /** What disturbs its link; all zero where nothing does. */
  readonly faults: LinkFaults
  /** Without a message after which the missing ones are lost, where the scheme may lose them. */
  readonly silence: number
  /** The same where it promises to lose none: a busy machine is no reason to doubt its word. */
  readonly patience: number
  /** How long to go on listening for copies when everything has come. */
  readonly afterwards: number
}

type Effort = Pick<Plan, 'messages' | 'size' | 'interval'>

const PATIENCE = 30_000

export function makePlan(effort: Effort, faults: LinkFaults): Plan {
  const oneWay = faults.delay + faults.jitter
  return {
    ...effort,
    faults,
    silence: Math.max(1000, 10 * oneWay),
    patience: Math.max(PATIENCE, 100 * oneWay),
    // A message that is held back comes a round trip after the others.
    afterwards: Math.max(50, 4 * oneWay),
  }
}

/** A link that is as it is. */
export const UNDISTURBED: LinkFaults = { loss: 0, duplicate: 0, reorder: 0, delay: 0, jitter: 0, seed: 1 }
