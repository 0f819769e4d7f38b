import { mkdir, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readPair } from './network/places.ts'
import { type DemoOptions, faultsOf, readOptions } from './options.ts'
import { printReport } from './report.ts'
import { type CallReport, runCall } from './run-call.ts'
import { checksOf } from './verdict.ts'

/** `npm run demo:call`: the same call twice, over a link that nothing disturbs and over one that loses and is cut. */

/** This file runs from `examples/build/call`. */
const MEDIA = fileURLToPath(new URL('../../call/media', import.meta.url))

async function main(options: DemoOptions): Promise<number> {
  const pair = readPair(options.over)
  const folder = resolve(options.out ?? (await mkdtemp(join(tmpdir(), 'polysocket-call-'))))
  const call = async (name: string, faults: typeof NO_FAULTS, outage: number): Promise<CallReport> => {
    process.stderr.write(`demo:call: ${options.over}, ${name} ...`)
    const recordings = join(folder, name)
    await mkdir(recordings, { recursive: true })
    const report = await runCall({ pair, faults, outage, media: MEDIA, folder: recordings })
    process.stderr.write(` ${report.caller.ended}\n`)
    return report
  }
  const startedAt = performance.now()
  const undisturbed = await call('undisturbed', NO_FAULTS, 0)
  const disturbed = await call('disturbed', faultsOf(options), options.outage)
  const checks = checksOf(undisturbed, disturbed, options.loss, options.outage)
  const failed = checks.filter(({ holds }) => !holds).length
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ options, undisturbed, disturbed, checks }, null, 2)}\n`)
  } else {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
    process.stdout.write(`
${describe(options)}

${printReport(undisturbed, disturbed)}

${checks.map(({ holds, text }) => `${holds ? 'ok    ' : 'FAILED'}  ${text}`).join('\n')}

What each side heard, and the film that arrived: ${folder}
${checks.length - failed} of ${checks.length} hold, ${seconds} s
`)
  }
  return failed === 0 ? 0 : 1
}

const NO_FAULTS = {}

function describe({ over, loss, delay, jitter, outage }: DemoOptions): string {
  return `A call over ${over}, twice: undisturbed; and with ${loss * 100} % lost, ${delay} to ${delay + jitter} ms each way,
signalling cut for ${outage / 1000} s. Voice is PCMU in RTP, 50 packets a second each way.`
}

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`demo:call: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
