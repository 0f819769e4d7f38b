// Descriptors that came with bytes or messages: files are kept for a while, sockets adopted.
import { closeSync, fstatSync } from 'node:fs'

/** So many are kept; one more is closed at once. */
const KEPT = 64

/** @param {import('./world.mjs').World} world */
export function takeDescriptors(world, fds) {
  for (const fd of fds) {
    // Its number may have been ours before: whoever had it has closed it.
    world.disown(fd)
    if (fstatSync(fd).isSocket())
      world.library
        .adopt(fd)
        .on('error', () => undefined)
        .destroy()
    else if (world.received.size >= KEPT) closeSync(fd)
    else keep(world, fd)
  }
}

function keep(world, fd) {
  world.received.add(fd)
  world.own(fd, 'a descriptor that came with a message', () => world.received.has(fd))
}

/** Closes the oldest of them, or all. */
export function closeReceived(world, count = world.received.size) {
  for (const fd of [...world.received].slice(0, count)) {
    world.received.delete(fd)
    world.disown(fd)
    closeSync(fd)
  }
}
