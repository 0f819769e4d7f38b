// A worker with sockets of its own, which is terminated in the middle of what it does.
import { closeSync, openSync } from 'node:fs'
import { Worker } from 'node:worker_threads'

export class Thread {
  #world
  #worker
  #address
  #ready

  constructor(world) {
    this.#world = world
    const what = `the worker of operation ${world.operation}`
    this.#address = `unixgram:${world.file(`worker-${world.operation}.sock`)}`
    const workerData = { root: world.root, address: this.#address }
    // Node warns in a worker that closes a descriptor which it has not opened by node:fs.
    const options = { workerData, trackUnmanagedFds: false }
    this.#worker = new Worker(new URL('worker.mjs', import.meta.url), options)
    this.#worker.on('error', (error) => world.fail(`${what}: ${error.stack}`))
    this.#ready = new Promise((resolve) => this.#worker.once('message', resolve))
    void world.watch(new Promise((resolve) => this.#worker.once('exit', resolve)), what)
  }

  /** The part of the time that its loop was busy since the last time. */
  get performance() {
    return this.#worker.performance
  }

  /** Sends it messages with descriptors, and has it receive some of them. */
  feed({ messages, fds, receives }) {
    const world = this.#world
    this.#worker.postMessage({ receives })
    // It may not be there yet.
    const connected = world.library.connect(this.#address, { sendQueue: messages })
    const done = async (endpoint) => {
      const file = openSync('/dev/null', 'r')
      const sent = endpoint.sendBatch(
        Array.from({ length: messages }, () => ({ data: 'x', fds: new Array(fds).fill(file) })),
      )
      closeSync(file)
      // What finds no room within that time is given up.
      setTimeout(() => void endpoint.close(), 50)
      const { failed } = await sent
      for (const { error } of failed) world.failed(error, 'feeding a worker')
    }
    void world.watch(connected, 'connect to a worker', { done })
  }

  /** Not before its modules are loaded: Node leaves those that it is reading open. */
  close() {
    void this.#ready.then(() => this.#worker.terminate())
  }
}
