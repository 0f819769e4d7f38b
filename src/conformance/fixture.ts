import assert from 'node:assert/strict'
import type { Address } from '../core/address.ts'
import type { DatagramEndpoint } from '../core/datagram.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { AddressFamily } from '../core/family.ts'
import type { Listener } from '../core/listener.ts'
import type { EngineName, ListenOptions, OpenOptions } from '../core/options.ts'
import type { Sockets } from '../core/sockets.ts'
import type { StreamEndpoint } from '../core/stream.ts'
import { nextEvent, Waiting } from './waiting.ts'

export type Endpoint = StreamEndpoint | DatagramEndpoint
export type AnyListener = Listener<Endpoint>
type Opened = Endpoint | AnyListener

/** What the fixtures of one scheme are made from. */
export interface Subject {
  readonly sockets: Sockets
  readonly family: AddressFamily
  readonly scheme: string
  readonly facts: SchemeFacts
  readonly engine: EngineName | undefined
  /** A free address, another one at each call. */
  readonly address: () => Address
  /** How many connections to one listener can be open at a time. */
  readonly connections: number
}

/** How long what a case opened may take to close. */
const CLOSE_LIMIT = 3000

/**
 * What one case has to work with. All that it opens here is closed after it, however it ended, and an 'error' event
 * that it did not announce makes it fail.
 */
export class Fixture {
  readonly sockets: Sockets
  readonly family: AddressFamily
  readonly scheme: string
  readonly facts: SchemeFacts
  readonly engine: EngineName | undefined
  readonly waiting: Waiting = new Waiting()
  readonly address: () => Address
  readonly connections: number
  readonly #opened = new Set<Opened>()
  readonly #errors: Error[] = []
  readonly #cleanups: (() => void)[] = []
  #errorsExpected = false
  #over = false

  constructor(subject: Subject) {
    this.sockets = subject.sockets
    this.family = subject.family
    this.scheme = subject.scheme
    this.facts = subject.facts
    this.engine = subject.engine
    this.address = subject.address
    this.connections = subject.connections
  }

  /** From here on 'error' events are part of the case: a peer that vanishes may be reported by one. */
  expectErrors(): void {
    this.#errorsExpected = true
  }

  /** Names what is waited for. */
  wait<T>(what: string, promise: PromiseLike<T>): Promise<T> {
    return this.waiting.for(what, promise)
  }

  listen(options: ListenOptions = {}, address: Address = this.address()): Promise<AnyListener> {
    return this.#open('listen', this.sockets.listen(address, this.#withEngine(options)) as Promise<AnyListener>)
  }

  bind(options: OpenOptions = {}, address: Address = this.address()): Promise<DatagramEndpoint> {
    return this.#open('bind', this.sockets.bind(address, this.#withEngine(options)))
  }

  connect(address: Address, options: OpenOptions = {}): Promise<Endpoint> {
    return this.#open<Endpoint>('connect', this.sockets.connect(address, this.#withEngine(options)))
  }

  /** As `connect`, at once, for streams. */
  create(address: Address, options: OpenOptions = {}): StreamEndpoint {
    return this.track(this.sockets.createConnection(address, this.#withEngine(options)))
  }

  accept(listener: AnyListener): Promise<Endpoint> {
    return this.#open('accept', listener.accept())
  }

  /** What opens when the case is over already is closed at once. */
  #open<T extends Opened>(what: string, opening: Promise<T>): Promise<T> {
    return this.wait(
      what,
      opening.then((opened) => this.track(opened)),
    )
  }

  /** Has `opened` closed after the case, and hears its errors. Returns it. */
  track<T extends Opened>(opened: T): T {
    if (this.#opened.has(opened)) return opened
    this.#opened.add(opened)
    // Not on datagram endpoints: theirs go to `receive` where nobody listens, which is what most cases are about.
    if ('destroy' in opened || 'accept' in opened) opened.on('error', (error: Error) => this.#errors.push(error))
    if (this.#over) void closeAll([opened])
    return opened
  }

  /** Closes now what would be closed after the case, for those that open many. */
  close(...opened: readonly Opened[]): Promise<void> {
    return this.wait('close', closeAll(opened))
  }

  /** Runs after the case, however it ended. */
  after(cleanup: () => void): void {
    this.#cleanups.push(cleanup)
  }

  /** Runs the case against the clock, cleans up, and throws what went wrong first. */
  async run(work: (fixture: Fixture) => Promise<void>, timeout: number): Promise<void> {
    try {
      await this.waiting.limit(timeout, work(this))
      if (!this.#errorsExpected && this.#errors.length > 0) {
        throw new assert.AssertionError({ message: `an 'error' event that nothing asked for: ${this.#errors[0]}` })
      }
    } catch (error) {
      await this.#cleanUp().catch(() => undefined)
      throw error
    }
    await this.#cleanUp()
  }

  async #cleanUp(): Promise<void> {
    this.#over = true
    for (const cleanup of this.#cleanups) cleanup()
    await new Waiting().limit(CLOSE_LIMIT, closeAll([...this.#opened]))
  }

  #withEngine<T extends OpenOptions>(options: T): T {
    return this.engine === undefined ? options : { engine: this.engine, ...options }
  }
}

async function closeAll(opened: readonly Opened[]): Promise<void> {
  await Promise.all(
    opened.map(async (one) => {
      if (!('destroy' in one)) return one.close()
      if (one.closed) return
      const closed = nextEvent(one, 'close')
      one.destroy()
      await closed
    }),
  )
}

export function asStream(endpoint: Endpoint): StreamEndpoint {
  assert.equal(endpoint.facts.kind, 'stream', 'the facts say stream, the endpoint does not')
  return endpoint as StreamEndpoint
}

export function asDatagram(endpoint: Endpoint): DatagramEndpoint {
  assert.equal(endpoint.facts.kind, 'datagram', 'the facts say datagram, the endpoint does not')
  return endpoint as DatagramEndpoint
}

/** The address that a listener or a bound endpoint has in fact; it must have one. */
export function addressOf(what: Opened): Address {
  const address = 'accept' in what ? what.address : what.local
  assert.ok(address !== undefined, 'it has no address of its own, so nobody could reach it')
  return address
}
