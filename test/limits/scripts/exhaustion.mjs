// Runs with few descriptors. 'accept': echoes at a Unix path, and says on each line of stdin how it is.
// 'open': uses up what is left, and says what opening one more gives.
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { bind, connect, listen, socketpair } from 'polysocket'

const [what, path, engine] = process.argv.slice(2)
const say = (report) => console.log(JSON.stringify(report))

if (what === 'accept') {
  const listener = await listen(`unix:${path}`, { engine })
  let exhausted = 0
  let code
  listener.on('exhausted', (error) => {
    exhausted++
    code = error.code
  })
  listener.on('connection', (endpoint) => endpoint.pipe(endpoint))
  say({ listening: true })
  for await (const _ of createInterface({ input: process.stdin })) {
    const { user, system } = process.cpuUsage()
    say({ connections: listener.connections, exhausted, code, milliseconds: (user + system) / 1000 })
  }
  await listener.close()
} else {
  const codeOf = async (attempt) => {
    try {
      await (await attempt()).close?.()
      return 'opened'
    } catch (error) {
      return error.code
    }
  }
  const attempts = {
    connect: () =>
      connect(`unix:${path}`, { engine }).then((endpoint) => ({ close: () => endpoint[Symbol.asyncDispose]() })),
    listen: () => listen('tcp://127.0.0.1:0', { engine }),
    bind: () => bind('udp://127.0.0.1:0', { engine }),
    ...(engine === 'kernel' && {
      socketpair: async () => {
        const [one, two] = socketpair('unixgram')
        await one.close()
        return two
      },
    }),
  }
  const all = async () => {
    const codes = {}
    for (const [name, attempt] of Object.entries(attempts)) codes[name] = await codeOf(attempt)
    return codes
  }
  // What is loaded on first use needs descriptors of its own.
  const first = await all()
  const files = []
  try {
    for (;;) files.push(openSync('/dev/null'))
  } catch {}
  const full = await all()
  for (const fd of files) closeSync(fd)
  say({ first, full, after: await all() })
}
