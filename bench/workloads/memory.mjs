import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { openMany } from './open-many.mjs'

/** What connections that do nothing take at the server, which listens for their data as servers do. Needs --expose-gc. */
export const memory = (scheme) => ({
  async server(library) {
    let connections = 0
    const address = await library.serve(scheme, (socket) => {
      connections++
      socket.on('data', () => undefined)
      socket.on('error', () => undefined)
    })
    const report = async () => {
      // What finalizers free is gone after a second collection only.
      for (let pass = 0; pass < 3; pass++) {
        globalThis.gc()
        await sleep(10)
      }
      return { units: connections, bytes: residentBytes() }
    }
    return { greeting: { address }, report, count: () => ({ units: connections }) }
  },

  async client(library, address) {
    const open = async (count) => {
      await openMany(count, () => library.open(scheme, address))
      return { units: count }
    }
    return { greeting: { ready: true }, open }
  },
})

/**
 * RssAnon of proc_pid_status(5): memory of our own. The whole RSS has pages of Node's program file beside it, which the system
 * takes back when it likes.
 */
const residentBytes = () => Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
