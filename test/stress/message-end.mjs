// One end that sends and gets messages.
import { MESSAGE_HEADER, MessageCheck, nextMessage } from './flows.mjs'
import { takeDescriptors } from './received.mjs'

export class MessageEnd {
  /** Calls under way. */
  pending = 0
  world
  endpoint
  scheme
  /** @type {Map<unknown, import('./flows.mjs').Flow>} by destination */
  #flows = new Map()
  #check
  /** @type {Set<AbortController>} those of `receive`s under way */
  #receiving = new Set()
  #flowing

  /** @param {{ flowing: boolean }} options whether it reads by itself */
  constructor(world, endpoint, scheme, { flowing }) {
    this.world = world
    this.endpoint = endpoint
    this.scheme = scheme
    this.#flowing = flowing
    this.#check = new MessageCheck(world.flows, endpoint.facts)
    const what = `${scheme} end of operation ${world.operation}`
    endpoint.on('error', (error) => world.failed(error, what))
    if (flowing) endpoint.on('message', (message) => this.#take(message))
    world.own(endpoint.fd, what, () => endpoint.fd !== undefined)
  }

  get isOpen() {
    return !this.endpoint.closed
  }

  /** Where others send to. */
  get address() {
    return this.endpoint.local
  }

  #take({ data, fds = [] }) {
    this.world.check(`a message on ${this.scheme}`, () => this.#check.take(data))
    takeDescriptors(this.world, fds)
  }

  /** Messages of `size` bytes, by `send` or `sendBatch`. Without an address they go to the connected peer. */
  send(size, count, fds = [], { batch = false, to } = {}) {
    const { endpoint, world } = this
    const ancillary = fds.length > 0 && this.canPass ? { fds } : undefined
    const destination = endpoint.remote === undefined ? to : undefined
    const flow = this.#flowTo(destination)
    const length = Math.max(size, MESSAGE_HEADER)
    const messages = Array.from({ length: count }, () => nextMessage(flow, length))
    this.pending++
    if (batch) {
      const sent = endpoint.sendBatch(messages.map(({ data }) => ({ data, to: destination, ...ancillary })))
      const done = ({ failed }) => {
        for (const { error, index } of failed) {
          world.failed(error, `sendBatch on ${this.scheme}`)
          flow.refused.add(messages[index].number)
        }
      }
      const refused = () => {
        for (const { number } of messages) flow.refused.add(number)
      }
      void world.watch(sent, `sendBatch on ${this.scheme}`, { done, refused }).then(() => this.pending--)
    } else {
      const sent = messages.map(({ data, number }) => {
        const refused = () => flow.refused.add(number)
        return world.watch(endpoint.send(data, destination, ancillary), `send on ${this.scheme}`, { refused })
      })
      void Promise.all(sent).then(() => this.pending--)
    }
  }

  #flowTo(destination) {
    const key = destination === undefined ? undefined : JSON.stringify(destination)
    const flow = this.#flows.get(key) ?? this.world.flows.open()
    this.#flows.set(key, flow)
    return flow
  }

  get canPass() {
    return (this.scheme === 'unixgram' || this.scheme === 'unixpacket') && this.endpoint.engine === 'kernel'
  }

  /** The next message, or none where it reads by itself. */
  receive() {
    if (this.#flowing) return
    const controller = new AbortController()
    this.#receiving.add(controller)
    this.pending++
    const done = (message) => message !== undefined && this.#take(message)
    const received = this.endpoint.receive({ signal: controller.signal })
    void this.world.watch(received, `receive on ${this.scheme}`, { done }).then(() => {
      this.pending--
      this.#receiving.delete(controller)
    })
  }

  pause() {
    this.endpoint.pause()
  }

  resume() {
    this.endpoint.resume()
  }

  end() {
    if (!this.endpoint.facts.halfClose || this.endpoint.closed) return
    this.pending++
    void this.world.watch(this.endpoint.end(), `end of ${this.scheme}`).then(() => this.pending--)
  }

  abort() {
    for (const controller of this.#receiving) controller.abort()
  }

  close() {
    void this.world.watch(this.endpoint.close(), `close of ${this.scheme}`)
  }

  reset() {
    this.close()
  }
}
