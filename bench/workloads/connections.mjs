import { startClock, Tally } from './tally.mjs'

const AT_A_TIME = 32

/**
 * Connect, write one byte, close: the server closes first, on getting the byte, so that the connections that TCP has to
 * remember (TIME_WAIT) are the listener's, and the client does not run out of ports.
 */
export const connections = (scheme) => ({
  async server(library) {
    const tally = new Tally()
    const address = await library.serve(scheme, (socket) => {
      socket.on('data', () => socket.end())
      socket.on('error', () => undefined)
    })
    return { greeting: { address }, report: () => tally.report() }
  },

  async client(library, address) {
    const byte = Buffer.from('x')
    const run = (milliseconds) =>
      new Promise((resolve, reject) => {
        const clock = startClock()
        const end = performance.now() + milliseconds
        let units = 0
        let open = 0
        const connect = () => {
          open++
          const socket = library.create(scheme, address)
          socket.on('error', reject)
          // Without a reader the end is never reached; as neither side half-opens, it closes ours.
          socket.resume()
          socket.on('close', () => {
            units++
            open--
            if (performance.now() < end) connect()
            else if (open === 0) resolve({ units, ...clock.stop() })
          })
          socket.write(byte)
        }
        for (let count = 0; count < AT_A_TIME; count++) connect()
      })
    return { greeting: { ready: true }, run }
  },
})
