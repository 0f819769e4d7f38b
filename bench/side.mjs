// One side of one workload, in a process of its own; started by sides.mjs, which describes what the two say to each other.
//
//   node side.mjs LIBRARY server|client WORKLOAD [ADDRESS]
import { createInterface } from 'node:readline'
import { findWorkload } from './workloads/index.mjs'

const [name, role, workload, address] = process.argv.slice(2)
const library = await import(`./libraries/${name}.mjs`)
const { greeting, ...commands } = await findWorkload(workload)[role](library, address)

const say = (object) => process.stdout.write(`${JSON.stringify(object)}\n`)

say(greeting)
for await (const line of createInterface({ input: process.stdin })) {
  const [command, argument] = line.split(' ')
  say(await commands[command](Number(argument)))
}
process.exit()
