// Brings sockets to every state of idle-states.mjs at a time, lets all be idle, and counts who wakes the process up.
// The directory for socket files and the command of the peers (JSON) are its arguments; prints a line of JSON.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { loadAddon } from '../../../dist/engine/addon.js'
import { bind, connect, listen, socketpair } from '../../../dist/index.js'
import { kinds, listenerFates, listeners, pairPeers, pairs } from './idle-states.mjs'

const [directory, command, only] = process.argv.slice(2)
const SETTLE = 700
const WINDOW = 1000
/** In the window: a socket that is tried again by a timer has no more than 32 a second, one that spins has thousands. */
const WAKE_UPS = 50

const names = new Map()
const wakeUps = new Map()
let name = ''
let files = 0
watchWakeUps()

const chosen = (each) => only === undefined || each.includes(only)
const combinations = []
for (const [kind, { own, peers, scheme, ...how }] of Object.entries(kinds)) {
  for (const state of Object.keys(own)) {
    for (const peer of peers) {
      const id = `${kind}: ${state}; its peer ${peer}`
      if (chosen(id)) combinations.push({ id, scheme, how, own: own[state], peer })
    }
  }
}
const isDoomed = ({ peer }) => peer === 'is killed'
const living = await startPeers(
  combinations.filter((each) => !isDoomed(each)),
  'l',
)
const doomed = await startPeers(combinations.filter(isDoomed), 'd')

const sockets = []
const afterwards = []
for (const { id, scheme, how, own } of combinations) {
  const to = textOf(living.addresses[id] ?? doomed.addresses[id])
  name = id
  const socket = await open(scheme, how, to)
  keep(socket, own(socket, how.isBound ? to : undefined))
}
const ownPeers = []
for (const [kind, { scheme, own }] of Object.entries(pairs)) {
  for (const state of Object.keys(own)) {
    for (const [does, act] of Object.entries(pairPeers)) {
      const id = `pair of ${kind}: ${state}; its peer ${does}`
      if (!chosen(id)) continue
      name = id
      const [socket, peer] = socketpair(scheme)
      keep(socket, own[state](socket))
      peer.on('error', () => undefined)
      ownPeers.push(() => act(peer))
    }
  }
}
for (const [kind, { scheme, engine, own }] of Object.entries(listeners)) {
  for (const state of Object.keys(own)) {
    for (const [fate, act] of Object.entries(listenerFates)) {
      const id = `listener of ${kind}: ${state}; ${fate}`
      if (!chosen(id)) continue
      name = id
      const listener = await listen(addressFor(scheme), { engine })
      keep(listener, own[state](listener))
      ownPeers.push(() => act(listener, () => client(listener.address)))
    }
  }
}

await sleep(100)
for (const act of ownPeers) void act()
doomed.child.stdin.write('\n')
living.child.stdin.write('\n')
await Promise.all([doomed.line(), living.line()])
const isDead = once(doomed.child, 'exit')
doomed.child.kill('SIGKILL')
await isDead
await sleep(100)
for (const act of afterwards) act()
await sleep(SETTLE)

wakeUps.clear()
const before = performance.eventLoopUtilization()
const time = process.cpuUsage()
await sleep(WINDOW)
const { utilization } = performance.eventLoopUtilization(before)
const { user, system } = process.cpuUsage(time)
const spinning = [...wakeUps].filter(([, count]) => count > WAKE_UPS).map(([target]) => names.get(target))
living.child.kill()
console.log(
  JSON.stringify({ combinations: sockets.length, spinning, utilization, processorTime: (user + system) / 1000 }),
)
process.exit()

function keep(socket, after) {
  socket.on('error', () => undefined)
  sockets.push(socket)
  if (after !== undefined) afterwards.push(after)
}

/** Each socket of the kernel engine is known by the name that stood when it was made. */
function watchWakeUps() {
  const loaded = loadAddon()
  const { addon } = loaded
  const counting = new Map()
  const watch = (fd, target, resource, onReady) => {
    if (!counting.has(onReady)) {
      counting.set(onReady, function (events) {
        wakeUps.set(this, (wakeUps.get(this) ?? 0) + 1)
        return onReady.call(this, events)
      })
    }
    names.set(target, name)
    return addon.watch(fd, target, resource, counting.get(onReady))
  }
  loaded.addon = Object.create(addon, { watch: { value: watch } })
}

async function open(scheme, { isBound, engine }, to) {
  const options = engine !== 'node' && isInet(scheme) ? { sendBuffer: 5000 } : {}
  if (!isBound) return connect(to, { ...options, engine })
  return bind(scheme === 'udp' ? 'udp://127.0.0.1:0' : 'unixgram:?unnamed', options)
}

function isInet(scheme) {
  return scheme === 'udp' || scheme === 'tcp'
}

async function client(address) {
  const socket = await connect(address)
  socket.on('error', () => undefined)
  return socket
}

function addressFor(scheme) {
  if (isInet(scheme)) return `${scheme}://127.0.0.1:0`
  return scheme === 'memory' ? `memory:idle-${files++}` : `${scheme}:${join(directory, `f${files++}`)}`
}

function textOf({ scheme, host, port, path }) {
  return path === undefined ? `${scheme}://${host}:${port}` : `${scheme}:${path}`
}

/** A process with the other ends of these sockets. */
async function startPeers(all, prefix) {
  const items = all.map(({ id, scheme, peer }, index) => {
    const address = isInet(scheme)
      ? { scheme, host: '127.0.0.1', port: 0 }
      : { scheme, path: join(directory, prefix + index) }
    return { id, state: peer, address }
  })
  const child = spawn(...JSON.parse(command), { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  child.stdin.write(`${JSON.stringify({ items })}\n`)
  const line = async () => JSON.parse((await lines.next()).value)
  const { addresses } = await line()
  return { child, addresses, line }
}
