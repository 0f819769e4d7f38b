import { access, constants, stat, writeFile } from 'node:fs/promises'
import { availableParallelism, release } from 'node:os'
import { dirname } from 'node:path'
import type { Writable } from 'node:stream'
import * as sockets from '../../index.ts'
import { note, UsageError } from '../report.ts'
import type { Stop } from '../stop.ts'
import { type Case, comparisonCases } from './cases.ts'
import { namespaceKind, runInNamespace } from './namespace/namespace.ts'
import { type CompareOptions, checkSize, faultsOf, INTERVAL, MESSAGES } from './options.ts'
import { makePlan, type Plan, UNDISTURBED } from './plan.ts'
import { comparisonText } from './print.ts'
import { Progress, type Terminal } from './progress.ts'
import type { Comparison, Missing, Outcome } from './result.ts'
import { runCase } from './run-case.ts'
import { verdict } from './verdict.ts'
import { disagreement } from './words.ts'

export interface CompareOutput {
  readonly stdout: Writable
  readonly stderr: Terminal
  /** A page for a browser, and where to put it. */
  readonly page?: { readonly file: string; make(comparison: Comparison): Promise<string> } | undefined
}

/** Runs `polysocket compare`. Gives the exit code; rejects with what to report. */
export async function compare(
  schemes: readonly string[],
  options: CompareOptions,
  { stdout, stderr, page }: CompareOutput,
  stop: Stop,
): Promise<number> {
  const faults = faultsOf(options)
  const netem = options.netem ?? false
  const cases = await comparisonCases(schemes, faults, netem)
  checkSize(
    options.size,
    cases.filter((one) => 'facts' in one),
  )
  if (page !== undefined) await checkWritable(page.file)
  // All of it runs once more in there, this function too.
  if (netem && namespaceKind() !== 'netem') return runInNamespace(faults, process.argv.slice(1), stop)
  const outcomes = await runAll(cases, options, stderr, stop)
  const comparison: Comparison = {
    faults,
    netem,
    messages: options.messages ?? MESSAGES.usual,
    size: options.size,
    interval: options.interval ?? INTERVAL.usual,
    machine: {
      node: process.versions.node,
      system: `${process.platform} ${release()}`,
      processors: availableParallelism(),
    },
    schemes: outcomes,
  }
  const isWhole = outcomes.length === cases.length
  if (!isWhole) note(`stopped: ${outcomes.length} of ${cases.length} schemes are done`)
  // Half a JSON document looks like a whole one.
  if (isWhole || (outcomes.length > 0 && !options.json))
    await write(stdout, options.json ? json(comparison) : comparisonText(comparison))
  if (isWhole && page !== undefined) await writeFile(page.file, await page.make(comparison))
  tellDisagreements(outcomes)
  return stop.exitCode ?? verdict(outcomes, schemes.length > 0)
}

/** One scheme after the other, so that they do not disturb each other; ends early when asked to stop. */
async function runAll(
  cases: readonly (Case | Missing)[],
  options: CompareOptions,
  stderr: Terminal,
  stop: Stop,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const one of cases) {
    if (stop.soft.aborted) break
    try {
      const outcome = 'reason' in one ? one : await run(one, options, stderr, stop)
      outcomes.push(outcome)
    } catch (error) {
      if (!stop.soft.aborted) throw error
    }
  }
  return outcomes
}

async function run(tried: Case, options: CompareOptions, stderr: Terminal, stop: Stop): Promise<Outcome> {
  const plan = planFor(tried, options)
  const progress = new Progress(stderr, tried.scheme, plan.messages)
  try {
    // Setting up takes a while over a slow link.
    progress.sent(0)
    const outcome = await runCase(sockets, tried, plan, {
      signal: stop.soft,
      onSent: (sent) => progress.sent(sent),
    })
    progress.done(outcome)
    return outcome
  } finally {
    progress.clear()
  }
}

function planFor({ isRadio, disturbed }: Case, options: CompareOptions): Plan {
  const usual = isRadio ? 'radio' : 'usual'
  const { messages = MESSAGES[usual], interval = INTERVAL[usual], size } = options
  return makePlan({ messages, interval, size }, disturbed === 'nothing' ? UNDISTURBED : faultsOf(options))
}

function json(comparison: Comparison): string {
  return `${JSON.stringify(comparison, null, 2)}\n`
}

/** Before the measuring, which takes a while. */
async function checkWritable(file: string): Promise<void> {
  const problem = await writingProblem(file)
  if (problem !== undefined) throw new UsageError(`--html ${file}: no page can be written there: ${problem}`)
}

async function writingProblem(file: string): Promise<string | undefined> {
  if (file === '' || file.endsWith('/')) return 'it is no name of a file'
  try {
    if ((await stat(file)).isDirectory()) return 'it is a folder'
    await access(file, constants.W_OK)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT') return message
    return access(dirname(file), constants.W_OK | constants.X_OK).then(
      () => undefined,
      (ofFolder: Error) => ofFolder.message,
    )
  }
  return undefined
}

/** Until the text is written. Of a reader who has gone `stop` knows; any other error is the caller's. */
async function write(stdout: Writable, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    stdout.write(text, (error) => {
      if (error == null || (error as NodeJS.ErrnoException).code === 'EPIPE') resolve()
      else reject(error)
    })
  })
}

function tellDisagreements(outcomes: readonly Outcome[]): void {
  for (const outcome of outcomes) {
    if (!('agreements' in outcome)) continue
    for (const agreement of outcome.agreements) {
      if (!agreement.agrees) note(`${outcome.scheme}: ${disagreement(agreement)}`)
    }
  }
}
