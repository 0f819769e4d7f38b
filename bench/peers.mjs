// Packages that we are measured against and that nothing else here needs: installed once, into node_modules/.cache.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const peersFolder = fileURLToPath(new URL('../node_modules/.cache/bench-peers', import.meta.url))

/** Why the package is not there, with what helps; `undefined` when it is. */
export function installPeer(name) {
  if (existsSync(join(peersFolder, 'node_modules', name, 'package.json'))) return undefined
  mkdirSync(peersFolder, { recursive: true })
  writeFileSync(join(peersFolder, 'package.json'), '{"private":true}')
  const { status, stderr, error } = spawnSync('npm', ['install', '--no-audit', '--no-fund', name], {
    cwd: peersFolder,
    encoding: 'utf8',
    timeout: 300_000,
  })
  if (status === 0) return undefined
  const cause =
    error?.message ?? stderr.split('\n').find((line) => /ERR|error/.test(line)) ?? `npm ended with ${status}`
  return `${name} does not install (${cause}); it takes npm's registry, a C++ compiler, make and python3`
}
