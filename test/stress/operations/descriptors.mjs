// Operations with descriptors: those that go with messages, and the harness's own, which nobody else may touch.
import { closeSync, openSync } from 'node:fs'
import { createServer } from 'node:net'
import { closeReceived } from '../received.mjs'
import { places } from '../world.mjs'

/** @type {readonly import('./index.mjs').Operation[]} */
export const descriptors = [
  passing('fds', { batch: false }),
  passing('batchFds', { batch: true }),
  {
    name: 'closeFds',
    weight: 10,
    draw: (random) => ({ count: random.between(1, 40) }),
    perform: (world, { count }) => closeReceived(world, count),
  },
  {
    name: 'sentinel',
    weight: 16,
    draw: (random) => ({ at: random.below(places.sentinels), socket: random.oneIn(3) }),
    perform(world, { at, socket }) {
      world.put('sentinels', at, socket ? nodeSocket(world) : file(world))
    },
  },
]

/** @returns {import('./index.mjs').Operation} sends descriptors, and closes its own at once, as it may */
function passing(name, { batch }) {
  return {
    name,
    weight: 6,
    draw: (random) => ({
      at: random.below(places.ends),
      size: random.pick([12, 1000]),
      count: random.between(1, 6),
      fds: random.between(1, 5),
      sockets: random.oneIn(3),
    }),
    perform(world, { at, size, count, fds, sockets }) {
      const end = world.ends[at]
      if (!end?.isOpen || !end.canPass) return
      if (sockets) {
        const [one, other] = world.library.socketpair('unix')
        end.send(size, count, [one.fd, other.fd], { batch })
        one.destroy()
        other.destroy()
      } else {
        const file = openSync('/dev/null', 'r')
        end.send(size, count, new Array(fds).fill(file), { batch })
        closeSync(file)
      }
    },
  }
}

function file(world) {
  const fd = openSync('/dev/zero', 'r')
  world.own(fd, "a file of the harness's own", () => true)
  const close = () => {
    world.checkIdentities()
    world.disown(fd)
    closeSync(fd)
  }
  return { close }
}

/** A listener of Node's own. */
function nodeSocket(world) {
  const server = createServer()
  server.on('error', (error) => world.fail(`a socket of Node's own: ${error.stack}`))
  server.listen({ port: 0, host: '127.0.0.1' }, () => {
    world.own(server._handle.fd, "a socket of Node's own", () => server._handle !== null)
  })
  return { close: () => server.close() }
}
