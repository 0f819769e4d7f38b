// What `import 'polysocket'` costs beyond an empty script: both in turn, in processes of their own, median of 20.
//
//   npm run bench:import
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROUNDS = 20
const entry = new URL('../dist/index.js', import.meta.url)

/** Milliseconds from start to exit. */
function time(source) {
  const started = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return performance.now() - started
}

const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)]

const empty = []
const imported = []
for (let round = 0; round < ROUNDS; round++) {
  empty.push(time(''))
  imported.push(time(`import ${JSON.stringify(entry.href)}`))
}
const differences = imported.map((milliseconds, round) => milliseconds - empty[round])
console.log(`empty script ${median(empty).toFixed(1)} ms, import ${median(imported).toFixed(1)} ms`)
console.log(`the import costs ${median(differences).toFixed(1)} ms (median of ${ROUNDS} differences)`)
