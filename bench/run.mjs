// Ours and Node's own sockets, workload by workload: each round runs both, in turn, in processes of their own, so that a
// change in the machine's speed meets both alike. Prints the median of the rounds' ratios, with their spread.
//
//   npm run bench                 five rounds of two seconds
//   npm run bench -- --quick      three rounds of half a second
//   npm run bench -- --only udp   the workloads whose name contains it
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { workloads } from './workloads.mjs'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds ?? (values.quick ? 3 : 5))
const milliseconds = values.quick ? 500 : 2000
// A killed server leaves its socket file behind, and process numbers come round again.
const directory = mkdtempSync(join(tmpdir(), 'polysocket-bench-'))
process.on('exit', () => rmSync(directory, { recursive: true }))

function start(role, workload, library, address) {
  const side = fileURLToPath(new URL('./side.mjs', import.meta.url))
  const child = fork(side, [role, workload, library, String(milliseconds), address ?? ''], { cwd: directory })
  const said = new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${role} of ${workload} (${library}) ended early with ${code}`)))
  })
  return { child, said }
}

/** Units a second, as counted by whoever receives. */
async function measure(workload, library) {
  const server = start('server', workload, library)
  try {
    const { address } = await server.said
    const client = start('client', workload, library, address)
    try {
      const { rate } = await client.said
      if (rate !== undefined) return rate
      server.child.send('report')
      const [report] = await once(server.child, 'message')
      return report.rate
    } finally {
      client.child.kill()
    }
  } finally {
    server.child.kill()
  }
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

const results = []
for (const [name, { unit, scale }] of Object.entries(workloads)) {
  if (!name.includes(values.only)) continue
  const ours = []
  const theirs = []
  for (let round = 0; round < rounds; round++) {
    if (process.stderr.isTTY) process.stderr.write(`\r${name}: round ${round + 1} of ${rounds} `)
    ours.push(await measure(name, 'polysocket'))
    theirs.push(await measure(name, 'node'))
  }
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  const ratios = ours.map((rate, round) => rate / theirs[round])
  results.push({
    workload: name,
    unit,
    polysocket: median(ours) / scale,
    node: median(theirs) / scale,
    ratio: median(ratios),
    lowest: Math.min(...ratios),
    highest: Math.max(...ratios),
  })
}

if (values.json) {
  console.log(JSON.stringify({ node: process.version, rounds, milliseconds, results }, null, 2))
} else {
  const rows = [
    ['workload', 'polysocket', 'node', 'unit', 'ratio', 'lowest', 'highest'],
    ...results.map(({ workload, polysocket, node, unit, ratio, lowest, highest }) => [
      workload,
      polysocket.toFixed(polysocket < 10 ? 2 : 0),
      node.toFixed(node < 10 ? 2 : 0),
      unit,
      ratio.toFixed(2),
      lowest.toFixed(2),
      highest.toFixed(2),
    ]),
  ]
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
}
