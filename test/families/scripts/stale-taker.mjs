// Takes over the stale socket file at each path that a line of stdin gives, and tells what came of it.
import { createInterface } from 'node:readline'
import { listen } from 'polysocket'

const report = (what) => console.log(JSON.stringify(what))
report('ready')
for await (const path of createInterface({ input: process.stdin })) {
  try {
    await listen(`unix:${path}`, { unlinkStale: true })
    report('won')
  } catch (error) {
    report(error.code)
  }
}
