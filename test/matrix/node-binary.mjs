// Binaries of Node from npm, kept beside the other caches. A line is looked for once: delete its folder for a newer release.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const cache = fileURLToPath(new URL('../../node_modules/.cache/polysocket-matrix/', import.meta.url))

/** What keeps a binary from being had, with the remedy. */
export class InstallError extends Error {}

/** @param {string} line such as `22`, or `20.19.0` @returns {{ path: string, version: string }} */
export function nodeBinary(line) {
  const name = `node-${process.platform}-${process.arch}`
  const path = join(cache, line, 'node_modules', name, 'bin/node')
  if (!existsSync(path)) install(name, line)
  return { path, version: execFileSync(path, ['--version'], { encoding: 'utf8' }).trim() }
}

/** Into a folder of its own first, so that an interrupted run leaves nothing that looks complete. */
function install(name, line) {
  console.log(`── installing ${name}@${line}`)
  mkdirSync(cache, { recursive: true })
  const part = mkdtempSync(join(cache, 'part-'))
  writeFileSync(join(part, 'package.json'), '{}')
  try {
    execFileSync('npm', ['install', '--no-audit', '--no-fund', '--no-save', `${name}@${line}`], {
      cwd: part,
      stdio: 'inherit',
    })
    rmSync(join(cache, line), { recursive: true, force: true })
    renameSync(part, join(cache, line))
  } catch (cause) {
    throw new InstallError(
      `npm has not given ${name}@${line}: see above; it needs npm's registry, or a copy at ${cache}${line}`,
      { cause },
    )
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}
