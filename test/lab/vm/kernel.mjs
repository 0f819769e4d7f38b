// Debian's stock kernel, unpacked into the cache: no root, nothing installed.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { LabError, NOT_INSTALLED } from './errors.mjs'
import { log } from './log.mjs'

/** The kernel that the recorded behaviour was seen on. */
const preferred = 'linux-image-6.12.117+deb12-amd64'

/**
 * Meta packages whose kernel serves where the archive no longer has the preferred one. Not bookworm's own 6.1: in 6.1.192 a
 * Bluetooth connect to an unreachable address is a kernel BUG.
 */
const successors = ['linux-image-6.12-amd64', 'linux-image-amd64']
const unfit = /^linux-image-6\.1\./

/**
 * @param {string} cache
 * @returns {{ version: string, image: string, modules: string }} `modules` is the folder to mount on /lib/modules
 */
export function kernel(cache) {
  const version = cachedVersion(cache) ?? fetchKernel(cache)
  const folder = realpathSync(join(cache, version))
  return { version, image: join(folder, 'boot', `vmlinuz-${version}`), modules: join(folder, 'lib/modules') }
}

/** The version that is there already. @param {string} cache */
export function cachedVersion(cache) {
  const versions = (existsSync(cache) ? readdirSync(cache) : []).filter((name) =>
    existsSync(join(cache, name, 'boot', `vmlinuz-${name}`)),
  )
  const best = preferred.replace('linux-image-', '')
  return versions.includes(best) ? best : versions.sort().at(-1)
}

/** @param {string} cache @returns {string} its version */
function fetchKernel(cache) {
  const name = availablePackage()
  const version = name.replace('linux-image-', '')
  log(`fetching ${name} from Debian (about 110 MB; once)`)
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(join(cache, 'fetch-'))
  try {
    download(name, work)
    const deb = readdirSync(work).find((file) => file.endsWith('.deb'))
    if (deb === undefined) throw new LabError(`apt-get download ${name} left no package`, NOT_INSTALLED)
    const root = join(work, 'root')
    execFileSync('dpkg', ['-x', join(work, deb), root], { stdio: ['ignore', 2, 2] })
    execFileSync('depmod', ['-b', root, version], { stdio: ['ignore', 2, 2], env: withSbin() })
    publish(root, join(cache, version))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return version
}

function availablePackage() {
  if (isAvailable(preferred)) return preferred
  for (const meta of successors) {
    const name = /Depends:.*?(linux-image-\d[^\s,]*)/.exec(aptCache('show', '--no-all-versions', meta))?.[1]
    if (name !== undefined && !unfit.test(name)) return name
  }
  throw new LabError(`apt knows no kernel that serves (${preferred}); run: apt-get update`, NOT_INSTALLED)
}

/** @param {string} name */
function isAvailable(name) {
  return aptCache('show', '--no-all-versions', name).includes(`Package: ${name}`)
}

/** @param {string[]} args */
function aptCache(...args) {
  return spawnSync('apt-cache', args, { encoding: 'utf8' }).stdout ?? ''
}

/** @param {string} name @param {string} folder */
function download(name, folder) {
  // apt's own user may not write here, which root would be warned of.
  const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : []
  const { status } = spawnSync('apt-get', ['download', '-q', ...sandbox, name], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) throw new LabError(`apt-get download ${name} failed; try: apt-get update`, NOT_INSTALLED)
}

/** A folder appears whole or not at all; of two that are made at once, the first stays. @param {string} from @param {string} to */
function publish(from, to) {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!existsSync(to)) throw error
  }
}

/** depmod is in sbin, which users do not have on their PATH. */
function withSbin() {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` }
}
