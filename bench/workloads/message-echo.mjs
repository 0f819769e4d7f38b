import { Latencies } from './latencies.mjs'
import { startClock, Tally } from './tally.mjs'

const SIZE = 64

/** A message of 64 bytes there and back, one at a time. */
export const messageEcho = (scheme) => ({
  async server(library) {
    const tally = new Tally()
    const address = await library.echoMessages(scheme)
    return { greeting: { address }, report: () => tally.report() }
  },

  async client(library, address) {
    const message = Buffer.alloc(SIZE, 'x')
    let answered = () => undefined
    const send = await library.openMessages(scheme, address, () => answered())

    const run = async (milliseconds) => {
      const latencies = new Latencies()
      const clock = startClock()
      const end = performance.now() + milliseconds
      await new Promise((resolve) => {
        let sentAt = performance.now()
        answered = () => {
          const now = performance.now()
          latencies.add(now - sentAt)
          sentAt = now
          if (now < end) send(message)
          else resolve()
        }
        send(message)
      })
      const took = clock.stop()
      return { units: latencies.count, ...took, ...latencies.percentiles() }
    }
    return { greeting: { ready: true }, run }
  },
})
