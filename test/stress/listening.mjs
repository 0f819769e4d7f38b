// A listener, and the places that its connections go to.
import { endOf } from './ends.mjs'

export class Listening {
  #world
  #abort = new AbortController()
  /** @type {{ place: number, options: object }[]} the next connections' */
  #expected = []
  listener
  scheme
  #byEvent

  /** @param {boolean} byEvent whether connections are taken by 'connection', or one by one by `accept` */
  constructor(world, listener, scheme, byEvent) {
    this.#world = world
    this.listener = listener
    this.scheme = scheme
    this.#byEvent = byEvent
    const what = `${scheme.name} listener of operation ${world.operation}`
    listener.on('error', (error) => world.failed(error, what))
    listener.on('exhausted', (error) => world.fail(`${what}: ${error.message}: no descriptor is left`))
    if (byEvent) listener.on('connection', (endpoint) => this.#take(endpoint, this.#expected.shift()))
    world.own(listener.fd, what, () => listener.fd !== undefined)
  }

  /** The next connection goes to the place. */
  expect(place, options) {
    if (this.#byEvent) {
      this.#expected.push({ place, options })
      return
    }
    const accepted = this.listener.accept({ signal: this.#abort.signal })
    const done = (endpoint) => this.#take(endpoint, { place, options })
    void this.#world.watch(accepted, `accept of ${this.scheme.name}`, { done })
  }

  #take(endpoint, { place, options } = { place: 0, options: { flowing: true } }) {
    this.#world.put('ends', place, endOf(this.#world, endpoint, this.scheme.name, options))
  }

  abort() {
    this.#abort.abort()
    this.#abort = new AbortController()
  }

  close() {
    void this.#world.watch(this.listener.close(), `close of a ${this.scheme.name} listener`)
  }
}
