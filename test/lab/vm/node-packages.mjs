// Node packages that tests in the lab talk to and that the project does not depend on. The guest links them into the
// project's node_modules; on the host they stay in the cache.
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { log } from './log.mjs'
import { project } from './places.mjs'

const wanted = {
  'node-bluetooth-serial-port': '3.0.2',
  '@abandonware/noble': '1.9.2-26',
  '@stoprocent/noble': '2.8.0',
}

/** Those that are built; what the project has itself goes before in the guest. @param {string} cache */
export function nodePackages(cache) {
  return Object.entries(wanted)
    .map(([name, version]) => ({ name, folder: join(cache, packageFolder(name, version), 'node_modules', name) }))
    .filter(({ folder }) => existsSync(folder))
    .map(({ name, folder }) => ({ name, folder: realpathSync(folder) }))
}

/** Builds what is not built yet. What cannot be built is said and left out: its tests are skipped. @param {string} cache */
export function buildNodePackages(cache) {
  for (const [name, version] of Object.entries(wanted)) {
    const folder = join(cache, packageFolder(name, version))
    if (!existsSync(folder)) build(name, version, folder)
  }
}

/** Each in a folder of its own, so that one that fails does not take another with it. @param {string} name @param {string} version */
function packageFolder(name, version) {
  return join('packages', `${name.replace('/', '+')}@${version}+node${process.versions.modules}`)
}

/** @param {string} name @param {string} version @param {string} folder */
function build(name, version, folder) {
  log(`building ${name} ${version} (once)`)
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(join(dirname(folder), 'build-'))
  try {
    chmodSync(work, 0o755) // whoever else runs the lab may read it
    writeFileSync(join(work, 'package.json'), '{ "private": true }\n')
    const npm = [
      join(project, 'scripts/with-headers.mjs'),
      'npm',
      'install',
      '--no-audit',
      '--no-fund',
      `${name}@${version}`,
    ]
    const { status } = spawnSync(process.execPath, npm, { cwd: work, stdio: ['ignore', 2, 2], env: outside() })
    if (status !== 0) log(`${name} could not be built; tests that need it will be skipped`)
    else if (!existsSync(folder)) renameSync(work, folder)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** npm tells its children of the project that it was called in. */
function outside() {
  const own = /^npm_(package|lifecycle|config_(local_)?prefix)/
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)))
}
