// npm run test:stress: random operations on all kinds of sockets, by a seed; `--help` says what it takes.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { descriptorLimit } from './invariants.mjs'
import { help, readOptions } from './options.mjs'
import { run } from './run.mjs'

const checkout = fileURLToPath(new URL('../..', import.meta.url))
const PYTHON = '/usr/bin/python3'
/** Set in the process that has the limit of descriptors. */
const LIMITED = 'POLYSOCKET_STRESS_LIMITED'

process.exit(await main(process.argv.slice(2)))

async function main(args) {
  let options
  try {
    options = readOptions(args)
  } catch (error) {
    console.error(`${error.message}\n\n${help}`)
    return 2
  }
  if (options.help) {
    console.log(help)
    return 0
  }
  if (options.sanitize) return sanitized(args.filter((arg) => arg !== '--sanitize'))
  if (process.env[LIMITED] === undefined) return limited(args)
  const root = resolve(options.package ?? checkout)
  if (!existsSync(`${root}/dist/index.js`)) {
    console.error(`${root} is not built: npm run compile && npm run build:native`)
    return 2
  }
  console.log(`stress: seed ${options.seed}, ${options.seconds} s, Node ${process.version}`)
  return run({ ...options, root, python: existsSync(PYTHON) ? PYTHON : undefined })
}

/** Few descriptors, so that a leak is noticed. Node takes what the hard limit gives. */
function limited(args) {
  const script = fileURLToPath(import.meta.url)
  const command = `ulimit -n ${descriptorLimit}; exec "$@"`
  return passed(
    spawnSync('sh', ['-c', command, 'sh', process.execPath, script, ...args], {
      stdio: 'inherit',
      env: { ...process.env, [LIMITED]: '1' },
    }),
  )
}

function sanitized(args) {
  return passed(spawnSync('bash', [`${checkout}/scripts/asan.sh`, '--stress', ...args], { stdio: 'inherit' }))
}

function passed({ status, error }) {
  if (error !== undefined) throw error
  return status ?? 1
}
