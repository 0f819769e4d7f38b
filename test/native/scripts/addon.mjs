// The addon as the package loads it, for scripts that run without the package being compiled.
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

const load = createRequire(import.meta.url)('node-gyp-build')

export const addon = load(process.env.POLYSOCKET_PREBUILD ?? fileURLToPath(new URL('../../../native', import.meta.url)))

export const READABLE = 1
export const WRITABLE = 2

/** A descriptor that is watched, as an object with a function of its own, which nothing else holds. */
export class Watched {
  #fd
  #onReady
  #resource = {}

  constructor(fd, onReady) {
    this.#fd = fd
    this.#onReady = onReady
    const result = addon.watch(fd, this, this.#resource, this.#ready)
    if (result !== 0) throw new Error(`watch: ${result}`)
  }

  #ready(events) {
    this.#onReady(events)
  }

  set(events) {
    return addon.wait(this.#fd, events, this)
  }

  ref() {
    addon.ref(this.#fd, this)
  }

  unref() {
    addon.unref(this.#fd, this)
  }

  close() {
    if (this.#fd >= 0) addon.close(this.#fd, this)
    this.#fd = -1
  }
}

/** Two connected descriptors. */
export function pair(type = 1) {
  const fds = new Int32Array(2)
  const result = addon.socketpair(1, type, 0, fds)
  if (result !== 0) throw new Error(`socketpair: ${result}`)
  return [...fds]
}

/** Ancillary data with descriptors, SCM_RIGHTS, as a 64-bit machine lays it out: cmsg(3). */
export function rights(...fds) {
  const control = Buffer.alloc(16 + 8 * Math.ceil(fds.length / 2))
  control.writeUInt32LE(16 + 4 * fds.length, 0)
  control.writeInt32LE(1, 8)
  control.writeInt32LE(1, 12)
  for (const [index, fd] of fds.entries()) control.writeInt32LE(fd, 16 + 4 * index)
  return control
}
