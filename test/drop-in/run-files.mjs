// Many of Node's test files: the parallel ones a few at a time, the sequential ones one after the other.
import { runFile } from './run-file.mjs'

/**
 * @typedef {import('./run-file.mjs').Result} Result
 * @typedef {'passed' | 'failed' | 'skipped' | 'fails with Node too'} Standing
 * @typedef {{ file: string, standing: Standing, detail: string }} Report
 */

/**
 * What fails is run once more unchanged: a file that this machine does not let pass (no IPv6, no multicast, root) says nothing
 * of us.
 *
 * @param {import('./work-copy.mjs').WorkCopy} copy
 * @param {string[]} files
 * @param {{ unchanged: boolean, jobs: number, verbose: boolean }} options
 * @returns {Promise<Report[]>}
 */
export async function runFiles(copy, files, { unchanged, jobs, verbose }) {
  /** @type {Report[]} */
  const reports = []
  const run = async (/** @type {string} */ file, /** @type {number} */ slot) => {
    const started = performance.now()
    const report = unchanged ? plain(file, await runFile(copy.unchanged, file, slot)) : await compare(copy, file, slot)
    reports.push(report)
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${report.standing.padEnd(7)} ${file} (${seconds} s)${noteOf(report, verbose)}`)
  }
  const waiting = files.filter((file) => file.startsWith('parallel/'))
  const worker = async (/** @type {number} */ slot) => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await run(file, slot)
  }
  await Promise.all(Array.from({ length: jobs }, (_, slot) => worker(slot)))
  for (const file of files.filter((name) => name.startsWith('sequential/'))) await run(file, 0)
  return reports
}

/** @returns {Promise<Report>} */
async function compare(
  /** @type {import('./work-copy.mjs').WorkCopy} */ copy,
  /** @type {string} */ file,
  /** @type {number} */ slot,
) {
  const ours = await runFile(copy.ours, file, slot)
  if (ours.outcome !== 'failed') return plain(file, ours)
  const theirs = await runFile(copy.unchanged, file, slot)
  return theirs.outcome === 'failed'
    ? { file, standing: 'fails with Node too', detail: theirs.detail }
    : plain(file, ours)
}

/** @returns {Report} */
function plain(/** @type {string} */ file, /** @type {Result} */ { outcome, detail }) {
  return { file, standing: outcome, detail }
}

/** The whole output on request, otherwise the line that says most. */
function noteOf(/** @type {Report} */ { standing, detail }, /** @type {boolean} */ verbose) {
  if (standing === 'passed') return ''
  if (standing === 'skipped') return `: ${detail}`
  if (verbose) return `\n${detail.replace(/^/gm, '    ')}`
  const lines = detail.split('\n')
  return `: ${lines.find((line) => /^\s*(\w*Error\b|Mismatched|code:)/.test(line))?.trim() ?? lines[0]}`
}
