import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { constants, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Faults } from 'polysocket'
import { disturb, inOwnNetwork, isInOwnNetwork } from './network/netem.ts'
import { type Pair, readPair } from './network/places.ts'
import { type DemoOptions, faultsOf, readOptions } from './options.ts'
import { printReport } from './report.ts'
import { type CallReport, runCall } from './run-call.ts'
import { checksOf } from './verdict.ts'
import { percent } from './words.ts'

/** `npm run demo:call`: the same call twice, over a link that nothing disturbs and over one that loses and is cut. */

/** This file runs from `examples/build/call`. */
const MEDIA = fileURLToPath(new URL('../../call/media', import.meta.url))

/** What a shell reports of a process that SIGPIPE ended. */
const BROKEN_PIPE = 128 + constants.signals.SIGPIPE

async function main(options: DemoOptions): Promise<number> {
  const pair = readPair(options.over)
  if (options.netem) checkNetem(pair)
  if (options.netem && !isInOwnNetwork) return inOwnNetwork(process.argv.slice(1))

  const stop = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(name, () => {
      process.exitCode = 128 + constants.signals[name]
      stop.abort(new Error('interrupted'))
    })
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // Whoever reads the report may have gone: there is nobody left to tell.
    if (error.code === 'EPIPE') process.exit(BROKEN_PIPE)
    process.stderr.write(`demo:call: ${error.message}\n`)
    process.exit(1)
  })
  if (options.out !== undefined) return callTwice(options, pair, resolve(options.out), stop.signal)
  const folder = await mkdtemp(join(tmpdir(), 'polysocket-call-'))
  try {
    return await callTwice(options, pair, folder, stop.signal)
  } catch (error) {
    // Nobody was told where it is.
    await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function callTwice(options: DemoOptions, pair: Pair, folder: string, signal: AbortSignal): Promise<number> {
  const call = async (name: string, faults: Faults | undefined, outage: number): Promise<CallReport> => {
    process.stderr.write(`demo:call: ${options.over}, ${name} ...`)
    try {
      const recordings = join(folder, name)
      await mkdir(recordings, { recursive: true })
      const report = await runCall({ pair, faults, outage, media: MEDIA, folder: recordings, signal })
      signal.throwIfAborted()
      process.stderr.write(` ${report.caller.ended.kind}\n`)
      return report
    } catch (error) {
      process.stderr.write('\n')
      // Whatever has failed because of it.
      signal.throwIfAborted()
      throw error
    }
  }
  const startedAt = performance.now()
  const undisturbed = await call('undisturbed', undefined, 0)
  if (options.netem) disturb(options)
  const disturbed = await call('disturbed', options.netem ? undefined : faultsOf(options), options.outage)

  const checks = checksOf(undisturbed, disturbed, options.loss, options.outage)
  const failed = checks.filter(({ holds }) => !holds).length
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  process.stdout.write(
    options.json
      ? `${JSON.stringify({ options, undisturbed, disturbed, checks }, null, 2)}\n`
      : `
${describe(options)}

${printReport(undisturbed, disturbed)}

${checks.map(({ holds, text }) => `${holds ? 'ok    ' : 'FAILED'}  ${text}`).join('\n')}

What each side heard, and the film that arrived: ${folder}
${checks.length - failed} of ${checks.length} hold, ${seconds} s
`,
  )
  return failed === 0 ? 0 : 1
}

function checkNetem({ streams, datagrams }: Pair): void {
  if (streams === 'tcp' && datagrams === 'udp') return
  throw new TypeError('netem disturbs tcp and udp; other schemes do without --netem')
}

function describe({ over, loss, delay, jitter, outage, netem }: DemoOptions): string {
  return `A call over ${over}, twice: undisturbed; and with ${percent(loss)} lost, ${delay} to ${delay + jitter} ms each way,
signalling cut for ${outage / 1000} s. It is ${netem ? 'netem on lo' : 'a link of the memory family'} that disturbs. Voice is PCMU in RTP,
50 packets a second each way.`
}

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)))
} catch (error) {
  process.stderr.write(`demo:call: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode ??= 1
}
