// What runs in a worker: sockets in every state, until it is terminated.
import { closeSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { loadLibrary } from './library.mjs'

const { bind, connect, listen, socketpair } = await loadLibrary(workerData.root)

const gram = await bind(workerData.address, { receiveFds: true })
parentPort.on('message', async ({ receives }) => {
  for (let n = 0; n < receives; n++) {
    const message = await gram.receive()
    for (const fd of message?.fds ?? []) closeSync(fd)
  }
})

parentPort.postMessage('ready')

// An end that is parting, one whose peer does not read, a listener with a connection that nobody has accepted.
const [one, other] = socketpair('parting')
other.pause()
one.write(Buffer.alloc(60_000))
one.on('error', () => undefined).destroy()
const [full, unread] = socketpair('unixpacket')
for (let n = 0; n < 500; n++) full.send(Buffer.alloc(1000)).catch(() => undefined)
const listener = await listen('tcp://127.0.0.1:0')
const client = await connect(listener.address)
client.write('hello')
globalThis.open = [one, other, full, unread, listener, client]
