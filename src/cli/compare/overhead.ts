import { match } from 'ts-pattern'
import type { TrafficCounter, Uncounted } from './counter.ts'
import type { Ends } from './meeting.ts'
import { memoryCounter } from './memory-counter.ts'
import type { Plan } from './plan.ts'
import type { Counted } from './result.ts'
import { trafficCounter } from './traffic-counter.ts'

/** Who counts what crosses the scheme's link, or why nobody does. */
export function counterOf(scheme: string, { address }: Ends): Promise<TrafficCounter | Uncounted> {
  return match(scheme)
    .with('memory', 'memorygram', async () => memoryCounter(address))
    .otherwise(() => trafficCounter(scheme))
}

/** Runs `work`, which sends the plan's messages, and tells what each of them cost beside its own bytes. */
export async function withOverhead<T>(
  counting: TrafficCounter | Uncounted,
  { messages, size }: Plan,
  work: () => Promise<T>,
): Promise<{ readonly done: T; readonly overhead: Counted }> {
  if ('reason' in counting) return { done: await work(), overhead: { value: undefined, source: counting.reason } }
  try {
    const before = await counting.read()
    const done = await work()
    const after = await counting.read()
    return { done, overhead: { value: (after.bytes - before.bytes) / messages - size, source: counting.source } }
  } finally {
    await counting.close()
  }
}
