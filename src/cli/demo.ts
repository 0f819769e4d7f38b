#!/usr/bin/env node
import { availableParallelism, release } from 'node:os'
import { performance } from '../core/timers.ts'
import type { SchemeFacts } from '../index.ts'
import { type Case, demoCases, type Missing } from './demo/cases.ts'
import { ECHO_BYTES, FULL, RADIO } from './demo/measure.ts'
import { PAYLOAD_PATH, readPayload } from './demo/payload.ts'
import { type Outcome, runCase } from './demo/run-case.ts'
import { EXIT, errorText } from './report.ts'
import { listenForStop } from './stop.ts'
import { Footnotes, humanBytes, table } from './table.ts'

const HEAD = ['scheme', 'engine', 'address', 'facts', 'bytes', 'round trip', 'throughput', 'verdict']

function describe(facts: SchemeFacts): string {
  const words = [
    facts.connected ? 'connected' : 'unconnected',
    ...(facts.reliable ? ['reliable'] : []),
    ...(facts.ordered ? ['ordered'] : []),
  ]
  const limit = facts.maxMessage === undefined ? '' : `, at most ${facts.maxMessage}`
  return `${words.join(', ')}\n${facts.boundaries ? `messages${limit}` : 'stream of bytes'}`
}

function row(tried: Case, outcome: Outcome): string[] {
  const engine = tried.sameProcess ? `${tried.engine}\n(one process)` : tried.engine
  if (!outcome.ok) {
    return [
      tried.scheme,
      engine,
      outcome.address,
      describe(tried.facts),
      '',
      '',
      '',
      `FAILED: ${errorText(outcome.error)}`,
    ]
  }
  const { from, bytes, roundTrip, seconds, verdict } = outcome.measured
  return [
    tried.scheme,
    engine,
    `${outcome.address}\n<- ${from ?? 'unnamed'}`,
    describe(tried.facts),
    String(bytes),
    `${roundTrip.toFixed(0)} us`,
    `${humanBytes(bytes / seconds)}/s`,
    `ok: ${verdict.replace(', ', ',\n')}`,
  ]
}

function missingRow({ scheme, reason, remedy }: Missing, notes: Footnotes): string[] {
  return [scheme, '-', '', '', '', '', '', `not here ${notes.mark(`${reason}; remedy: ${remedy}`)}`]
}

// Not to die on the spot leaves time to remove the socket files.
const stop = listenForStop()
const payload = readPayload()
const startedAt = performance.now()
const notes = new Footnotes()
const rows: string[][] = []
let tried = 0
let failed = 0
for (const entry of await demoCases()) {
  if (stop.exitCode !== undefined) break
  if ('reason' in entry) {
    rows.push(missingRow(entry, notes))
    continue
  }
  process.stderr.write(`demo: ${entry.address} (${entry.engine}) ...`)
  const outcome = await runCase(entry, payload, { signal: stop.soft })
  process.stderr.write(outcome.ok ? ' ok\n' : ' FAILED\n')
  tried++
  if (!outcome.ok) failed++
  rows.push(row(entry, outcome))
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
process.stdout.write(
  `
${humanBytes(payload.bytes.length)} of ${PAYLOAD_PATH} to a second process and its SHA-256 back; round trip:
median of up to ${FULL.echoes} echoes of ${ECHO_BYTES} bytes. Over a radio ${humanBytes(RADIO.bytes)} and ${RADIO.echoes} echoes. Node ${process.versions.node}, ${process.platform} ${release()}, ${availableParallelism()} processors.

${table(HEAD, rows, new Set(['bytes', 'round trip', 'throughput']))}
${notes}
${tried - failed} of ${tried} work, ${rows.length - tried} not to be tried here, ${seconds} s
`,
)
stop.dispose()
process.exitCode = stop.exitCode ?? (failed > 0 ? EXIT.failed : EXIT.ok)
