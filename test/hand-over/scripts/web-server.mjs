// An HTTP server that can be restarted without a request being lost. Arguments: its generation, the path by which its
// successor reaches it, and either an address to listen at or, from the second generation on, its predecessor's path.
import { createServer } from 'node:http'
import { connect, formatAddress, listen, takeOver } from 'polysocket'

const [generation, control, from] = process.argv.slice(2)
const report = (what) => console.log(JSON.stringify(what))

let isLeaving = false
const server = createServer((request, response) => {
  // A client that keeps its connection is told to come back by another one, which the successor accepts.
  if (isLeaving) response.setHeader('Connection', 'close')
  request.resume().on('end', () => response.end(generation))
})

const listener = generation === '0' ? await listen(from) : await fromPredecessor()
listener.on('connection', (socket) => server.emit('connection', socket))

const successors = await listen(`unix:${control}`)
report({ address: formatAddress(listener.address) })
const successor = await successors.accept()
await listener.handOver(successor, { timeout: 10_000 })
isLeaving = true
await successors.close()
report({ left: true })
// The process ends by itself, with the last connection.

async function fromPredecessor() {
  const predecessor = await connect(`unix:${from}`)
  const taken = await takeOver(predecessor, { timeout: 10_000 })
  predecessor.end()
  return taken
}
