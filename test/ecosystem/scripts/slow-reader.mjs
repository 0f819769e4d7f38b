// One end writes, the other does not read: how much is taken, and how much memory it costs.
// Then the other reads slowly, to the end. Arguments: the address to listen at, the engine, how many MiB to write.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { connect, listen } from 'polysocket'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

const [address, engine, mebibytes] = process.argv.slice(2)
const total = Number(mebibytes) * 1024 * 1024
const chunkSize = 64 * 1024

const listener = await listen(address, { engine })
const writer = await connect(listener.address, { engine })
const reader = await listener.accept()

const memory = async () => {
  // Array buffers are given back in a later turn than the one that found them unused.
  gc()
  await sleep(5)
  gc()
  const { arrayBuffers, rss } = process.memoryUsage()
  return { arrayBuffers, rss }
}
const before = await memory()
const growth = { arrayBuffers: 0, rss: 0 }
const measure = async () => {
  const { arrayBuffers, rss } = await memory()
  growth.arrayBuffers = Math.max(growth.arrayBuffers, arrayBuffers - before.arrayBuffers)
  growth.rss = Math.max(growth.rss, rss - before.rss)
}

let written = 0
const write = async () => {
  while (written < total) {
    // Each its own memory, so that what is kept shows.
    const goOn = writer.write(Buffer.alloc(chunkSize, written & 255))
    written += chunkSize
    if (!goOn) await once(writer, 'drain')
  }
  writer.end()
}
const writing = write()

// Until nothing more is taken.
for (let last = -1; last !== written; ) {
  last = written
  await sleep(300)
}
await measure()
const stalled = { written, ...growth }

let read = 0
let measured = 0
for await (const chunk of reader) {
  read += chunk.length
  if (read - measured < 8 * 1024 * 1024) continue
  measured = read
  await measure()
}
await writing
const { writableHighWaterMark, readableHighWaterMark } = writer
console.log(JSON.stringify({ stalled, read, ...growth, highWaterMark: writableHighWaterMark + readableHighWaterMark }))
await listener.close()
