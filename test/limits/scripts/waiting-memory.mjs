// What waits, and how much memory it holds. Between any two pieces that are left waiting much else passes through the same
// engine and is dropped at once, so that a piece which lies in shared memory holds a block of its own.
// Arguments: what is to wait (a name below), a directory for sockets. Prints { pieces, bytes, buffers, heap }: what waits, and
// by how many bytes the memory of buffers, and V8's heap, have grown.
import { once } from 'node:events'
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bind, connect, listen, persistent } from 'polysocket'
import net from 'polysocket/net'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')
const [what, directory] = process.argv.slice(2)
const COUNT = 150
const SIZE = 5000
const MiB = 1024 * 1024

async function memory() {
  for (let round = 0; round < 4; round++) {
    gc()
    await sleep(20)
  }
  const { external, heapUsed } = process.memoryUsage()
  return { buffers: external, heap: heapUsed }
}

async function until(condition) {
  while (!condition()) await sleep(2)
}

// ── What else passes

async function streamTraffic() {
  const listener = await listen('tcp://127.0.0.1:0')
  const near = await connect(listener.address)
  const far = await listener.accept()
  let passed = 0
  far.on('data', (chunk) => (passed += chunk.length))
  const filler = Buffer.alloc(MiB)
  let sent = 0
  return async () => {
    near.write(filler)
    sent += filler.length
    await until(() => passed === sent)
  }
}

async function messageTraffic() {
  const far = await bind(`unixgram:${directory}/traffic`)
  const near = await connect(far.local)
  let passed = 0
  far.on('message', () => passed++)
  const batch = Array.from({ length: 120 }, () => ({ data: Buffer.alloc(20_000) }))
  let sent = 0
  return async () => {
    await near.sendBatch(batch)
    sent += batch.length
    await until(() => passed === sent)
  }
}

// ── What waits

const keep = []

async function connections(onConnection) {
  const listener = await listen('tcp://127.0.0.1:0')
  const far = []
  listener.on('connection', (socket) => {
    far.push(socket)
    onConnection(socket)
  })
  keep.push(listener, far)
  return {
    far,
    open: async () => {
      const near = await connect(listener.address)
      keep.push(near)
      return near
    },
  }
}

async function unreadStreams(onConnection) {
  const pass = await streamTraffic()
  const { far, open } = await connections(onConnection)
  await pass()
  return async () => {
    for (let count = 0; count < COUNT; count++) {
      const near = await open()
      near.write(Buffer.alloc(SIZE))
      await until(() => far[count]?.bytesRead === SIZE)
      await pass()
    }
    return { pieces: COUNT, bytes: COUNT * SIZE }
  }
}

/** `take` gets each message of the receiver, or nobody does. */
async function messages(take) {
  const pass = await messageTraffic()
  const far = await bind(`unixgram:${directory}/slow`)
  const near = await connect(far.local)
  keep.push(far, near)
  if (take === undefined) await Promise.all([far.receive(), near.send('first')])
  else far.on('message', take)
  await pass()
  return async () => {
    const { messagesReceived } = far.stats()
    for (let count = 1; count <= COUNT; count++) {
      await near.send(Buffer.alloc(SIZE))
      await until(() => far.stats().messagesReceived === messagesReceived + count)
      await pass()
    }
    return { pieces: COUNT, bytes: COUNT * SIZE }
  }
}

const cases = {
  /** Parts of requests, say, that their reader keeps until the rest comes. */
  'chunks that a listener keeps': () => unreadStreams((socket) => socket.on('data', (chunk) => keep.push(chunk))),

  'chunks that nobody reads': () => unreadStreams(() => {}),

  'chunks that nobody reads, of the drop-in': async () => {
    const pass = await streamTraffic()
    const server = net.createServer((socket) => {
      keep.push(socket)
      socket.on('readable', () => {})
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await pass()
    return async () => {
      for (let count = 0; count < COUNT; count++) {
        const near = net.connect(server.address().port, '127.0.0.1')
        near.write(Buffer.alloc(SIZE))
        const [far] = await once(server, 'connection')
        keep.push(near)
        await until(() => far.bytesRead === SIZE)
        await pass()
      }
      return { pieces: COUNT, bytes: COUNT * SIZE }
    }
  },

  /** More than fits what is copied out of hand, less than a block. */
  'large chunks that a listener keeps': async () => {
    const pass = await streamTraffic()
    let bytes = 0
    let pieces = 0
    const { open } = await connections((socket) => {
      socket.on('data', (chunk) => {
        keep.push(chunk)
        bytes += chunk.length
        pieces++
      })
    })
    await pass()
    return async () => {
      for (let count = 1; count <= 40; count++) {
        const near = await open()
        near.write(Buffer.alloc(100_000))
        await until(() => bytes === count * 100_000)
        await pass()
      }
      return { pieces, bytes }
    }
  },

  'messages that nobody receives': () => messages(),

  'empty messages that nobody receives': async () => {
    const pass = await messageTraffic()
    const far = await bind(`unixgram:${directory}/empty`, { receiveQueue: 1_000_000 })
    const near = await connect(far.local, { sendQueue: 100_000 })
    keep.push(far, near)
    await Promise.all([far.receive(), near.send('first')])
    await pass()
    return async () => {
      const nothing = Buffer.alloc(0)
      // Until it is full; the kernel keeps a few.
      for (let last = -1; last !== far.queued.received; ) {
        last = far.queued.received
        for (let count = 0; count < 5000 && near.trySend(nothing); count++) if (count % 8 === 7) await turn()
        await sleep(20)
        if (last > 60_000) break
      }
      // They have no bytes at all.
      return { pieces: far.queued.received, bytes: 0 }
    }
  },

  'messages that are passed on to somebody who takes none': async () => {
    const stuck = await bind(`unixgram:${directory}/stuck`)
    const out = await connect(stuck.local)
    keep.push(stuck, out)
    return messages(({ data }) => void out.send(data).catch(() => {}))
  },

  'messages that are passed on to somebody who is not there': async () => {
    const out = persistent(`unixgram:${directory}/nobody`)
    keep.push(out)
    return messages(({ data }) => void out.send(data))
  },
}

const run = await cases[what]()
const before = await memory()
const waiting = await run()
const after = await memory()
console.log(JSON.stringify({ ...waiting, buffers: after.buffers - before.buffers, heap: after.heap - before.heap }))
process.exit()
