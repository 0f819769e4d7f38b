// What is open, what is under way and what is wrong: what operations act on, and what invariants look at.
import { join } from 'node:path'
import { identityOf } from './descriptors.mjs'
import { complaintOf } from './errors.mjs'
import { Flows } from './flows.mjs'

/** So many of each may be open at a time; what comes to an occupied place closes what was there. */
export const places = { ends: 24, listeners: 6, peers: 4, workers: 2, sentinels: 12 }

export class World {
  library
  scratch
  /** Names of the schemes that are used. */
  schemes
  python
  root
  flows = new Flows()
  /** @type {(import('./stream-end.mjs').StreamEnd | import('./message-end.mjs').MessageEnd | undefined)[]} */
  ends = new Array(places.ends)
  /** @type {(import('./listening.mjs').Listening | undefined)[]} */
  listeners = new Array(places.listeners)
  /** @type {(import('./peer.mjs').Peer | undefined)[]} */
  peers = new Array(places.peers)
  /** @type {(import('./thread.mjs').Thread | undefined)[]} */
  workers = new Array(places.workers)
  /** @type {({ close(): void } | undefined)[]} descriptors of the harness's own */
  sentinels = new Array(places.sentinels)
  /** An end was forgotten since all was closed. */
  hasForgotten = false
  /** @type {Set<number>} descriptors that came with messages */
  received = new Set()
  /** @type {Map<number, { identity: string, isOpen: () => boolean, what: string }>} */
  #owned = new Map()
  /** @type {Set<{ name: string }>} each name with the number of its operation */
  #waiting = new Set()
  /** @type {string | undefined} the first invariant that does not hold, and why */
  broken
  /** The operation that is being done. */
  operation = 0
  #addresses = 0

  constructor({ library, scratch, schemes, python, root }) {
    this.library = library
    this.scratch = scratch
    this.schemes = schemes
    this.python = python
    this.root = root
  }

  freshAddress(scheme) {
    return scheme.address(this.#addresses++, this.scratch)
  }

  file(name) {
    return join(this.scratch, name)
  }

  /** Puts what can be closed at a place, and closes what was there. */
  put(/** @type {'ends' | 'listeners' | 'peers' | 'workers' | 'sentinels'} */ table, place, thing) {
    this[table][place]?.close()
    this[table][place] = thing
  }

  /** Notes that an invariant does not hold; the run ends with the first. */
  fail(reason) {
    this.broken ??= reason
  }

  /** Runs a check that throws. */
  check(what, check) {
    try {
      check()
    } catch (error) {
      this.fail(`${what}: ${error.message}`)
    }
  }

  /** Something that failed, as it may or may not. */
  failed(error, what) {
    const complaint = complaintOf(error, this.library)
    if (complaint !== undefined) this.fail(`${what}: ${complaint}`)
  }

  /**
   * A promise that has to settle once all is closed; what it rejects with has to be an error that may be.
   *
   * @template T
   * @param {Promise<T>} promise
   * @param {string} what
   * @param {{ done?: (value: T) => void, refused?: (error: Error) => void }} [after]
   * @returns {Promise<void>}
   */
  watch(promise, what, { done, refused } = {}) {
    const name = `${what} of operation ${this.operation}`
    const entry = { name }
    this.#waiting.add(entry)
    return promise
      .then(
        (value) => done?.(value),
        (error) => {
          this.failed(error, name)
          refused?.(error)
        },
      )
      .catch((error) => this.fail(`${name}: ${error.stack}`))
      .finally(() => this.#waiting.delete(entry))
  }

  get waiting() {
    return [...this.#waiting].map(({ name }) => name)
  }

  /** From now on the descriptor has to stay what it is, as long as `isOpen` says that its owner has it. */
  own(fd, what, isOpen) {
    if (fd === undefined) return
    const identity = identityOf(fd)
    if (identity === undefined) this.fail(`${what}: descriptor ${fd} is not open although its owner says so`)
    this.#owned.set(fd, { identity, isOpen, what })
  }

  /** Whatever happens to the descriptor is right again. */
  disown(fd) {
    this.#owned.delete(fd)
  }

  /** Invariant: nobody but its owner closes a descriptor. */
  checkIdentities() {
    for (const [fd, { identity, isOpen, what }] of this.#owned) {
      if (!isOpen()) {
        this.#owned.delete(fd)
        continue
      }
      const now = identityOf(fd)
      if (now !== identity)
        this.fail(`${what}: its descriptor ${fd} was ${identity}, and is ${now ?? 'closed'} under its owner`)
    }
  }

  /** Closes all; what is under way ends by that. */
  closeAll() {
    this.hasForgotten = false
    for (const table of Object.keys(places)) {
      for (let place = 0; place < places[table]; place++) this.put(table, place, undefined)
    }
  }
}
