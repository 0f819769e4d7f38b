// What has to hold between operations, at every stop, and once all is closed.
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { collect } from './collect.mjs'
import { openDescriptors } from './descriptors.mjs'
import { closeReceived } from './received.mjs'

/** All descriptors that the process may have, as stress.mjs sets it. */
export const descriptorLimit = 1024
/** What is open at a time does not need as many, however much others send. */
const mostDescriptors = 800
const MEBIBYTE = 2 ** 20

/** While operations go on. */
export function checkAlways(world) {
  world.checkIdentities()
  const open = openDescriptors().size
  if (open > mostDescriptors) world.fail(`${open} of ${descriptorLimit} descriptors are open`)
  const memory = Math.round(process.memoryUsage.rss() / MEBIBYTE)
  if (memory > mostMemory) world.fail(`the process has grown to ${memory} MiB`)
}

/** With AddressSanitizer, which keeps freed memory for a while. */
const mostMemory = process.env.ASAN_OPTIONS === undefined ? 1024 : 2560

/**
 * Nobody asks for anything: the event loops come to rest, whatever state the sockets are in. What was asked for before may take a
 * moment; a loop that spins never rests.
 */
export async function checkIdle(world) {
  const deadline = performance.now() + 5000
  for (;;) {
    const busy = await busyLoops(world)
    if (busy.length === 0) return
    if (performance.now() > deadline) {
      world.fail(`a loop spins while nobody does anything: ${busy.join(', ')}`)
      return
    }
  }
}

const WINDOW = 100
/** The part of a window that timers of retries and of parting may take. */
const LITTLE = 0.2

async function busyLoops({ workers }) {
  const loops = [{ name: 'main thread', performance }]
  for (const worker of workers) if (worker) loops.push({ name: 'a worker', performance: worker.performance })
  const before = loops.map(({ performance: its }) => its.eventLoopUtilization())
  await sleep(WINDOW)
  return loops.flatMap(({ name, performance: its }, index) => {
    const { utilization } = its.eventLoopUtilization(before[index])
    return utilization > LITTLE ? [`${name} ${Math.round(utilization * 100)} %`] : []
  })
}

/** What was open before a round of operations, and what the process held. */
export class Baseline {
  #descriptors = openDescriptors()
  /** @type {number | undefined} bytes in use after the first rounds */
  #held
  #rounds = 0

  /** All is closed: every promise settles, every descriptor goes, no message was lost, memory is as before. */
  async check(world) {
    world.closeAll()
    // More of them may come until the last endpoint is closed.
    const settle = (isSettled) =>
      eventually(() => {
        closeReceived(world)
        return isSettled()
      })
    await settle(() => world.waiting.length === 0)
    if (world.waiting.length > 0) world.fail(`never settled: ${[...new Set(world.waiting)].slice(0, 10).join(', ')}`)
    await settle(() => this.#leaked().length === 0)
    const leaked = this.#leaked()
    if (leaked.length > 0) world.fail(`${leaked.length} descriptors are left open: ${leaked.slice(0, 10).join(', ')}`)
    const lost = world.flows.lost()
    if (lost.length > 0) world.fail(`lost by a reliable scheme: ${lost.slice(0, 10).join(', ')}`)
    world.flows.clear()
    this.#checkMemory(world)
  }

  #leaked() {
    const now = openDescriptors()
    return [...now].flatMap(([fd, identity]) => (this.#descriptors.get(fd) === identity ? [] : [`${fd} ${identity}`]))
  }

  #checkMemory(world) {
    const { heapUsed, external } = process.memoryUsage()
    const held = heapUsed + external
    // Code is compiled, slabs are made: only the third round tells what is usual.
    if (++this.#rounds === 3) this.#held = held
    if (this.#held === undefined) return
    const grown = Math.round((held - this.#held) / MEBIBYTE)
    if (grown > 48) world.fail(`with all closed and collected, ${grown} MiB more are in use than after the third round`)
  }
}

/** Waits up to 10 s, with a collection now and then; a socket that parts takes 5 s at most. */
async function eventually(condition) {
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    collect()
    await sleep(20)
    if (condition()) return
    await sleep(80)
  }
}
