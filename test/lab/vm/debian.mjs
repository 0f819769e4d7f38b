// The Debian packages that the lab is made of. Nothing but installing them needs root.
import { spawnSync } from 'node:child_process'
import { LabError, NOT_INSTALLED } from './errors.mjs'

const needed = [
  'qemu-system-x86',
  'busybox-static',
  'xz-utils',
  'kmod',
  'procps',
  'iproute2',
  'bluez',
  'bluez-test-tools',
  'dbus',
  'python3-dbus',
  'python3-gi',
]

/** What compiles the Node packages that the tests in the lab compare with. */
const neededToBuild = ['g++', 'make', 'python3', 'libbluetooth-dev']

/** What to run before the lab. @param {string[]} missing */
export function remedy(missing) {
  return `apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`
}

/** @returns {string[]} the packages without which no machine boots */
export function missingPackages() {
  return notInstalled(needed)
}

/** Installs what is missing. @param {boolean} needLists whether apt's lists are needed anyway, for the kernel's package */
export function install(needLists) {
  const missing = notInstalled([...needed, ...neededToBuild])
  if (needLists || missing.length > 0) asRoot('apt-get', ['update', '-q'])
  if (missing.length > 0) asRoot('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing])
}

/** @param {string[]} packages */
function notInstalled(packages) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new LabError('the lab runs on Linux on amd64 only: its guest runs the programs of its host', NOT_INSTALLED)
  }
  const format = '$' + '{Package} $' + '{db:Status-Status}\n'
  const { stdout, error } = spawnSync('dpkg-query', ['-W', '-f', format, ...packages], { encoding: 'utf8' })
  if (error) throw new LabError(`the lab is made of Debian packages, and there is no dpkg here`, NOT_INSTALLED)
  const installed = new Set(
    stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  )
  return packages.filter((name) => !installed.has(name))
}

/** @param {string} command @param {string[]} args */
function asRoot(command, args) {
  const line = process.getuid?.() === 0 ? [command, ...args] : ['sudo', command, ...args]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // apt's progress is a message of the lab's: the command's stdout stays clean.
  const { status } = spawnSync(line[0], line.slice(1), { stdio: ['inherit', 2, 2], env })
  if (status !== 0) throw new LabError(`${line.join(' ')} failed`, NOT_INSTALLED)
}
