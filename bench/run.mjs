// `npm run bench`: options.mjs has what it takes, table.mjs what is measured, sides.mjs how its processes talk to each other.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { help, readOptions } from './options.mjs'
import { buildReference } from './reference.mjs'
import { runGrowth } from './run-growth.mjs'
import { runTable } from './run-table.mjs'

// The sides end when we do: their stdin ends then.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130))

try {
  const options = readOptions(process.argv.slice(2))
  if (options.help) console.log(help)
  else process.exitCode = await run(options)
} catch (error) {
  console.error(error instanceof TypeError ? `${error.message}\n\n${help}` : error)
  process.exitCode = 1
}

async function run(options) {
  const directory = mkdtempSync(join(tmpdir(), 'polysocket-bench-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const { program, reason } = buildReference()
  if (reason !== undefined) console.log(`Nothing is compared with C: ${reason}\n`)
  const conditions = { ...options, directory, reference: program }
  return options.growth ? runGrowth(conditions) : runTable(conditions)
}
