import { readFileSync } from 'node:fs'
import { startClock, Tally } from './tally.mjs'

/**
 * Messages one way, as fast as the sender may. Only what arrives counts.
 * `by`: 'batches', what the library has for many messages at a time; or 'messages', what it has for one.
 */
export const datagrams = (scheme, size, by) => ({
  async server(library) {
    const tally = new Tally()
    const address = await library.receive(scheme, by, (count) => tally.add(count))
    if (scheme !== 'udp') return { greeting: { address }, report: () => tally.report() }
    let droppedBefore = 0
    const report = () => {
      const result = tally.report()
      const dropped = droppedByKernel(Number(address))
      result.dropped = dropped - droppedBefore
      droppedBefore = dropped
      return result
    }
    return { greeting: { address }, report }
  },

  async client(library, address) {
    const message = Buffer.alloc(size, 'x')
    const send = await library.sender(scheme, by, address)
    const run = async (milliseconds) => {
      const clock = startClock()
      const end = performance.now() + milliseconds
      const sent = await send(message, () => performance.now() < end)
      return { sent, ...clock.stop() }
    }
    return { greeting: { ready: true }, run }
  },
})

/** Messages for a port of ours that found its receive buffer full, since it was opened: the last column of proc(5)'s net/udp. */
function droppedByKernel(port) {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  for (const line of readFileSync('/proc/net/udp', 'utf8').split('\n').slice(1)) {
    const columns = line.trim().split(/\s+/)
    if (columns[1]?.endsWith(local)) return Number(columns.at(-1))
  }
  throw new Error(`/proc/net/udp has no port ${port}`)
}
