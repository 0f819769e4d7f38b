// Runs with few descriptors, and takes those that are sent to it only when it is told to. Arguments: a scheme, a path.
// Listens there, and at the path with '-other' for others. A line on stdin, 'status' or 'take': says how it is, the latter
// once it has taken all that comes for half a second.
import { closeSync, readdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { bind, listen } from 'polysocket'

const [scheme, path] = process.argv.slice(2)
let endpoint
let messages = 0
let descriptors = 0
let accepted = 0
const errors = []
let taking = false

function take(fds) {
  for (const fd of fds) closeSync(fd)
  descriptors += fds.length
}

function use(opened) {
  endpoint = opened
  endpoint.on('error', ({ code }) => errors.push(code))
  if (scheme === 'unix') {
    // They belong to bytes that nobody reads yet.
    const waiting = []
    endpoint.on('fds', (fds) => (taking ? take(fds) : waiting.push(...fds)))
    endpoint.on('taking', () => {
      take(waiting.splice(0))
      endpoint.on('data', (bytes) => (messages += bytes.length))
    })
  } else {
    void endpoint.receive().then((message) => count(message))
    endpoint.on('taking', async () => {
      for await (const message of endpoint) count(message)
    })
  }
}

function count({ fds = [] }) {
  messages++
  take(fds)
}

if (scheme === 'unixgram') use(await bind(`unixgram:${path}`, { receiveFds: true }))
else (await listen(`${scheme}:${path}`, { receiveFds: scheme === 'unixpacket' || undefined })).on('connection', use)
const other = await listen(`unix:${path}-other`)
other.on('connection', (socket) => {
  accepted++
  socket.end('served')
})
console.log('ready')

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'take') {
    taking = true
    endpoint.emit('taking')
    for (let last = -1; last !== messages; ) {
      last = messages
      await sleep(500)
    }
  }
  const open = readdirSync('/proc/self/fd').length - 1
  console.log(JSON.stringify({ messages, descriptors, open, accepted, errors }))
}
process.exit()
