// recvmmsg and sendmmsg with memory that another thread writes to all the while: whatever it writes, what was checked is used.
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { addon, pair } from './addon.mjs'

const PLACES = 32
const SLOT = 1024
const NAME_SIZE = 128
const CONTROL = 64

if (!isMainThread) {
  const [meta, lengths, controls] = workerData.map((memory) => new Int32Array(memory))
  const wild = [0x7fffffff, -1, 16, 0, 1 << 30]
  for (let round = 0; ; round++) {
    for (let index = 0; index < meta.length; index++) meta[index] = wild[round % wild.length]
    for (let index = 0; index < lengths.length; index += 3) lengths[index] = round % 2 === 0 ? 10 : 1 << 28
    for (let index = 0; index < controls.length; index += 4) controls[index] = wild[(round + index) % wild.length]
  }
}

const shared = [4 * 5 * PLACES, 4 * 3 * PLACES, CONTROL * PLACES].map((size) => new SharedArrayBuffer(size))
const [meta, lengths, controls] = [new Int32Array(shared[0]), new Int32Array(shared[1]), new Uint8Array(shared[2])]
const worker = new Worker(new URL(import.meta.url), { workerData: shared })
await new Promise((resolve) => worker.once('online', resolve))

const [near, far] = pair(2)
// SO_TIMESTAMP, so that each message brings a part.
addon.setsockopt(far, 1, 29, new Uint8Array(new Int32Array([1]).buffer))
const slab = Buffer.alloc(PLACES * SLOT)
const names = Buffer.alloc(NAME_SIZE * PLACES)
const bytes = Buffer.alloc(10)
const outgoing = Buffer.alloc(100)
let received = 0
for (const end = performance.now() + Number(process.argv[2]); performance.now() < end; ) {
  for (let index = 0; index < 8; index++) addon.send(near, bytes, 0, bytes.length)
  addon.sendmmsg(near, outgoing, lengths, names.subarray(0, 0), 2)
  const count = addon.recvmmsg(far, slab, 0, SLOT, PLACES, meta, names, controls, CONTROL, 0)
  if (count > 0) received += count
}
console.log(JSON.stringify({ received: received > 0 }))
process.exit()
