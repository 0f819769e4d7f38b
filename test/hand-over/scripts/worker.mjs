// One of several processes that listen on the same port by reusePort. It answers every connection with its number.
// Arguments: its number, the port (0: any), and the path by which others can hand their listener over to it. The line
// `leave PATH` makes it hand over its own to the process there, and end.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { connect, listen, takeOver } from 'polysocket'

const [number, port, control] = process.argv.slice(2)
const report = (what) => console.log(JSON.stringify(what))
const serve = (listener) => listener.on('connection', (socket) => socket.on('error', () => undefined).end(number))

const listener = await listen(`tcp://127.0.0.1:${port}`, { reusePort: true })
serve(listener)
const others = await listen(`unix:${control}`)
others.on('connection', async (other) => serve(await takeOver(other)))
report({ port: listener.address.port })

const lines = createInterface({ input: process.stdin })
const [line] = await once(lines, 'line')
const sibling = await connect(`unix:${line.slice('leave '.length)}`)
await listener.handOver(sibling, { timeout: 10_000 })
sibling.end()
await others.close()
lines.close()
process.stdin.destroy()
