// Takes over, again and again, with a loop that is busy and little time. Arguments: the path of the giver, and the timeout.
// A line on stdin begins a round, whose outcome is reported.
import { createInterface } from 'node:readline'
import { connect, takeOver } from 'polysocket'

const [control, timeout] = process.argv.slice(2)
const busy = () => {
  const end = performance.now() + Math.random() * 3
  while (performance.now() < end);
}
console.log(JSON.stringify({ is: 'ready' }))
for await (const _ of createInterface({ input: process.stdin })) {
  const spin = setInterval(busy, 1)
  let is = 'took'
  try {
    const predecessor = await connect(`unix:${control}`)
    predecessor.on('error', () => undefined)
    const taken = await takeOver(predecessor, { timeout: Number(timeout) })
    await taken.close()
  } catch {
    is = 'failed'
  }
  clearInterval(spin)
  console.log(JSON.stringify({ is }))
}
