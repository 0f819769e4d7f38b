// Run with --expose-gc: what becomes of memory to receive into. Its argument says what is looked at.
import { createHash, randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { MessageChannel, Worker } from 'node:worker_threads'
import { addon } from './addon.mjs'

const MiB = 1024 * 1024

async function collect() {
  for (let round = 0; round < 6; round++) {
    globalThis.gc()
    await setImmediate()
  }
}

const hash = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Slabs that begin with a mark of their own, and are then forgotten; the marks. */
function forgotten(count, size) {
  return Array.from({ length: count }, () => {
    const mark = randomBytes(16)
    addon.slab(size).set(mark)
    return mark.toString('hex')
  })
}

/** How many of so many slabs begin with one of the marks. */
function marked(count, size, marks, offset = 0) {
  const slabs = Array.from({ length: count }, () => addon.slab(size))
  return slabs.filter((slab) => marks.includes(slab.toString('hex', offset, offset + 16))).length
}

/** What nobody holds serves again, and only those of its size. */
async function recycled() {
  const marks = forgotten(8, MiB)
  const whileHeld = marked(8, MiB, marks)
  await collect()
  const ofOtherSize = marked(8, MiB + 64, marks)
  // Eight that were marked, and eight that were not.
  return { whileHeld, ofOtherSize, again: marked(16, MiB, marks) }
}

/** One that is held only by a slice, by its ArrayBuffer, or by a view of another kind, is not given out again. */
async function held() {
  const keepers = [
    (slab) => slab.subarray(500, 40_000),
    (slab) => slab.buffer,
    (slab) => new DataView(slab.buffer, slab.byteOffset + 4096, 100),
    (slab) => new Float64Array(slab.buffer, slab.byteOffset, 512),
    (slab) => slab.slice(slab.length - 1),
  ]
  const bytesOf = (kept) =>
    kept instanceof ArrayBuffer ? new Uint8Array(kept) : new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength)
  const kept = []
  for (let index = 0; index < 100; index++) {
    const slab = addon.slab(256 * 1024)
    randomBytes(1024).copy(slab, (index % 200) * 1024)
    slab.fill(index, 0, 500)
    const keep = keepers[index % keepers.length](slab)
    kept.push({ keep, digest: hash(bytesOf(keep)) })
  }
  let streamed = 0
  for (let round = 0; round < 40; round++) {
    for (let index = 0; index < 40; index++) streamed += addon.slab(256 * 1024).fill(round + 1).length
    if (round % 4 === 0) globalThis.gc()
    await setImmediate()
  }
  await collect()
  return { streamed: streamed / MiB, changed: kept.filter(({ keep, digest }) => hash(bytesOf(keep)) !== digest).length }
}

/** Nobody asks for a collection: V8 must see by itself how much lies about. */
async function unasked() {
  let most = 0
  for (let index = 0; index < 4000; index++) {
    addon.slab(MiB).fill(index)
    await setImmediate()
    if (index % 50 === 0) most = Math.max(most, process.memoryUsage.rss())
  }
  return { most: Math.round(most / MiB) }
}

const inWorker = `
  const { parentPort, workerData } = require('node:worker_threads')
  import(workerData.addon).then(({ addon }) => {
    globalThis.slabs = Array.from({ length: 16 }, () => addon.slab(${MiB}).fill(7))
    globalThis.slices = globalThis.slabs.splice(0, 8).map((slab) => slab.subarray(100, 200))
    // Some are forgotten, and perhaps collected, before the end.
    for (let index = 0; index < 4; index++) addon.slab(${MiB}).fill(8)
    parentPort.postMessage(globalThis.slabs[0].subarray(0, 64))
    if (workerData.ending === 'exit') process.exit()
    if (workerData.ending === 'busy') for (;;) addon.slab(64)
    if (workerData.ending === 'wait') setInterval(() => {}, 1000)
  })`

/** Workers that end with slabs outstanding. */
async function workers() {
  const endings = ['exit', 'return', 'wait', 'busy']
  let right = 0
  let before = 0
  for (let index = 0; index < 48; index++) {
    if (index === 8) before = process.memoryUsage.rss()
    const workerData = { ending: endings[index % endings.length], addon: new URL('addon.mjs', import.meta.url).href }
    const worker = new Worker(inWorker, { eval: true, workerData })
    await new Promise((resolve, reject) => {
      worker.on('message', (copy) => {
        if (Buffer.from(copy).every((byte) => byte === 7)) right++
        worker.terminate()
      })
      worker.on('error', reject)
      worker.on('exit', resolve)
    })
  }
  await collect()
  return { right, grown: Math.round((process.memoryUsage.rss() - before) / MiB) }
}

const receiver = `
  const { parentPort } = require('node:worker_threads')
  parentPort.on('message', (bytes) => {
    const sum = bytes.reduce((all, byte) => all + byte, 0)
    globalThis.gc()
    parentPort.postMessage(sum)
  })`

/** What became of a slab that was to be another's: Node refuses from version 21 on, and copies it before. */
function outcome(slab, give) {
  try {
    give(slab.buffer)
  } catch (error) {
    return error.name
  }
  return slab.length === 0 ? 'moved' : 'copied'
}

async function transferred() {
  const worker = new Worker(receiver, { eval: true })
  const sums = new Set()
  let answers = 0
  worker.on('message', (sum) => {
    answers++
    sums.add(sum)
  })
  const outcomes = new Set()
  let changed = 0
  const { port1, port2 } = new MessageChannel()
  for (let index = 0; index < 30; index++) {
    const slab = addon.slab(64 * 1024).fill(1)
    worker.postMessage(slab)
    outcomes.add(outcome(slab, (buffer) => worker.postMessage(slab, [buffer])))
    outcomes.add(outcome(slab, (buffer) => structuredClone(slab, { transfer: [buffer] })))
    outcomes.add(outcome(slab, (buffer) => port1.postMessage(buffer, [buffer])))
    const copy = structuredClone(slab)
    slab.fill(2)
    if (copy.some((byte) => byte !== 1)) changed++
    globalThis.gc()
    await setImmediate()
  }
  while (answers < 30) await setImmediate()
  port2.close()
  await worker.terminate()
  await collect()
  return { outcomes: [...outcomes], sums: [...sums], changed }
}

/** ArrayBuffer.prototype.transfer, where there is one, asks nobody. */
async function moved() {
  const kept = []
  for (let index = 0; index < 40; index++) {
    const slab = addon.slab(256 * 1024).fill(index)
    const buffer = slab.buffer.transfer?.() ?? slab.buffer
    if (index % 2 === 0) kept.push(new Uint8Array(buffer))
  }
  await collect()
  for (let index = 0; index < 40; index++) addon.slab(256 * 1024).fill(99)
  return {
    changed: kept.filter((bytes, index) => bytes.length !== 256 * 1024 || bytes.some((b) => b !== index * 2)).length,
  }
}

const looks = { recycled, held, unasked, workers, transferred, moved }
console.log(JSON.stringify(await looks[process.argv[2]]()))
