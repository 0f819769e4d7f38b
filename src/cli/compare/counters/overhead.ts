import { match, P } from 'ts-pattern'
import type { Ends } from '../measure/meeting.ts'
import type { Counted, Delivery } from '../result.ts'
import type { TrafficCounter, Uncounted } from './counter.ts'
import { memoryCounter } from './memory-counter.ts'
import { trafficCounter } from './traffic-counter.ts'

/** Who tells what a scheme's messages cost: a counter on its link, or where there is no link, the kernel's queue. */
export function overheadSource(scheme: string): 'link' | 'queue' {
  return scheme.startsWith('unix') ? 'queue' : 'link'
}

/** Who counts what crosses the scheme's link, or why nobody does. */
export function counterOf(scheme: string, { address }: Ends): Promise<TrafficCounter | Uncounted> {
  return match(scheme)
    .with('memory', 'memorygram', async () => memoryCounter(address))
    .with(
      P.when((one) => overheadSource(one) === 'queue'),
      async () => ({ reason: 'there is no link' }),
    )
    .otherwise(() => trafficCounter(scheme))
}

/** Runs `work`, which sends messages of `size` bytes, and tells what each that the counter saw cost beside its own bytes. */
export async function withOverhead<T extends { readonly delivery: Delivery }>(
  counting: TrafficCounter | Uncounted,
  size: number,
  work: () => Promise<T>,
): Promise<{ readonly done: T; readonly overhead: Counted }> {
  if ('reason' in counting) return { done: await work(), overhead: { value: undefined, source: counting.reason } }
  try {
    const before = await counting.read()
    const done = await work()
    const after = await counting.read()
    return { done, overhead: overheadOf(after.bytes - before.bytes, size, done.delivery, counting) }
  } finally {
    await counting.close()
  }
}

function overheadOf(bytes: number, size: number, delivery: Delivery, { source, countsLost }: TrafficCounter): Counted {
  const seen = countsLost ? delivery.sent : delivery.delivered + delivery.duplicated
  if (seen === 0) return { value: undefined, source: `no message came as far as to be counted: ${source}` }
  return { value: bytes / seen - size, source }
}
