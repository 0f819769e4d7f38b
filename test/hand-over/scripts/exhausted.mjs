// Has no descriptor left for the listener that it is to take over. Argument: where the other process is.
import { closeSync, openSync } from 'node:fs'
import { connect, takeOver } from 'polysocket'

const channel = await connect(`unix:${process.argv[2]}`)
const taken = takeOver(channel, { timeout: 10_000 }).catch((error) => error)
const files = []
for (;;) {
  try {
    files.push(openSync('/dev/null'))
  } catch {
    break
  }
}
const { code } = await taken
for (const file of files) closeSync(file)
console.log(JSON.stringify({ code }))
