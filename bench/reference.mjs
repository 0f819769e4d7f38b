// The C programs of bench/reference, which are the limit: built once for each state of their sources, into node_modules/.cache.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const sources = fileURLToPath(new URL('./reference', import.meta.url))
const cache = fileURLToPath(new URL('../node_modules/.cache/bench-reference', import.meta.url))

/** The program's path, or why there is none. */
export function buildReference() {
  if (!existsSync(sources)) return { reason: 'there are no C references in bench/reference' }
  const files = readdirSync(sources).filter((name) => /\.[ch]$/.test(name))
  const hash = createHash('sha256')
  for (const name of files.sort()) hash.update(readFileSync(join(sources, name)))
  const program = join(cache, `reference-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return { program }

  mkdirSync(cache, { recursive: true })
  const unfinished = `${program}.${process.pid}`
  const units = files.filter((name) => name.endsWith('.c'))
  const { error, status, stderr } = spawnSync('cc', ['-O2', '-o', unfinished, ...units], {
    cwd: sources,
    encoding: 'utf8',
  })
  if (error !== undefined) return { reason: `there is no C compiler (${error.message}): install cc` }
  if (status !== 0) return { reason: `cc does not build the C references: ${stderr.trim().split('\n')[0]}` }
  renameSync(unfinished, program)
  return { program }
}
