import { once } from 'node:events'
import { Latencies } from './latencies.mjs'
import { openMany } from './open-many.mjs'
import { startClock, Tally } from './tally.mjs'

const SIZE = 64

/** 64 bytes there and back, one message at a time on each of `count` connections. */
export const streamEcho = (scheme, count) => ({
  async server(library) {
    const tally = new Tally()
    const address = await library.serve(scheme, (socket) => {
      socket.on('data', (chunk) => socket.write(chunk))
      socket.on('error', () => undefined)
    })
    return { greeting: { address }, report: () => tally.report() }
  },

  async client(library, address) {
    const message = Buffer.alloc(SIZE, 'x')
    let latencies = new Latencies()
    let end = 0
    let turning = 0
    let finished = () => undefined

    /** Gives the function that sends the first message of a run. */
    const turn = (socket) => {
      let sentAt = 0
      let missing = 0
      const send = () => {
        sentAt = performance.now()
        missing = SIZE
        socket.write(message)
      }
      socket.on('data', (chunk) => {
        missing -= chunk.length
        if (missing > 0) return
        const now = performance.now()
        latencies.add(now - sentAt)
        if (now < end) send()
        else if (--turning === 0) finished()
      })
      return send
    }

    const open = async () => {
      const socket = await library.open(scheme, address)
      // A connection that nobody has accepted would take a place in the backlog from the next.
      socket.write(message)
      await once(socket, 'data')
      return socket
    }
    const starts = (await openMany(count, open)).map(turn)
    const run = async (milliseconds) => {
      latencies = new Latencies()
      const clock = startClock()
      end = performance.now() + milliseconds
      turning = starts.length
      await new Promise((resolve) => {
        finished = resolve
        for (const start of starts) start()
      })
      const took = clock.stop()
      return { units: latencies.count, ...took, ...latencies.percentiles() }
    }
    return { greeting: { ready: true }, run }
  },
})
