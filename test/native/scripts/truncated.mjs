// Run with a low `ulimit -n`: receives more descriptors than the process has room for.
import { closeSync, openSync, readdirSync } from 'node:fs'
import { addon, pair, rights } from './addon.mjs'

const [a, b] = pair()
const fds = new Int32Array(253)
const meta = new Int32Array(2)
addon.sendmsg(a, Buffer.from('x'), new Uint8Array(0), rights(0, 0, 0, 0, 0))

const opened = []
try {
  for (;;) opened.push(openSync('/dev/null', 'r'))
} catch (error) {
  if (error.code !== 'EMFILE') throw error
}
// Room for three, one of which lists the descriptors.
for (const fd of opened.splice(-3)) closeSync(fd)

const before = readdirSync('/proc/self/fd').length
const bytes = addon.recvfds(b, Buffer.alloc(10), 0, 10, fds, meta)
const more = readdirSync('/proc/self/fd').length - before
console.log(JSON.stringify({ bytes, taken: meta[0], flags: meta[1], more }))
