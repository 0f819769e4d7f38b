// npm run bench:calls [TEXT]: how many system calls a unit of each workload takes, as strace(1) counts them, for ours and for the peer.
// strace slows its processes down, so that less comes together than otherwise: the counts of batches are upper limits.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { observe } from './observe.mjs'

/** A call that is rarer than this is not of the workload. */
const NOTABLE = 0.005

async function attach(pid, directory) {
  const file = join(directory, `${pid}.calls`)
  const strace = spawn('strace', ['-f', '-c', '-U', 'calls,name', '-o', file, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  // It says so once it is attached.
  await once(strace.stderr, 'data')
  return async () => {
    strace.kill('SIGINT')
    await once(strace, 'exit')
    const lines = readFileSync(file, 'utf8').matchAll(/^ *(\d+) (\w+)$/gm)
    return [...lines].map(([, calls, name]) => ({ name, calls: Number(calls) })).filter(({ name }) => name !== 'total')
  }
}

function describe(counts, units, { per }) {
  const each = counts.map(({ name, calls }) => ({ name, calls: (calls * per) / units }))
  const notable = each.filter(({ calls }) => calls > NOTABLE)
  return notable.map(({ name, calls }) => `${name} ${calls.toPrecision(2)}`).join(', ') || 'next to none'
}

if (spawnSync('strace', ['-V']).error === undefined) {
  await observe({ only: process.argv[2], attach, describe })
} else {
  console.error('strace is not here; on Debian: apt-get install strace')
  process.exitCode = 1
}
