// A connection within one process. Argument: the module. Prints which store each event has, which one the handler of
// 'uncaughtException' has for what a listener throws, and whether async_hooks lead from the event to the server.
import { AsyncLocalStorage, createHook, executionAsyncId } from 'node:async_hooks'
import { once } from 'node:events'

const { default: net } = await import(process.argv[2])
const storage = new AsyncLocalStorage()
const store = () => storage.getStore() ?? 'none'
const triggers = new Map()
createHook({ init: (id, _type, trigger) => triggers.set(id, trigger) }).enable()

const stores = {}
const uncaught = {}
/** The event whose listener throws. */
let thrower = ''
/** Ids of what was begun when the server was made, to which what it accepts leads back. */
let serverId
const led = {}

function leadsToServer(id) {
  for (let each = id; each > 0; each = triggers.get(each) ?? 0) if (each === serverId) return true
  return false
}

function at(what) {
  stores[what] ??= store()
  led[what] ??= leadsToServer(executionAsyncId())
  if (thrower === what) throw new Error(what)
}

process.on('uncaughtException', (error) => (uncaught[error.message] ??= store()))

function serve() {
  serverId = executionAsyncId()
  return storage.run('server', () =>
    net
      .createServer((socket) => {
        socket.on('data', () => {
          socket.end('answer')
          at('accepted data')
        })
        socket.on('error', () => {})
        socket.on('end', () => at('accepted end'))
        socket.on('close', () => at('accepted close'))
        at('server connection')
      })
      .listen(0, '127.0.0.1'),
  )
}

async function talk(port) {
  const client = storage.run('client', () => net.connect(port, '127.0.0.1'))
  client.on('connect', () => {
    client.write('question', () => at('client written'))
    at('client connect')
  })
  client.on('data', () => at('client data'))
  client.on('end', () => at('client end'))
  return client
}

// In an execution of its own, so that not everything here leads back to it.
const server = await new Promise((resolve) =>
  setImmediate(() => {
    const made = serve()
    made.once('listening', () => resolve(made))
  }),
)
await once(await talk(server.address().port), 'close')
await new Promise((resolve) => setTimeout(resolve, 50))
for (const event of Object.keys(stores)) {
  thrower = event
  const client = await talk(server.address().port)
  for (let tries = 0; uncaught[event] === undefined && tries < 100; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  client.destroy()
}
console.log(JSON.stringify({ stores, uncaught, led }))
process.exit()
