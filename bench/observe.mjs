// Runs rows of the table once, ours and the peer's, with a tool attached to the processes that count: system-calls.mjs and
// profile.mjs say which.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Contender } from './contender.mjs'
import { starts } from './measure.mjs'
import { installPeer } from './peers.mjs'
import { buildReference } from './reference.mjs'
import { rows } from './table.mjs'

const WARM_UP = 300
const MILLISECONDS = 1000

/**
 * `attach(pid, directory)` attaches the tool to a process; what it gives detaches it, and gives what the tool saw.
 * `describe(seen, units, cost)` makes a line of that. Rows whose id contains `only`.
 */
export async function observe({ only = '', attach, describe }) {
  const directory = mkdtempSync(join(tmpdir(), 'polysocket-observe-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  const { program } = buildReference()
  for (const row of rows.filter(({ id, isMemory }) => id.includes(only) && !isMemory)) {
    const missing = row.peer === 'unix-dgram' ? installPeer(row.peer) : undefined
    console.log(`\n${row.text}, for each ${row.cost.name}`)
    for (const [name, start] of starts(row, program)) {
      if (name === 'reference') continue
      if (name === 'peer' && missing !== undefined) console.log(missing)
      else await observeOne({ row, name, start, attach, describe, directory })
    }
  }
}

async function observeOne({ row, name, start, attach, describe, directory }) {
  const contender = new Contender(`${row.id} ${name}`, directory)
  try {
    await start(contender)
    await contender.round(WARM_UP, row.of)
    const attached = []
    for (const [part, pid] of contender.processes) {
      if (row.of?.includes(part) ?? true) attached.push([part, await attach(pid, directory)])
    }
    const { units } = await contender.round(MILLISECONDS, row.of)
    for (const [part, detach] of attached)
      console.log(`${row.id}  ${name}  ${part}: ${describe(await detach(), units, row.cost)}`)
  } finally {
    await contender.end()
  }
}
