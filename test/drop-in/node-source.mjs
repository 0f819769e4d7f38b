// Node's own tests, from the sources that Debian ships: fetched once, checked, and kept beside the other caches. They are of one
// line of Node, and say nothing on another one, whose globals and errors are different.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'

const version = '20.19.2'
const line = lineOf(version)
const archiveName = `nodejs_${version}+dfsg.orig.tar.xz`
const url = `http://deb.debian.org/debian/pool/main/n/nodejs/${archiveName}`
const sha256 = '5e5559381ad031d245a8efa403458abbb73755f74c3e6380f185a4dd342b7949'

const cache = fileURLToPath(new URL('../../node_modules/.cache/polysocket-node-tests/', import.meta.url))
const wanted = ['test/parallel/test-net-*', 'test/parallel/test-dgram-*']
wanted.push('test/sequential/test-net-*', 'test/sequential/test-dgram-*', 'test/common', 'test/fixtures')

/** What keeps the tests from running, with the remedy; everything else that is thrown is a bug. */
export class SourceError extends Error {}

/** The root of Node's sources, of the line that runs, instead of Debian's. */
const GIVEN = 'POLYSOCKET_NODE_SOURCES'

/** Why there are no tests of the Node that runs; `undefined` where there are. */
export function whyNoTests() {
  if (process.env[GIVEN] !== undefined || lineOf(process.versions.node) === line) return undefined
  return (
    `Node's own tests are those of Node ${version}, the line whose sources Debian has, and this is ${process.version}; ` +
    `set ${GIVEN} to the root of its sources to run them, or use Node ${line}`
  )
}

/** @returns {Promise<string>} the directory that Node calls `test` */
export async function nodeTests() {
  const given = process.env[GIVEN]
  if (given !== undefined) return givenTests(given)
  const unpacked = join(cache, `node-v${version}`)
  if (!existsSync(unpacked)) {
    mkdirSync(cache, { recursive: true })
    unpack(await archive(), unpacked)
  }
  return join(unpacked, 'test')
}

function givenTests(/** @type {string} */ root) {
  if (existsSync(join(root, 'test/parallel'))) return join(root, 'test')
  throw new SourceError(`${GIVEN} is ${root}, which has no test/parallel: it has to be the root of Node's sources`)
}

function lineOf(/** @type {string} */ numbers) {
  return numbers.split('.')[0]
}

/** @returns {Promise<string>} the path of the archive, whose bytes are the expected ones */
async function archive() {
  const path = join(cache, archiveName)
  if (!existsSync(path)) fetchTo(path)
  const actual = await digest(path)
  if (actual !== sha256) {
    throw new SourceError(`${path} has SHA-256 ${actual}, not ${sha256}: remove it, and run this again`)
  }
  return path
}

/** @param {string} path */
function fetchTo(path) {
  const part = `${path}.${process.pid}`
  try {
    execFileSync('curl', ['-fsSL', '--retry', '3', '-o', part, url], { stdio: ['ignore', 'inherit', 'inherit'] })
  } catch (cause) {
    rmSync(part, { force: true })
    const elsewhere = `https://snapshot.debian.org/package/nodejs/ has it too`
    throw new SourceError(`cannot fetch ${url} with curl; put that file at ${path} (${elsewhere})`, { cause })
  }
  renameSync(part, path)
}

/** @param {string} path @returns {Promise<string>} */
async function digest(path) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}

/** Into a directory of its own first, so that an interrupted run leaves nothing that looks complete. */
function unpack(/** @type {string} */ path, /** @type {string} */ target) {
  const part = mkdtempSync(join(cache, 'unpack-'))
  const patterns = wanted.map((pattern) => `*/${pattern}`)
  try {
    execFileSync('tar', ['-xJf', path, '-C', part, '--strip-components=1', '--wildcards', ...patterns])
    if (!existsSync(target)) renameSync(part, target)
  } catch (cause) {
    throw new SourceError(`cannot unpack ${path}: tar and xz are needed (Debian: apt-get install tar xz-utils)`, {
      cause,
    })
  } finally {
    rmSync(part, { recursive: true, force: true })
  }
}
