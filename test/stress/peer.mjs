// Another process at the other end, in Python.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('peer.py', import.meta.url))

export class Peer {
  #child

  /** @param {string} habit see peer.py */
  constructor(world, habit, address) {
    const what = `the peer of operation ${world.operation}`
    this.#child = spawn(world.python, [program, habit, address.scheme, nameOf(address)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let words = ''
    this.#child.stderr.setEncoding('utf8').on('data', (chunk) => (words += chunk))
    const ended = new Promise((resolve) => this.#child.on('close', resolve))
    this.#child.on('error', (error) => world.fail(`${what}: ${error.message}`))
    void world.watch(ended, what, { done: () => words !== '' && world.fail(`${what}: ${words}`) })
  }

  close() {
    this.#child.kill('SIGKILL')
  }
}

/** As peer.py takes it. */
function nameOf(address) {
  if (address.scheme === 'tcp') return `${address.host}:${address.port}`
  return address.abstract === undefined ? address.path : `@${address.abstract}`
}
