import { startAnswerer } from './answerer.ts'
import type { Places } from './network/places.ts'
import type { SideReport } from './side-report.ts'
import { readSpeech } from './voice/wav.ts'

/** What the caller's process asks of this one, and what it is told: where to call, then how it was. */
export interface AnswererRequest {
  readonly places: Places
  readonly speech: string
  readonly folder: string
}

export type AnswererNews = { readonly address: string } | { readonly report: SideReport } | { readonly error: string }

// Ctrl-C, a terminal that is closed and timeout(1) reach the whole group of processes; that the caller's process lets go is
// what ends this one.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined)

process.once('message', (request: AnswererRequest) => {
  answer(request).catch((error: unknown) => tell({ error: String(error) }))
})

async function answer({ places, speech, folder }: AnswererRequest): Promise<void> {
  const { samples } = await readSpeech(speech)
  const answerer = await startAnswerer(places, samples, folder)
  process.once('disconnect', () => void answerer.close())
  // The caller's process may be gone by then.
  if (!process.connected) await answerer.close()
  tell({ address: answerer.address })
  tell({ report: await answerer.report })
}

function tell(news: AnswererNews): void {
  // Nobody may be left to be told.
  process.send?.(news, undefined, undefined, () => undefined)
}
