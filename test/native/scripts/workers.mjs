// Starts and ends workers that leave sockets open, some at a time, and counts the descriptors of the process before and
// after. Arguments: how many workers, how many at a time, and whether this thread loads the addon too (`main`): without it
// the library goes away with the last worker.
import { readdirSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

const [count, width, main] = process.argv.slice(2)
if (main === 'main') await import('./addon.mjs')

const stages = [
  'fresh',
  'bound',
  'listening',
  'connecting',
  'idle',
  'waiting',
  'ready',
  'closed',
  'callback',
  'closing',
]
const endings = ['terminate', 'terminate', 'exit', 'return']
let started = 0

function one() {
  const index = started++
  const stage = stages[index % stages.length]
  const ending = endings[Math.floor(index / stages.length) % endings.length]
  const worker = new Worker(new URL('exit.mjs', import.meta.url), { workerData: [stage, ending] })
  return new Promise((resolve, reject) => {
    worker.on('message', () => worker.terminate())
    worker.on('error', reject)
    worker.on('exit', resolve)
  })
}

async function lane(until) {
  while (started < until) await one()
}

async function all(until) {
  await Promise.all(Array.from({ length: Number(width) }, () => lane(until)))
}

const descriptors = () => readdirSync('/proc/self/fd').length

// The first ones let Node open what it keeps.
await all(2 * Number(width))
const before = descriptors()
started = 0
await all(Number(count))
console.log(JSON.stringify({ started, leaked: descriptors() - before }))
