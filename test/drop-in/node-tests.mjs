// Runs Node's own tests of net and dgram against our modules of these names: `usage` says how.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { nodeTests, SourceError, whyNoTests } from './node-source.mjs'
import { runFiles } from './run-files.mjs'
import { verdictOf } from './verdict.mjs'
import { makeWorkCopy } from './work-copy.mjs'

const usage = `node test/drop-in/node-tests.mjs [options] net|dgram [part of a file name]...
  --unchanged   the files as they are, with Node's own module: what passes on this machine at all
  --verbose     the output of the files that fail
  --jobs N      files at the same time (default: one a processor, at least 2)`

const checkout = fileURLToPath(new URL('../../', import.meta.url))

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof SourceError)) throw error
  console.error(`node-tests: ${error.message}`)
  process.exitCode = 3
}

/** @returns {Promise<number>} the exit code */
async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { unchanged: { type: 'boolean' }, verbose: { type: 'boolean' }, jobs: { type: 'string' } },
  })
  const modules = ['net', 'dgram'].filter((name) => positionals.includes(name))
  const parts = positionals.filter((word) => !modules.includes(word))
  const jobs = Number(values.jobs ?? Math.max(2, availableParallelism()))
  if (modules.length === 0 || !(jobs >= 1)) {
    console.error(usage)
    return 2
  }
  const why = whyNoTests()
  if (why !== undefined) {
    console.log(`node-tests: skipped: ${why}`)
    return 0
  }
  const source = await nodeTests()
  const unchanged = values.unchanged === true
  if (!unchanged) compileIfStale()
  const copy = makeWorkCopy(source)
  try {
    let complaints = 0
    for (const module of modules) {
      const files = filesOf(source, module).filter(
        (file) => parts.length === 0 || parts.some((part) => file.includes(part)),
      )
      const results = await runFiles(copy, files, { unchanged, jobs, verbose: values.verbose === true })
      const known = unchanged ? {} : knownFailures(module)
      const verdict = verdictOf(results, known, { complete: parts.length === 0 })
      console.log(`${unchanged ? 'node:' : 'polysocket/'}${module}: ${verdict.summary}`)
      for (const complaint of verdict.complaints) console.log(`  ${complaint}`)
      complaints += verdict.complaints.length
    }
    return complaints === 0 ? 0 : 1
  } finally {
    rmSync(copy.root, { recursive: true, force: true })
  }
}

/** @returns {string[]} such as `parallel/test-net-server-close.js` */
function filesOf(/** @type {string} */ source, /** @type {string} */ module) {
  const inGroup = (/** @type {string} */ group) =>
    readdirSync(join(source, group))
      .filter((file) => file.startsWith(`test-${module}-`))
      .map((file) => `${group}/${file}`)
  return [...inGroup('parallel'), ...inGroup('sequential')]
}

/** @returns {Record<string, string>} the file's name without its directory, and why it fails */
function knownFailures(/** @type {string} */ module) {
  return JSON.parse(readFileSync(new URL(`known-failures-${module}.json`, import.meta.url), 'utf8'))
}

function compileIfStale() {
  const built = join(checkout, 'dist/index.js')
  const sources = readdirSync(join(checkout, 'src'), { recursive: true })
  const newest = Math.max(...sources.map((name) => statSync(join(checkout, 'src', String(name))).mtimeMs))
  if (existsSync(built) && statSync(built).mtimeMs > newest) return
  execFileSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
    cwd: checkout,
    stdio: 'inherit',
  })
}
