// Ends the process at one stage. Arguments: directory, engine, stage ('list' prints those there are), and how.
import { join } from 'node:path'
import { stagesOf } from './stages.mjs'

const [directory, engine, stage, how] = process.argv.slice(2)

const ends = {
  exit: () => process.exit(7),
  throw: () => {
    throw new Error('thrown on purpose')
  },
}

const known = stagesOf(engine)
if (stage === 'list') {
  console.log(JSON.stringify(Object.keys(known)))
} else {
  await known[stage]({ path: join(directory, 'socket'), engine }, ends[how])
}
