import { type Address, type DatagramEndpoint, formatAddress } from 'polysocket'
import { openMessages, type Target } from './target.ts'

/**
 * Carries messages on to a target. Each sender gets a socket of its own towards it, so that answers find their way back, as
 * NAT does it; it is kept until the link is closed, or the target ends the connection where the scheme has one.
 *
 * One message is carried at a time, and no more are taken meanwhile: a target that is slow holds up the senders, and nothing
 * is lost here but what the target refuses.
 */
export class MessageCarrier {
  readonly #near: DatagramEndpoint
  readonly #target: Target
  readonly #routes = new Map<string, Promise<DatagramEndpoint>>()
  readonly #done: Promise<void>
  #given = new AbortController()
  #undelivered = 0
  #closed = false

  constructor(near: DatagramEndpoint, target: Target) {
    this.#near = near
    this.#target = target
    this.#done = this.#run()
  }

  /** Messages that came over the link and that the target, or the sender with an answer, did not take. */
  get undelivered(): number {
    return this.#undelivered
  }

  /** Ends the connections towards the target, where there are such; addresses of datagrams do not change by a cut. */
  async cut(): Promise<void> {
    if (this.#target.facts.connected) await this.#closeRoutes()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#near.close()
    await this.#closeRoutes()
    await this.#done
  }

  async #run(): Promise<void> {
    for await (const batch of this.#near.batches()) {
      // A socket that promises nothing throws away what finds its queue full; paused, it leaves the messages on the link.
      this.#near.pause()
      for (const { data, from } of batch) await this.#carry(data, from)
      this.#near.resume()
    }
  }

  async #carry(data: Buffer, from: Address | undefined): Promise<void> {
    // A sender without a name could not be answered; the memory family gives each one.
    if (from === undefined || this.#closed) return
    try {
      await (await this.#route(from)).send(data)
    } catch {
      this.#undelivered++
    }
  }

  #route(from: Address): Promise<DatagramEndpoint> {
    const name = formatAddress(from)
    const known = this.#routes.get(name)
    if (known !== undefined) return known
    const route = openMessages(this.#target, { signal: this.#given.signal })
    this.#routes.set(name, route)
    // The next message tries again.
    const forget = (): void => {
      if (this.#routes.get(name) === route) this.#routes.delete(name)
    }
    route.then((far) => this.#answer(far, from)).then(forget, forget)
    return route
  }

  /** Takes answers back until the socket towards the target is closed. */
  async #answer(far: DatagramEndpoint, to: Address): Promise<void> {
    // ECONNREFUSED comes late, for a message before; a connection that is lost closes by itself.
    far.on('error', () => this.#undelivered++)
    for await (const { data } of far) {
      await this.#near.send(data, to).catch(() => this.#undelivered++)
    }
    await far.close()
  }

  async #closeRoutes(): Promise<void> {
    this.#given.abort()
    this.#given = new AbortController()
    const routes = [...this.#routes.values()]
    this.#routes.clear()
    await Promise.all(
      routes.map((route) =>
        route.then(
          (far) => far.close(),
          () => undefined,
        ),
      ),
    )
  }
}
