import { clearTimeout, setTimeout } from '../../core/timers.ts'
import type { Case } from './cases.ts'
import type { Measured } from './measure.ts'
import { measureMessages } from './message-client.ts'
import { firstOf, type Payload } from './payload.ts'
import { forkPeer, localPeer, type PeerRequest } from './peer.ts'
import { measureStream } from './stream-client.ts'

export type Outcome = { readonly address: string } & (
  | { readonly ok: true; readonly measured: Measured }
  | { readonly ok: false; readonly error: unknown }
)

export interface CaseOptions {
  /** Ends the row early. */
  readonly signal?: AbortSignal
  /** Milliseconds for the whole row; default: as its effort has it. */
  readonly limit?: number
  /** The program of the far side. */
  readonly script?: string
}

/** Runs one row: never rejects and never hangs, whatever becomes of the far side. */
export async function runCase(row: Case, payload: Payload, options: CaseOptions = {}): Promise<Outcome> {
  const limit = options.limit ?? row.effort.limit
  const deadline = new AbortController()
  const over = new AbortController()
  const timer = setTimeout(() => deadline.abort(new Error(`not finished after ${limit / 1000} s`)), limit)
  const interrupt = (): void => deadline.abort(new Error('interrupted'))
  options.signal?.addEventListener('abort', interrupt)
  const late = new Promise<never>((_, reject) => {
    deadline.signal.addEventListener('abort', () => reject(deadline.signal.reason))
  })
  const starting = row.sameProcess
    ? localPeer(request(row))
    : forkPeer(request(row), { signal: deadline.signal, script: options.script })
  let address = row.address
  try {
    const peer = await Promise.race([starting, late])
    address = peer.address
    const measure = row.facts.kind === 'stream' ? measureStream : measureMessages
    const work = measure(peer.address, firstOf(payload, row.effort.bytes), row.effort, {
      signal: over.signal,
      ...(row.forced !== undefined && { engine: row.forced }),
    })
    return { address, ok: true, measured: await Promise.race([work, peer.lost, late]) }
  } catch (error) {
    return { address, ok: false, error }
  } finally {
    over.abort()
    await starting.then((peer) => peer.close()).catch(() => undefined)
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', interrupt)
  }
}

function request({ address, forced }: Case): PeerRequest {
  return { address, engine: forced }
}
