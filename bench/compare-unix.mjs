// What polysocket, unix-dgram, usocket and node:net can do with Unix sockets on this Node, tried feature by feature, each in a
// process of its own. Installs the other two into a temporary directory, and prints a table in Markdown with the
// reasons below it. polysocket is the checkout (`npm run compile` and `npm run build:native` before); the last two rows
// look at what its package would hold, which takes `npm run prebuild`.
//
//   node bench/compare-unix.mjs
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { features } from './compare-unix-features.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const probe = fileURLToPath(new URL('compare-unix-probe.mjs', import.meta.url))
const others = ['unix-dgram', 'usocket']
const libraries = ['polysocket', ...others, 'node:net']
const directory = mkdtempSync(join(tmpdir(), 'polysocket-compare-'))
process.on('exit', () => rmSync(directory, { recursive: true }))

/** Installs a package into a folder of its own; with what npm says when that fails. */
function install(name, source, ...options) {
  const prefix = join(directory, name)
  mkdirSync(prefix)
  writeFileSync(join(prefix, 'package.json'), '{}')
  const { status, stderr } = spawnSync('npm', ['install', '--no-audit', '--no-fund', ...options, source], {
    cwd: prefix,
    encoding: 'utf8',
    timeout: 300_000,
  })
  const failure =
    status === 0 ? undefined : `it does not install: ${stderr.split('\n').find((line) => /ERR|error/.test(line))}`
  return { prefix, failure }
}

/** Whether the library does it: 'yes', or why not. */
function attempt(feature, library, prefix) {
  const { status, signal, stderr } = spawnSync(process.execPath, [probe, feature, library, prefix ?? root], {
    encoding: 'utf8',
    timeout: 10_000,
  })
  if (status === 0) return 'yes'
  return signal === null ? stderr.trim().split('\n')[0] : 'it hangs'
}

function version(library, prefix) {
  if (library === 'node:net') return process.version
  if (compiled.get(library)?.failure !== undefined) return ''
  const folder = library === 'polysocket' ? root : join(prefix, 'node_modules', library)
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version
}

const rows = []
const compiled = new Map(others.map((name) => [name, install(name, name)]))
const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory], {
  cwd: root,
})
const sources = new Map([['polysocket', join(directory, String(packed).trim())], ...others.map((name) => [name, name])])
const bare = new Map([...sources].map(([name, source]) => [name, install(`bare-${name}`, source, '--ignore-scripts')]))
const loads = (library) => bare.get(library)?.failure ?? attempt('loads', library, bare.get(library)?.prefix)
rows.push([
  `installs and loads on Node ${process.version}`,
  ...libraries.map((library) => {
    if (library === 'node:net') return 'yes'
    const { failure, prefix } = compiled.get(library) ?? bare.get(library)
    return failure ?? attempt('loads', library, prefix)
  }),
])
for (const feature of Object.keys(features)) {
  rows.push([feature, ...libraries.map((library) => attempt(feature, library, compiled.get(library)?.prefix))])
}

rows.push([
  'works where install scripts do not run',
  ...libraries.map((library) => (library === 'node:net' ? 'yes' : loads(library))),
])
rows.push([
  'one binary for every Node (Node-API)',
  ...libraries.map((library) => {
    if (library === 'node:net') return 'yes'
    const folder =
      library === 'polysocket'
        ? join(root, 'native/build')
        : join(compiled.get(library).prefix, 'node_modules', library, 'build')
    if (!existsSync(folder)) return 'it was not built'
    return attempt('Node-API', library, folder)
  }),
])

const reasons = []
const cell = (text) => {
  if (text === 'yes') return text
  if (!reasons.includes(text)) reasons.push(text)
  return `no (${reasons.indexOf(text) + 1})`
}
const heads = libraries.map((library) => `${library} ${version(library, compiled.get(library)?.prefix)}`)
const table = [
  ['Unix sockets', ...heads],
  ['', ...heads].map(() => '---'),
  ...rows.map(([name, ...cells]) => [name, ...cells.map(cell)]),
]
for (const row of table) console.log(`| ${row.join(' | ')} |`)
console.log()
for (const [at, reason] of reasons.entries()) console.log(`${at + 1}. ${reason}`)
