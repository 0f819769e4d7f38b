// npm run test:matrix: the tests on each line of Node that is supported, one after the other, and a table of how they came out.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InstallError, nodeBinary } from './node-binary.mjs'

/** The oldest that package.json allows, and what each line since has come to. */
const lines = ['20.19.0', '22', '24', '26']

const usage = `npm run test:matrix -- [--node LINE,LINE] [what vitest takes, such as test/core]
lines: ${lines.join(' ')}; any other version that npm has of node-linux-${process.arch} will do, too`

const checkout = fileURLToPath(new URL('../..', import.meta.url))

process.exitCode = main(process.argv.slice(2))

function main(args) {
  const { wanted, rest } = split(args)
  if (wanted.some((line) => !/^\d+(\.\d+){0,2}$/.test(line))) {
    console.error(usage)
    return 2
  }
  const rows = wanted.map((line) => testsOn(line, rest))
  console.log(`\n${table(rows)}`)
  return rows.every(({ ok }) => ok) ? 0 : 1
}

function split(args) {
  const at = args.indexOf('--node')
  if (at === -1) return { wanted: lines, rest: args }
  return { wanted: (args[at + 1] ?? '').split(','), rest: args.toSpliced(at, 2) }
}

/** Runs them, and tells how many passed. What a run prints is passed on. */
function testsOn(line, args) {
  let binary
  try {
    binary = nodeBinary(line)
  } catch (error) {
    if (!(error instanceof InstallError)) throw error
    console.error(`test:matrix: ${error.message}`)
    return { version: line, passed: '-', failed: '-', skipped: '-', seconds: '-', ok: false }
  }
  const { path, version } = binary
  console.log(`\n── Node ${version}: vitest run ${args.join(' ')}`)
  const folder = mkdtempSync(join(tmpdir(), 'polysocket-matrix-'))
  const file = join(folder, 'result.json')
  const started = performance.now()
  try {
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json']
    const { status } = spawnSync(path, [...vitest, `--outputFile.json=${file}`, ...args], {
      cwd: checkout,
      stdio: 'inherit',
      // Tests start `node`, too.
      env: { ...process.env, PATH: `${dirname(path)}${delimiter}${process.env.PATH}` },
    })
    const seconds = Math.round((performance.now() - started) / 1000)
    return { version, ...countsOf(file), seconds, ok: status === 0 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Where vitest itself failed there is no file. A file of tests that could not be run counts as one that failed. */
function countsOf(file) {
  try {
    const result = JSON.parse(readFileSync(file, 'utf8'))
    const broken = result.testResults.filter(
      ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
    )
    return {
      passed: result.numPassedTests,
      failed: result.numFailedTests + broken.length,
      skipped: result.numPendingTests + result.numTodoTests,
    }
  } catch (error) {
    if (error.code !== 'ENOENT') throw error
    return { passed: '-', failed: '-', skipped: '-' }
  }
}

function table(rows) {
  const titles = ['version', 'passed', 'failed', 'skipped', 'seconds']
  const cells = [titles, ...rows.map((row) => titles.map((title) => String(row[title])))]
  const widths = titles.map((_, column) => Math.max(...cells.map((row) => row[column].length)))
  return cells.map((row) => row.map((cell, column) => cell.padStart(widths[column])).join('  ')).join('\n')
}
