// Run with --expose-gc: what the garbage collector may take, and what not.
import { AsyncLocalStorage } from 'node:async_hooks'
import { closeSync, fstatSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { addon, pair, READABLE, Watched, WRITABLE } from './addon.mjs'

function isOpen(fd) {
  try {
    fstatSync(fd)
    return true
  } catch {
    return false
  }
}

async function collect() {
  for (let round = 0; round < 5; round++) {
    globalThis.gc()
    await setImmediate()
  }
}

const results = {}

// In functions of their own, so that no variable of this module holds anything.
function forgotten() {
  const [fd] = pair()
  new Watched(fd, () => {})
  return fd
}

function forgottenAfterUse() {
  const [fd] = pair()
  const watch = new Watched(fd, () => watch.set(0))
  watch.set(WRITABLE)
  return fd
}

/** The store holds the socket, and the watch was made under that store: a circle, but one within JavaScript. */
function forgottenInItsOwnStore() {
  const [fd] = pair()
  const socket = { store: new AsyncLocalStorage() }
  socket.store.run(socket, () => {
    socket.watch = new Watched(fd, () => socket)
  })
  return fd
}

/** The same, closed as it should be. */
async function closedInItsOwnStore(how) {
  const socket = { store: new AsyncLocalStorage() }
  const ended = new Promise((resolve) => {
    socket.store.run(socket, () => {
      socket.watch = new Watched(pair()[0], () => {
        socket.watch.close()
        resolve()
      })
    })
  })
  if (how === 'callback') {
    socket.watch.set(WRITABLE)
    await ended
  } else {
    socket.watch.close()
  }
  return new WeakRef(socket)
}

/** The number belongs to another socket by the time that the target is collected. */
function closedAndReused() {
  const [fd] = pair()
  new Watched(fd, () => {}).close()
  if (addon.socket(1, 1, 0) !== fd) throw new Error('another number')
  return fd
}

/** The user has closed it without us, and another socket has the number when the target is collected. */
function closedByUser(events) {
  const [fd] = pair()
  new Watched(fd, () => {}).set(events)
  closeSync(fd)
  if (addon.socket(1, 1, 0) !== fd) throw new Error('another number')
  addon.watch(fd, kept, {}, () => {})
  return fd
}

/** The function is held for as long as somebody is watched with it, and the targets are not. */
function functionOf(count) {
  const onReady = () => {}
  const fds = Array.from({ length: count }, () => pair()[0])
  const targets = fds.map(() => ({}))
  for (const [index, fd] of fds.entries()) addon.watch(fd, targets[index], {}, onReady)
  addon.close(fds[0], targets[0])
  return new WeakRef(onReady)
}

function waiting(seen) {
  const [fd, peer] = pair()
  const watch = new Watched(fd, () => {
    seen.push(fd)
    watch.close()
  })
  watch.set(READABLE)
  return [fd, peer]
}

function held(seen) {
  const [fd] = pair()
  return [fd, new Watched(fd, () => seen.push(fd))]
}

const seen = []
const fds = [forgotten(), forgottenAfterUse()]
const inStore = forgottenInItsOwnStore()
const closed = [await closedInItsOwnStore('callback'), await closedInItsOwnStore('outside')]
const kept = {}
const reused = [closedAndReused(), closedByUser(0), closedByUser(READABLE)]
const functions = [functionOf(1), functionOf(3)]
const [waitingFd, peer] = waiting(seen)
const [heldFd, heldWatch] = held(seen)
await collect()
await collect()
results.forgotten = fds.map(isOpen)
// From Node 24 on, an async context of Node-API holds the store.
results.inStore = Number.parseInt(process.versions.node, 10) < 24 && isOpen(inStore)
results.closed = closed.map((reference) => reference.deref() !== undefined)
results.reused = reused.map(isOpen)
results.functions = functions.map((reference) => reference.deref() !== undefined)

results.waiting = isOpen(waitingFd)
addon.sendv(peer, [Buffer.from('x')], 0, 0)
await setImmediate()
await setImmediate()
results.called = seen.splice(0).includes(waitingFd)

// Nothing but the watch holds its callback.
results.held = isOpen(heldFd)
heldWatch.set(WRITABLE)
await setImmediate()
await setImmediate()
results.heldCalled = seen.includes(heldFd)
heldWatch.close()

// Many at once, with the loop closing the handles in its own time.
const many = Array.from({ length: 500 }, forgotten)
await collect()
results.many = many.filter(isOpen).length
results.kept = reused.map((fd, index) => addon.close(fd, index === 0 ? undefined : kept))
console.log(JSON.stringify(results))
