import { startClock, Tally } from './tally.mjs'

/** Between two looks at the clock so many bytes are written, so that looking costs small writes nothing. */
const BYTES_A_LOOK = 8192

/** One connection, one way: writes of `size` bytes, as fast as backpressure lets them. `unit`: how many bytes are one unit. */
export const stream = (scheme, size, unit) => ({
  async server(library) {
    const tally = new Tally(unit)
    const address = await library.serve(scheme, (socket) => {
      socket.on('data', (chunk) => tally.add(chunk.length))
      socket.on('error', () => undefined)
    })
    return { greeting: { address }, report: () => tally.report() }
  },

  async client(library, address) {
    const socket = await library.open(scheme, address)
    const chunk = Buffer.alloc(size, 'x')
    const writesALook = Math.max(1, Math.floor(BYTES_A_LOOK / size))
    let write = () => undefined
    socket.on('drain', () => write())

    const run = (milliseconds) =>
      new Promise((resolve) => {
        const clock = startClock()
        const end = performance.now() + milliseconds
        let writes = 0
        const finish = () => {
          write = () => undefined
          socket.write(chunk, () => resolve({ sent: ((writes + 1) * size) / unit, ...clock.stop() }))
        }
        write = () => {
          while (performance.now() < end) {
            for (let count = 0; count < writesALook; count++) {
              writes++
              if (!socket.write(chunk)) return
            }
          }
          finish()
        }
        write()
      })
    return { greeting: { ready: true }, run }
  },
})
