// One side of one workload, in a process of its own; started by run.mjs.
import { workloads } from './workloads.mjs'

const [role, workload, library, milliseconds, address] = process.argv.slice(2)
const { libraries, [role]: run } = workloads[workload]
const result = await run(libraries[library], Number(milliseconds), address)
const { report, ...said } = result
process.on('message', () => process.send(report()))
process.send(said)
