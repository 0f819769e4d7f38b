// Runs a command that calls node-gyp, with the headers that came with this Node where there are any (`include/node`
// beside `bin/node`, as in every release archive and most packages), so that node-gyp need not download them.
//   node scripts/with-headers.mjs node-gyp rebuild
// A `nodedir` that npm is configured with goes before.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'

const prefix = dirname(dirname(process.execPath))
const env = { ...process.env }
if (!env.npm_config_nodedir && existsSync(join(prefix, 'include/node/node_api.h'))) env.npm_config_nodedir = prefix

const [command, ...args] = process.argv.slice(2)
const result = spawnSync(command, args, { env, stdio: 'inherit', shell: process.platform === 'win32' })
if (result.error) console.error(`${command}: ${result.error.message}; npm scripts have it on their PATH`)
process.exit(result.status ?? (result.signal ? 128 + constants.signals[result.signal] : 127))
