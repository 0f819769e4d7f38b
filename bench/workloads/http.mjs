import { once } from 'node:events'
import net from 'node:net'
import { openMany } from './open-many.mjs'
import { startClock, Tally } from './tally.mjs'

const CONNECTIONS = 16
const BODY = Buffer.from('{"hello":"world"}')
const REQUEST = Buffer.from('GET / HTTP/1.1\r\nHost: bench\r\n\r\n')
/** Longer than the other side's turn takes. */
const KEEP_ALIVE = 600_000

/** Requests to node:http over kept connections. The load is plain node:net whatever the library, and parses nothing. */
export const http = {
  async server(library) {
    const tally = new Tally()
    const answer = (_, response) => {
      response.setHeader('Content-Type', 'application/json')
      response.setHeader('Content-Length', BODY.length)
      response.end(BODY)
    }
    const address = await library.serveHttp(answer, { keepAliveTimeout: KEEP_ALIVE })
    return { greeting: { address }, report: () => tally.report() }
  },

  async client(_, port) {
    const sockets = await openMany(CONNECTIONS, () => open(Number(port)))
    const length = await responseLength(sockets[0])
    let end = 0
    let units = 0
    let turning = 0
    let finished = () => undefined
    for (const socket of sockets) {
      let missing = length
      socket.on('data', (chunk) => {
        missing -= chunk.length
        if (missing > 0) return
        missing = length
        units++
        if (performance.now() < end) socket.write(REQUEST)
        else if (--turning === 0) finished()
      })
    }
    const run = async (milliseconds) => {
      const clock = startClock()
      end = performance.now() + milliseconds
      units = 0
      turning = sockets.length
      await new Promise((resolve) => {
        finished = resolve
        for (const socket of sockets) socket.write(REQUEST)
      })
      return { units, ...clock.stop() }
    }
    return { greeting: { ready: true }, run }
  },
}

async function open(port) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket
}

/** All responses are as long as the first: their heads differ in the date at most, which is of fixed length. */
async function responseLength(socket) {
  let response = ''
  socket.write(REQUEST)
  while (!response.endsWith(BODY)) {
    const [chunk] = await once(socket, 'data')
    response += chunk
  }
  return response.length
}
