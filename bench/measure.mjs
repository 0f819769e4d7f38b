// One row: rounds of ours, the peer and the reference in turn, so that a change in the machine's speed meets all of them alike.
import { readFileSync } from 'node:fs'
import { Contender, nodeSide, referenceSide } from './contender.mjs'
import { measureMemory } from './memory.mjs'
import { installPeer } from './peers.mjs'
import { progress } from './progress.mjs'
import { summarize } from './summary.mjs'

/** The round that does not count takes so long at least, in milliseconds: time to compile what is hot. */
const WARM_UP = 200
/** What a process has open beside its connections. */
const SPARE_DESCRIPTORS = 100

/** Each row with its result: `ours`, `peer`, `ratio` and so on; or `skipped` or `failed`, the reason why it has none. */
export async function measureAll(rows, conditions) {
  const results = []
  for (const row of rows) {
    progress(`${row.id}: ${row.text} (${results.length + 1} of ${rows.length})`)
    results.push(await measure(row, conditions))
  }
  progress('')
  return results
}

/** `reference`: the C program, where there is one. */
async function measure(row, { rounds, milliseconds, connections, reference, directory }) {
  const skipped = whyNot(row, row.connections ?? connections)
  if (skipped !== undefined) return { ...row, skipped }
  const run = row.isMemory
    ? () => measureMemory(row, { rounds, connections: row.connections ?? connections, directory })
    : () => inTurns(row, { rounds, milliseconds, reference, directory })
  try {
    return { ...row, ...summarize(row, await run()) }
  } catch (error) {
    return { ...row, failed: error.message }
  }
}

/** Why a row cannot be measured here, and what helps. */
function whyNot(row, connections) {
  const descriptors = row.isMemory || row.connections !== undefined ? connections + SPARE_DESCRIPTORS : 0
  const limit = descriptorLimit()
  if (limit < descriptors)
    return `it takes ${descriptors} descriptors, and the limit is ${limit}: raise it with ulimit -n`
  return row.peer === 'unix-dgram' ? installPeer(row.peer) : undefined
}

/** How many descriptors a process may have; Node raises the soft limit to the hard one by itself. */
const descriptorLimit = () =>
  Number(/^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])

async function inTurns(row, { rounds, milliseconds, reference, directory }) {
  const contenders = new Map()
  try {
    await Promise.all(
      [...starts(row, reference)].map(([name, start]) => {
        const contender = new Contender(`${row.id} ${name}`, directory)
        contenders.set(name, contender)
        return start(contender)
      }),
    )
    const results = Object.fromEntries([...contenders.keys()].map((name) => [name, []]))
    const warmUp = Math.max(milliseconds, WARM_UP)
    for (const contender of contenders.values()) await contender.round(warmUp, row.of)
    for (let round = 0; round < rounds; round++) {
      for (const [name, contender] of contenders) results[name].push(await contender.round(milliseconds, row.of))
    }
    return results
  } finally {
    await Promise.all([...contenders.values()].map((contender) => contender.end()))
  }
}

/** How each contender of a row is started. */
export function* starts(row, reference) {
  const { workload, peerWorkload = workload, peer } = row
  const load = reference === undefined ? nodeSide('node') : referenceSide(reference)
  const start = (command, name) => (contender) =>
    row.streams === undefined ? contender.startPair(command, name) : contender.startRelay(command, load, row.streams)
  yield ['ours', start(nodeSide('polysocket'), workload)]
  yield ['peer', start(nodeSide(peer), peerWorkload)]
  if (row.hasReference && reference !== undefined) yield ['reference', start(referenceSide(reference), workload)]
}
