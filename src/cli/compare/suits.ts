import { match, P } from 'ts-pattern'
import type { SchemeFacts } from '../../index.ts'
import type { Boundaries, Delivery, Latency, LinkFaults } from './result.ts'

export interface Measured {
  readonly facts: SchemeFacts
  readonly delivery: Delivery
  readonly boundaries: Boundaries
  readonly latency: Latency
  /** All zero where nothing disturbed the link. */
  readonly faults: LinkFaults
}

/**
 * The use that suits what was measured, in few words. The facts have a say where nothing happened on a link that nobody
 * disturbed: that all came once does not make a scheme one to rely on.
 */
export function suits({ facts, delivery, boundaries, latency, faults }: Measured): string {
  const { delivered, lost, duplicated, reordered } = delivery
  const trouble = lost > 0 ? 'some lost' : 'some duplicated or reordered'
  const whole = lost === 0 && duplicated === 0 && reordered === 0
  return (
    match({
      nothing: delivered === 0,
      whole,
      promised: facts.reliable && facts.ordered,
      kept: boundaries.kept,
      late: latency.p99 > lateFrom(faults),
    })
      .with({ nothing: true }, () => 'nothing: no message came')
      .with({ whole: false, late: true }, () => `telemetry: ${trouble}, some late`)
      .with({ whole: false, late: false }, () => `voice, games, telemetry: prompt, ${trouble}`)
      // Nothing happened, and it would not have been against a promise.
      .with({ whole: true, promised: false }, () => 'voice, games, telemetry: prompt, no promise')
      .with({ late: true, kept: true }, () => 'commands, events: whole messages, some late')
      .with({ late: true, kept: false }, () => 'files, messages, signalling: complete, some late')
      .with({ late: false, kept: true }, () => 'commands, events, logs: whole messages')
      .with({ late: false, kept: P.boolean }, () => 'files, messages, signalling: complete')
      .exhaustive()
  )
}

/** Later than a round trip beyond the link's own delay: the message, or one before it, was sent again or had to wait. */
function lateFrom({ delay, jitter }: LinkFaults): number {
  return delay === 0 ? Number.POSITIVE_INFINITY : delay + jitter + 2 * delay
}
