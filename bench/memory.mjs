// What an idle connection takes at the server: fresh processes for each round, as memory once taken is seldom given back.
import { setTimeout as sleep } from 'node:timers/promises'
import { Contender, nodeSide } from './contender.mjs'

const AT_A_TIME = 250

/** Rounds as { bytes, connections }. */
export async function measureMemory(row, { rounds, connections, directory }) {
  const results = { ours: [], peer: [] }
  for (let round = 0; round < rounds; round++) {
    // Memory does not depend on whose turn it is.
    const [ours, peer] = await Promise.all(
      ['polysocket', row.peer].map((library) => grow(row, library, connections, directory)),
    )
    results.ours.push(ours)
    results.peer.push(peer)
  }
  return results
}

async function grow(row, library, connections, directory) {
  const contender = new Contender(`${row.id} ${library}`, directory)
  try {
    await contender.startPair(nodeSide(library), row.workload)
    const before = await contender.ask('server', 'report')
    for (let open = 0; open < connections; ) {
      const more = Math.min(AT_A_TIME, connections - open)
      await contender.ask('client', `open ${more}`)
      open += more
      // A connection that nobody has accepted would take a place in the backlog from the next.
      while ((await contender.ask('server', 'count')).units < open) await sleep(1)
    }
    const after = await contender.ask('server', 'report')
    return { bytes: after.bytes - before.bytes, connections }
  } finally {
    await contender.end()
  }
}
