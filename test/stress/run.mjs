// Rounds of operations, each of which begins and ends with nothing open.
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { Baseline, checkAlways, checkIdle } from './invariants.mjs'
import { loadLibrary, unavailableSchemes } from './library.mjs'
import { operationAt } from './operations/index.mjs'
import { schemes } from './schemes.mjs'
import { Thread } from './thread.mjs'
import { World } from './world.mjs'

const ROUND = 400
const STOP = 100

/** What to do with the operations of a seed. @returns {Promise<number>} the exit code */
export async function run(options) {
  const library = await loadLibrary(options.root)
  const missing = unavailableSchemes(library, schemes)
  for (const { name, why } of missing) console.log(`stress: without ${name}: ${why}`)
  if (options.python === undefined)
    console.log('stress: without other processes: there is no /usr/bin/python3; install python3')
  const used = new Set([...options.schemes].filter((name) => !missing.some((each) => each.name === name)))
  const scratch = mkdtempSync(join(tmpdir(), 'polysocket-stress-'))
  const world = new World({ library, scratch, schemes: used, python: options.python, root: options.root })
  const history = []
  const fail = (what) => (error) => world.fail(`${what}: ${error.stack ?? error}`)
  process.on('uncaughtException', fail('an exception that nobody caught'))
  process.on('unhandledRejection', fail('a rejection that nobody handled'))
  process.on('warning', fail('a warning'))
  try {
    await warmUp(world)
    const started = performance.now()
    const isOver = () => performance.now() - started > options.seconds * 1000 || world.broken !== undefined
    const baseline = new Baseline()
    let round = options.first
    for (; !isOver() && round < options.first + options.rounds; round++) {
      await playRound(world, options, round, history, isOver)
      if (world.broken === undefined) await baseline.check(world)
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    return report(world, { ...options, round: round - 1, seconds, history })
  } catch (error) {
    // It has to end: 'uncaughtException' would only note it.
    console.log(
      `stress: seed ${options.seed}: the stress itself failed, at operation ${world.operation}: ${error.stack}`,
    )
    return 1
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** What a process opens once: by its first worker, and by libuv's first stream (its spare for EMFILE). */
async function warmUp(world) {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.close()

  world.put('workers', 0, new Thread(world))
  await sleep(500)
  world.closeAll()
  while (world.waiting.length > 0) await sleep(20)
}

async function playRound(world, { seed, operations, verbose }, round, history, isOver) {
  for (let number = round * ROUND; number < (round + 1) * ROUND && !isOver(); number++) {
    const { operation, drawn, pause } = operationAt(seed, number)
    if (!operations.has(operation.name)) continue
    const line = `${number} ${operation.name} ${JSON.stringify(drawn)}`
    history.push(line)
    if (history.length > 30) history.shift()
    if (verbose) console.log(line)
    world.operation = number
    world.check(line, () => operation.perform(world, drawn))
    await (pause === 0 ? turn() : sleep(pause))
    world.check('a look at all', () => checkAlways(world))
    if ((number + 1) % STOP === 0) await checkIdle(world)
  }
}

function report({ broken, operation }, { seed, first, round, seconds, history }) {
  if (broken === undefined) {
    console.log(`stress: seed ${seed}: rounds ${first} to ${round}, nothing found in ${seconds} s`)
    return 0
  }
  console.log(`stress: seed ${seed}, operation ${operation} (round ${round}), after ${seconds} s:`)
  console.log(`  ${broken}`)
  console.log(`  the operations before it:\n    ${history.join('\n    ')}`)
  console.log(`  again: npm run test:stress -- --seed ${seed} --first ${round} --rounds 1`)
  return 1
}
