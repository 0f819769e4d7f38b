// One feature of one library: ends with status 0 where it does it, else says why not.
//   node compare-unix-probe.mjs FEATURE LIBRARY FOLDER

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { features } from './compare-unix-features.mjs'

const [feature, library, folder] = process.argv.slice(2)
const directory = mkdtempSync(join(tmpdir(), 'polysocket-probe-'))
process.on('exit', () => rmSync(directory, { recursive: true }))

async function load() {
  if (library === 'node:net') return import('node:net')
  const require = createRequire(join(folder, 'probe.cjs'))
  if (library !== 'polysocket') return require(library)
  const entry = feature === 'loads' ? join(folder, 'node_modules/polysocket') : folder
  return import(join(entry, 'dist/index.js'))
}

/** A binary for Node-API has no symbols of V8's, which change with Node. */
function usesNodeApi() {
  const binaries = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('.node'))
  if (binaries.length === 0) throw new Error('it was not built')
  for (const binary of binaries) {
    if (readFileSync(join(folder, binary)).includes('_ZN2v8')) throw new Error('its binary is for one version of Node')
  }
}

try {
  if (feature === 'Node-API') usesNodeApi()
  else {
    const module = await load()
    if (feature === 'loads') {
      if (library === 'polysocket') await module.socketpair('unixgram')[0].close()
    } else {
      const attempt = features[feature][library]
      if (typeof attempt === 'string') throw new Error(attempt)
      await attempt(module, (name) => join(directory, name))
    }
  }
  process.exit(0)
} catch (error) {
  console.error(/bindings file/.test(error.message) ? 'its addon is built by an install script only' : error.message)
  process.exit(1)
}
