// npm run bench:profile [TEXT]: where the processor's time of each workload goes, as perf(1) samples it, for ours and for the peer: the
// kernel, Node with V8, JavaScript that V8 has compiled, the addon, and the C library.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { observe } from './observe.mjs'

const NAMES = [
  [/kernel/, 'kernel'],
  [/^node$/, 'node and V8'],
  [/JIT|perf-.*map|anon/, 'JavaScript'],
  [/polysocket|unix_dgram/, 'addon'],
  [/^lib|vdso|ld-/, 'C library'],
]
/** Milliseconds that perf gets to attach itself. */
const TO_BEGIN = 200
/** Less than a percent is noise. */
const NOTABLE = 1

async function attach(pid, directory) {
  const file = join(directory, `${pid}.perf`)
  const perf = spawn('perf', ['record', '-q', '-e', 'cpu-clock', '-F', '1999', '-p', String(pid), '-o', file], {
    stdio: 'ignore',
  })
  // Its file is there before it samples, and it says nothing of that.
  while (!existsSync(file)) await sleep(10)
  await sleep(TO_BEGIN)
  return async () => {
    perf.kill('SIGINT')
    await once(perf, 'exit')
    const { stdout } = spawnSync('perf', ['report', '-i', file, '--stdio', '--sort', 'dso'], { encoding: 'utf8' })
    return [...stdout.matchAll(/^ +([\d.]+)% +(\S+)/gm)].map(([, share, object]) => ({ share: Number(share), object }))
  }
}

function describe(shares) {
  const sums = new Map()
  for (const { share, object } of shares) {
    const [, name] = NAMES.find(([pattern]) => pattern.test(object)) ?? [undefined, 'other']
    sums.set(name, (sums.get(name) ?? 0) + share)
  }
  const notable = [...sums].filter(([, share]) => share >= NOTABLE).sort(([, a], [, b]) => b - a)
  return notable.map(([name, share]) => `${name} ${Math.round(share)} %`).join(', ')
}

if (spawnSync('perf', ['--version']).error === undefined) {
  await observe({ only: process.argv[2], attach, describe })
} else {
  console.error('perf is not here; on Debian: apt-get install linux-perf')
  process.exitCode = 1
}
