// The talk with one guest: see `guest/start` for the words.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as after } from 'node:timers/promises'

const reportSeconds = 10
const consoleKept = 256 * 1024

export class Session {
  /** What the kernel wrote on its console, its end if it is long, with what qemu had to say. */
  consoleText = ''
  /** The signal that ended the machine, if one did before its command ended. @type {NodeJS.Signals | undefined} */
  signal
  hasEnded = false
  /** @type {import('./machine.mjs').Machine} */
  machine
  /** @type {Map<string, (rest: string) => void>} */
  #listeners = new Map()
  /** @type {Promise<void>} */
  #gone
  /** @type {Promise<unknown>[]} */
  #written = []

  /** @param {import('./machine.mjs').Machine} machine */
  constructor(machine) {
    this.machine = machine
    const { control, console, process } = machine
    this.#gone = new Promise((resolve) => {
      process.once('exit', () => {
        this.hasEnded = true
        resolve()
      })
      process.once('error', (error) => {
        this.hasEnded = true
        this.#keep(String(error))
        resolve()
      })
    })
    console.on('data', (bytes) => this.#keep(bytes))
    process.stderr?.on('data', (bytes) => this.#keep(bytes))
    const lines = createInterface({ input: control })
    lines.on('line', (line) => {
      const [word, rest] = split(line)
      this.#listeners.get(word)?.(rest)
    })
    // A guest that dies leaves what was sent to it unread. readline hands its input's errors on.
    for (const end of [lines, control, machine.terminal]) end.on('error', () => {})
  }

  /**
   * Passes output on to its last byte. A reader that went away ends the machine.
   * @param {import('node:net').Socket} from @param {NodeJS.WriteStream} to
   */
  passOn(from, to) {
    from.pipe(to, { end: false })
    to.on('error', () => this.kill('SIGPIPE'))
    this.#written.push(once(from, 'close'))
  }

  /**
   * Until the command is about to start. @param {string} request @param {number} seconds
   * @returns {Promise<string | undefined>} why it will not
   */
  async boot(request, seconds) {
    this.#listeners.set('ready', () => this.send(request))
    const begun = this.#word('begin').then(() => undefined)
    const failed = this.#word('failed')
    const gone = this.#gone.then(() => 'it ended')
    return await within(seconds, Promise.race([begun, failed, gone]), `nothing for ${seconds} s`)
  }

  /** Until the command ended. @param {number} seconds 0 for ever */
  async command(seconds) {
    const exit = this.#word('exit').then(Number)
    const gone = this.#gone.then(() => 'gone')
    return await within(seconds, Promise.race([exit, gone]), 'timeout')
  }

  /** Has the guest write on its console what it is doing. */
  async report() {
    const reported = this.#word('reported')
    this.send('report')
    await within(reportSeconds, Promise.race([reported, this.#gone]), undefined)
    await after(200)
  }

  /** @param {string} line */
  send(line) {
    this.machine.control.write(`${line}\n`)
  }

  /** @param {number} lines */
  consoleTail(lines) {
    return this.consoleText.replaceAll('\r', '').trimEnd().split('\n').slice(-lines).join('\n')
  }

  /** @param {NodeJS.Signals} signal what the machine ended of */
  kill(signal) {
    this.signal ??= signal
    this.machine.process.kill('SIGKILL')
  }

  /** No qemu, and every byte that the guest wrote passed on. */
  async end() {
    this.machine.process.kill('SIGKILL')
    await this.#gone
    await Promise.all(this.#written)
  }

  /** @param {string} word @returns {Promise<string>} what came with it */
  #word(word) {
    return new Promise((resolve) => this.#listeners.set(word, resolve))
  }

  /** @param {import('node:buffer').Buffer | string} text */
  #keep(text) {
    this.consoleText = (this.consoleText + text.toString('latin1')).slice(-consoleKept)
  }
}

/** @param {string} line @returns {[word: string, rest: string]} */
function split(line) {
  const at = line.indexOf(' ')
  return at === -1 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
}

/**
 * @template T
 * @template U
 * @param {number} seconds 0 for ever
 * @param {Promise<T>} outcome
 * @param {U} late
 * @returns {Promise<T | U>}
 */
async function within(seconds, outcome, late) {
  if (seconds === 0) return await outcome
  const timer = new AbortController()
  const timeout = after(seconds * 1000, late, { signal: timer.signal })
  timeout.catch(() => {})
  try {
    return await Promise.race([outcome, timeout])
  } finally {
    timer.abort()
  }
}
