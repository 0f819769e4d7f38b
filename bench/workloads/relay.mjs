// Three processes: a source writes over TCP to the relay, which writes over Unix streams to the sink. The relay is what is
// measured; source and sink are C's where there is a compiler, and these otherwise.
import { openMany } from './open-many.mjs'
import { startClock, Tally } from './tally.mjs'

/** The address is the sink's path. */
export const relay = {
  async server(library, sink) {
    const tally = new Tally()
    const address = await library.serve('tcp', (from) => {
      const to = library.create('unix', sink)
      from.on('error', () => to.destroy())
      to.on('error', () => from.destroy())
      from.pipe(to)
      to.pipe(from)
    })
    return { greeting: { address }, report: () => tally.report() }
  },
}

/** Any number of Unix streams, whose bytes it counts. */
export const relaySink = {
  async server(library) {
    const tally = new Tally()
    const address = await library.serve('unix', (socket) => {
      socket.on('data', (chunk) => tally.add(chunk.length))
      socket.on('error', () => undefined)
    })
    return { greeting: { address }, report: () => tally.report() }
  },
}

/** The address is `PORT:N`: N connections to the port of this machine, each written to as fast as it takes. */
export const relaySource = {
  async client(library, address) {
    const [port, count] = address.split(':')
    const chunk = Buffer.alloc(65_536, 'x')
    const sockets = await openMany(Number(count), () => library.open('tcp', port))
    let end = 0
    let sent = 0
    let writing = 0
    let finished = () => undefined
    const write = (socket) => {
      if (performance.now() < end) {
        sent += chunk.length
        socket.write(chunk, () => write(socket))
      } else if (--writing === 0) finished()
    }
    const run = async (milliseconds) => {
      const clock = startClock()
      end = performance.now() + milliseconds
      sent = 0
      writing = sockets.length
      await new Promise((resolve) => {
        finished = resolve
        for (const socket of sockets) write(socket)
      })
      return { sent, ...clock.stop() }
    }
    return { greeting: { ready: true }, run }
  },
}
