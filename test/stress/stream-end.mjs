// One end of a stream, with what it sends and gets.
import { nextBytes, StreamCheck } from './flows.mjs'
import { takeDescriptors } from './received.mjs'

/** Bytes that may wait to be sent: a writer that pays no attention to backpressure is not what is tested. */
const ENOUGH = 2_000_000

export class StreamEnd {
  /** Calls under way. */
  pending = 0
  world
  endpoint
  scheme
  #flow

  /** @param {{ flowing: boolean, takesFds: boolean }} options whether it reads by itself, whether it listens for 'fds' */
  constructor(world, endpoint, scheme, { flowing, takesFds }) {
    this.world = world
    this.endpoint = endpoint
    this.scheme = scheme
    this.#flow = world.flows.open()
    const check = new StreamCheck(world.flows)
    const what = `${scheme} end of operation ${world.operation}`
    endpoint.on('error', (error) => world.failed(error, what))
    endpoint.on('data', (chunk) => world.check(what, () => check.take(chunk)))
    if (takesFds) endpoint.on('fds', (fds) => takeDescriptors(world, fds))
    if (!flowing) endpoint.pause()
    const own = () => world.own(endpoint.fd, what, () => endpoint.fd !== undefined)
    if (endpoint.connecting) endpoint.once('connect', own)
    else own()
  }

  get isOpen() {
    return !this.endpoint.destroyed
  }

  send(size, count, fds = []) {
    const { endpoint, world } = this
    for (let n = 0; n < count && endpoint.writable && endpoint.writableLength < ENOUGH; n++) {
      this.pending++
      const written = new Promise((resolve, reject) => {
        const done = (error) => (error ? reject(error) : resolve())
        const bytes = nextBytes(this.#flow, size)
        if (fds.length > 0 && !endpoint.connecting && this.canPass) endpoint.writeWithFds(bytes, fds, done)
        else endpoint.write(bytes, done)
      })
      void world.watch(written, `write to ${this.scheme}`).then(() => this.pending--)
    }
  }

  get canPass() {
    return this.scheme === 'unix' && this.endpoint.engine === 'kernel'
  }

  /** Reads for a turn of the loop. */
  receive() {
    this.endpoint.resume()
    setImmediate(() => this.endpoint.pause())
  }

  pause() {
    this.endpoint.pause()
  }

  resume() {
    this.endpoint.resume()
  }

  end() {
    this.endpoint.end()
  }

  /** There is nothing to be aborted but the connection. */
  abort() {
    this.endpoint.destroy()
  }

  close() {
    this.endpoint.destroy()
  }

  reset() {
    this.endpoint.resetAndDestroy()
  }
}
