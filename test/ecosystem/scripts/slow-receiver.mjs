// One end sends messages, the other takes one and then no more: how many go out, how many are kept, and the memory.
// Then it receives all. Arguments: 'unixpacket' or 'udp', how many messages.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bind, connect, socketpair } from 'polysocket'

setFlagsFromString('--expose-gc')
const gc = runInNewContext('gc')

const [scheme, count] = process.argv.slice(2)
const size = 1024

const open = async () => {
  if (scheme !== 'udp') return socketpair(scheme)
  const receiver = await bind('udp://127.0.0.1:0')
  return [await connect(receiver.local), receiver]
}
const [sender, receiver] = await open()

const memory = () => {
  gc()
  return process.memoryUsage().arrayBuffers
}
const before = memory()
const first = receiver.receive()
let sent = 0
const send = async () => {
  for (; sent < Number(count); sent++) {
    await sender.send(Buffer.alloc(size, sent & 255))
    // The receiver's turn, before the kernel's buffer is full and loses what comes.
    if (sent % 64 === 0) await nextTurn()
  }
}
const sending = send()
await first
for (let last = -1; last !== sent; ) {
  last = sent
  await sleep(300)
}
const stalled = { sent, queued: receiver.queued.received, dropped: receiver.dropped, buffers: memory() - before }

// Where messages are lost the end is a silence. Where none is, no pause of a busy machine may pass for it.
const silence = scheme === 'udp' ? 500 : 20_000
let received = 1
const taking = (async () => {
  while (received < Number(count)) {
    if ((await receiver.receive({ timeout: silence }).catch(() => undefined)) === undefined) break
    received++
  }
})()
await Promise.all([sending, taking])
console.log(JSON.stringify({ stalled, sent, received, dropped: receiver.dropped }))
await sender.close()
await receiver.close()
