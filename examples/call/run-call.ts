import { join } from 'node:path'
import type { Faults, LinkStats } from 'polysocket'
import { startAnswerer } from './answerer.ts'
import { forkAnswerer } from './answerer-fork.ts'
import { placeCall } from './caller.ts'
import { type Pair, placesFor, staysInside } from './network/places.ts'
import { Route } from './network/route.ts'
import type { SideReport } from './side-report.ts'
import { readSpeech } from './voice/wav.ts'

/** What a call is made of. */
export interface CallSetting {
  readonly pair: Pair
  /** Of the memory family's links that the caller's side then goes through. */
  readonly faults: Faults | undefined
  /** Milliseconds that signalling is cut for. */
  readonly outage: number
  /** Where `speech.wav` and `video.mp4` are. */
  readonly media: string
  /** Where recordings and the film that arrived are kept. */
  readonly folder: string
  /** Hangs up before it is over. */
  readonly signal: AbortSignal
}

/** What both sides, and the links between them, have to tell. */
export interface CallReport {
  readonly processes: 1 | 2
  readonly caller: SideReport
  readonly answerer: SideReport
  readonly link: Pick<LinkStats, 'packets' | 'lost' | 'retransmitted'>
}

/** One call from beginning to end: both sides, and what they have to tell. The answerer has a process of its own where it can. */
export async function runCall({ pair, faults, outage, media, folder, signal }: CallSetting): Promise<CallReport> {
  const speechFile = join(media, 'speech.wav')
  const { samples: speech, rate } = await readSpeech(speechFile)
  const places = await placesFor(pair)
  const inside = staysInside(pair)
  const answerer = inside
    ? await startAnswerer(places, speech, folder)
    : await forkAnswerer({ places, speech: speechFile, folder })
  const route = new Route(faults)
  const gone = new AbortController()
  // Without its far side, the caller has nobody to wait for.
  answerer.report.catch(() => gone.abort())
  const length = (speech.length / rate) * 1000
  const film = join(media, 'video.mp4')
  const plan = { address: answerer.address, route, speech, length, film, outage, folder }
  const calling = placeCall({ ...plan, signal, gone: gone.signal })
  try {
    const [caller, answered] = await Promise.all([calling, answerer.report])
    return { processes: inside ? 1 : 2, caller, answerer: answered, link: route.stats() }
  } finally {
    // The answerer may have failed first.
    await calling.catch(() => undefined)
    await route.close()
    await answerer.close()
  }
}
