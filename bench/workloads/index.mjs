// A workload by its name. Each has a server and a client, functions of a library (see ../libraries) and of the address that the
// server told. They give `greeting`, which is what the side says first, and the commands that it then obeys.
import { connections } from './connections.mjs'
import { datagrams } from './datagrams.mjs'
import { http } from './http.mjs'
import { memory } from './memory.mjs'
import { messageEcho } from './message-echo.mjs'
import { relay, relaySink, relaySource } from './relay.mjs'
import { streamEcho } from './stream-echo.mjs'
import { stream } from './streams.mjs'

const KIB_64 = 65_536

const patterns = [
  [/^(tcp|unix)-stream-64k$/, (scheme) => stream(scheme, KIB_64, 1)],
  [/^(tcp|unix)-stream-100$/, (scheme) => stream(scheme, 100, 100)],
  [/^(tcp|unix)-echo(?:-(\d+))?$/, (scheme, count = '1') => streamEcho(scheme, Number(count))],
  [/^(udp|unixgram)-(\d+)$/, (scheme, size) => datagrams(scheme, Number(size), 'batches')],
  [/^(udp|unixgram)-(\d+)-each$/, (scheme, size) => datagrams(scheme, Number(size), 'messages')],
  [/^(udp|unixpacket)-echo$/, (scheme) => messageEcho(scheme)],
  [/^(tcp|unix)-connections$/, (scheme) => connections(scheme)],
  [/^tcp-memory$/, () => memory('tcp')],
  [/^relay$/, () => relay],
  [/^relay-source$/, () => relaySource],
  [/^relay-sink$/, () => relaySink],
  [/^http$/, () => http],
]

export function findWorkload(name) {
  for (const [pattern, make] of patterns) {
    const match = pattern.exec(name)
    if (match !== null) return make(...match.slice(1))
  }
  throw new Error(`there is no workload ${name}`)
}
