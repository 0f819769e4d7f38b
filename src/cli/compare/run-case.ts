import { clearTimeout, setTimeout } from '../../core/timers.ts'
import type { Sockets } from '../../index.ts'
import { errorText } from '../report.ts'
import type { Case } from './cases.ts'
import { compareScheme } from './compare-scheme.ts'
import type { Plan } from './plan.ts'
import type { Failed, SchemeResult } from './result.ts'

export interface RunOptions {
  readonly signal: AbortSignal
  readonly onSent?: (sent: number) => void
  /** Milliseconds for the whole scheme; default: what the plan needs, and a long time. */
  readonly limit?: number
}

/** setTimeout takes no more, and would end at once. */
const LONGEST_TIMER = 2 ** 31 - 1
/** Bytes in a millisecond: half of what an emulated radio carries. */
const SLOWEST = 50

/** Measures one scheme: never hangs, and rejects only when it is told to stop. */
export async function runCase(
  sockets: Sockets,
  tried: Case,
  plan: Plan,
  { signal, onSent, limit = longEnough(plan) }: RunOptions,
): Promise<SchemeResult | Failed> {
  const deadline = new AbortController()
  const timer = setTimeout(() => deadline.abort(new Error(`not finished after ${limit / 1000} s`)), limit)
  try {
    return await compareScheme(sockets, tried, plan, {
      signal: AbortSignal.any([signal, deadline.signal]),
      ...(onSent !== undefined && { onSent }),
    })
  } catch (error) {
    if (signal.aborted) throw error
    return { scheme: tried.scheme, failed: true, reason: errorText(error), remedy: remedyFor(plan) }
  } finally {
    clearTimeout(timer)
  }
}

function longEnough({ messages, size, interval, patience }: Plan): number {
  return Math.min(LONGEST_TIMER, 2 * messages * (interval + size / SLOWEST) + 4 * patience)
}

function remedyFor({ faults }: Plan): string {
  return faults.loss > 0 ? 'try a link that loses less (--loss)' : 'see what polysocket families says of it'
}
