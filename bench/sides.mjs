// The processes that a row consists of. Each reads commands from its stdin, one a line, and answers on its stdout with one
// JSON object a line; Node sides (side.mjs) and C's (reference/) alike:
//
//   a server says {"address"} once it listens, a client {"ready"} once it is connected. Then
//   `run MILLISECONDS` (client)   does the workload for so long
//   `report` (server)             tells what arrived since the last report
//
// answered with {units, seconds, cpu, p50, p99, sent, dropped}, as far as they apply: seconds from the first to the last arrival at
// a server, seconds of the processor in that time, milliseconds for p50 and p99. A side ends when its stdin does, so that none outlives us,
// whatever ends us.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** What a side may take beyond what it was told to take, in milliseconds. */
const PATIENCE = 30_000
const TIME_TO_END = 2000

export class Side {
  #name
  #child
  #said = []
  #waiting
  #failure

  constructor(name, [program, ...args], directory) {
    this.#name = name
    this.#child = spawn(program, args, { cwd: directory, stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.on('error', (error) => this.#fail(error.message))
    this.#child.on('exit', (code, signal) => this.#fail(`it ended with ${signal ?? code}`))
    // That it is gone, 'exit' tells.
    this.#child.stdin.on('error', () => undefined)
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      this.#said.push(JSON.parse(line))
      this.#waiting?.()
    })
  }

  get pid() {
    return this.#child.pid
  }

  #fail(reason) {
    this.#failure ??= new Error(`${this.#name}: ${reason}`)
    this.#waiting?.()
  }

  /** The next thing that it says. */
  async next(milliseconds = 0) {
    const patience = setTimeout(() => this.#fail('it does not answer'), milliseconds + PATIENCE)
    while (this.#said.length === 0 && this.#failure === undefined) {
      await new Promise((resolve) => {
        this.#waiting = resolve
      })
    }
    clearTimeout(patience)
    if (this.#said.length === 0) throw this.#failure
    return this.#said.shift()
  }

  /** `milliseconds`: how long it is meant to take. */
  ask(command, milliseconds) {
    this.#child.stdin.write(`${command}\n`)
    return this.next(milliseconds)
  }

  async end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null || this.#child.pid === undefined) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    const lastResort = setTimeout(() => this.#child.kill('SIGKILL'), TIME_TO_END)
    this.#child.stdin.end()
    await ended
    clearTimeout(lastResort)
  }
}
