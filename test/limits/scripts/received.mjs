// Workers to which descriptors are sent, and which are ended: what is still open in this process then, and every warning.
import { closeSync, openSync, readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { bind, connect, listen } from 'polysocket'

const descriptors = () => readdirSync('/proc/self/fd').length

/** What a worker does with what comes. */
const receivers = {
  // Read, and in the queue.
  async queued(name) {
    const endpoint = await bind(`unixgram:@${name}`, { receiveFds: true })
    await endpoint.receive()
  },
  // Nobody asked for them, and there is room for them beside what was asked for.
  async unwanted(name) {
    const endpoint = await bind(`unixgram:@${name}`, { receiveCredentials: true })
    endpoint.on('message', () => {})
  },
  // Received while it is closed.
  async closed(name) {
    const endpoint = await bind(`unixgram:@${name}`, { receiveFds: true })
    await endpoint.receive()
    await sleep(50)
    await endpoint.close()
  },
  // The other process offers more than takeOver waits for, and says nothing.
  async stream(name) {
    const listener = await listen(`unix:@${name}`)
    const { takeOver } = await import('polysocket')
    listener.on('connection', (endpoint) => takeOver(endpoint).catch(() => {}))
  },
}

async function send(kind, name) {
  const isStream = kind === 'stream'
  const endpoint = await connect(`${isStream ? 'unix' : 'unixgram'}:@${name}`)
  endpoint.on('error', () => {})
  const file = openSync('/dev/null', 'r')
  // The first one is without any, for who receives one message only.
  if (!isStream) await endpoint.send('first')
  for (let index = 0; index < 20; index++) {
    if (isStream) endpoint.writeWithFds(Buffer.from([2, 2]), [file, file, file])
    else await endpoint.send('x', undefined, { fds: [file, file, file] })
  }
  closeSync(file)
  await sleep(200)
  return endpoint
}

if (isMainThread) {
  const results = {}
  // Node opens what it keeps with the first one.
  await end(new Worker('', { eval: true }))
  for (const kind of Object.keys(receivers)) {
    const before = descriptors()
    const name = `received-${kind}-${process.pid}`
    const worker = new Worker(new URL(import.meta.url), { workerData: [kind, name] })
    worker.on('error', (error) => console.error(error))
    await new Promise((resolve) => worker.once('message', resolve))
    const endpoint = await send(kind, name)
    const arrived = descriptors() - before
    await worker.terminate()
    endpoint.destroy?.()
    await endpoint.close?.()
    await sleep(50)
    results[kind] = { arrived, left: descriptors() - before }
  }
  console.log(JSON.stringify(results))
} else {
  const [kind, name] = workerData
  receivers[kind](name).catch((error) => console.error(error))
  await sleep(50)
  parentPort.postMessage('ready')
  setInterval(() => {}, 1000)
}

function end(worker) {
  return new Promise((resolve) => worker.once('exit', resolve))
}
