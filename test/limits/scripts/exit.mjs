// Ends the process at one stage. Arguments: directory, engine, stage, and how.
import { kernelStages, socketPath, stages } from './stages.mjs'

const [directory, engine, stage, how] = process.argv.slice(2)

const ends = {
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('thrown on purpose')
  },
  abort: () => process.kill(process.pid, 'SIGTERM'),
}

const run = { ...stages, ...kernelStages }[stage]
let ended = false
await run({ path: socketPath(directory, 'socket'), engine }, () => {
  // Handlers may be called again while the process goes down.
  if (!ended) ends[how]()
  ended = true
})
