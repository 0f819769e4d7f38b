import { compact } from '../core/waiting.ts'
import type { Address, DatagramEndpoint, OpenOptions } from '../index.ts'
import { formatAddress, SocketError } from '../index.ts'
import { IdleTimer } from './idle.ts'
import { connectNamed, isDatagram, type Target } from './open.ts'
import { note, reportError } from './report.ts'
import type { Flow, Traffic } from './traffic.ts'

/** Senders at a time, unless the user says otherwise: each holds a socket, and an address of UDP is easily forged. */
const DEFAULT_SESSIONS = 1024
/** Messages of one sender that may wait for its target. */
const QUEUE = 256

export interface SessionOptions {
  /** For the library, towards the target. */
  readonly connecting: OpenOptions
  /** Senders at a time; of a listener, connections. */
  readonly maxConnections?: number
  /** Milliseconds without a message after which a sender is forgotten. */
  readonly idle: number
}

/**
 * A relay for schemes without connections: each sender gets a socket of its own towards the target, so that answers find
 * their way back, and loses it when nothing came or went for a while. As NAT does it.
 */
export class Sessions {
  readonly #near: DatagramEndpoint
  readonly #far: Target
  readonly #options: SessionOptions
  readonly #traffic: Traffic
  readonly #sessions = new Map<string, Session>()
  readonly #ending = new Set<Promise<void>>()
  readonly #limit: number
  #full = false
  #closing = false
  #failure: Error | undefined

  constructor(near: DatagramEndpoint, far: Target, options: SessionOptions, traffic: Traffic) {
    this.#near = near
    this.#far = far
    this.#options = options
    this.#traffic = traffic
    this.#limit = options.maxConnections ?? DEFAULT_SESSIONS
    near.on('error', (error) => {
      this.#failure = error
      reportError(error)
    })
  }

  /** Takes messages until `close`; resolves when the last session has ended. */
  async run(): Promise<void> {
    for await (const { data, from, truncated } of this.#near) {
      if (truncated) note(`a message was cut to ${data.length} bytes`)
      const session = this.#sessionOf(from)
      if (session === undefined) this.#traffic.lose()
      else if (!session.offer(data)) {
        // A reliable scheme makes the sender wait; any other would lose the message somewhere anyway.
        if (this.#near.facts.reliable) {
          await session.settled
          session.offer(data)
        } else {
          this.#traffic.lose()
        }
      }
    }
    for (const session of this.#sessions.values()) session.close()
    while (this.#ending.size > 0) await Promise.all(this.#ending)
    // It ended by itself: the socket is of no use any more.
    if (!this.#closing && this.#failure !== undefined) throw this.#failure
  }

  /** Takes nothing new. */
  close(): Promise<void> {
    this.#closing = true
    return this.#near.close()
  }

  /** Does not wait for messages that a target does not take. */
  cut(): void {
    for (const session of this.#sessions.values()) session.cut()
  }

  #sessionOf(from: Address | undefined): Session | undefined {
    const name = from === undefined ? 'an unnamed socket' : formatAddress(from)
    const known = this.#sessions.get(name)
    if (known !== undefined) return known
    if (this.#sessions.size >= this.#limit) {
      if (!this.#full) note(`senders at a time: ${this.#limit}; messages of others are lost until one is idle`)
      this.#full = true
      return undefined
    }
    this.#full = false
    const session = new Session(this.#near, from, this.#far, this.#options, this.#traffic, this.#traffic.begin(name))
    this.#sessions.set(name, session)
    const ending = session.run().finally(() => {
      if (this.#sessions.get(name) === session) this.#sessions.delete(name)
      this.#ending.delete(ending)
    })
    this.#ending.add(ending)
    return session
  }
}

/** One sender and its socket towards the target. */
class Session {
  readonly #near: DatagramEndpoint
  readonly #from: Address | undefined
  readonly #far: Target
  readonly #options: SessionOptions
  readonly #traffic: Traffic
  readonly #flow: Flow
  readonly #idle = new IdleTimer(() => this.close())
  readonly #giveUp = new AbortController()
  #target: DatagramEndpoint | undefined
  #waiting = 0
  #reported = false
  #closing = false
  #opened: (target: DatagramEndpoint | undefined) => void = () => undefined
  /** Each message is sent after the one before it; resolves when all that were offered so far are. */
  settled: Promise<void> = Promise.resolve()
  readonly #ready: Promise<DatagramEndpoint | undefined> = new Promise((resolve) => (this.#opened = resolve))

  constructor(
    near: DatagramEndpoint,
    from: Address | undefined,
    far: Target,
    options: SessionOptions,
    traffic: Traffic,
    flow: Flow,
  ) {
    this.#near = near
    this.#from = from
    this.#far = far
    this.#options = options
    this.#traffic = traffic
    this.#flow = flow
  }

  /** Opens the target and carries its answers back, until it is closed. Never rejects: it reports. */
  async run(): Promise<void> {
    let failure: unknown
    try {
      const target = await connectNamed(this.#far.address, { ...this.#options.connecting, signal: this.#giveUp.signal })
      if (!isDatagram(target)) throw new SocketError('ERR_UNSUPPORTED', 'the target is a stream')
      this.#target = target
      target.on('error', (error) => this.#report(error))
      this.#idle.arm(this.#options.idle)
      this.#opened(target)
      for await (const { data } of target) await this.#answer(data)
    } catch (error) {
      if (!this.#closing) failure = error
    } finally {
      this.#idle.stop()
      this.#opened(undefined)
      // What was taken from the sender before goes out, or is counted as lost.
      await this.settled
      await this.#target?.close()
    }
    this.#traffic.end(this.#flow, failure)
  }

  /** False when too many wait already. */
  offer(data: Buffer): boolean {
    if (this.#waiting >= QUEUE) return false
    // It waits for the target, or behind others.
    const own = this.#target === undefined || this.#waiting > 0 ? compact(data) : data
    this.#waiting++
    this.settled = this.settled.then(() => this.#send(own)).finally(() => this.#waiting--)
    return true
  }

  close(): void {
    this.#closing = true
    this.#giveUp.abort()
    void this.settled.then(() => this.#target?.close())
  }

  /** Closes, and drops what waits to be sent. */
  cut(): void {
    this.#closing = true
    this.#giveUp.abort()
    void this.#target?.close()
  }

  async #send(data: Buffer): Promise<void> {
    const target = await this.#ready
    if (target === undefined) {
      this.#traffic.lose()
      return
    }
    try {
      await target.send(data)
      this.#traffic.add(this.#flow, 'there', data.length)
      this.#idle.touch()
    } catch (error) {
      this.#traffic.lose()
      this.#report(error)
    }
  }

  async #answer(data: Buffer): Promise<void> {
    this.#idle.touch()
    if (this.#from === undefined) {
      this.#traffic.lose()
      return
    }
    try {
      await this.#near.send(data, this.#from)
      this.#traffic.add(this.#flow, 'back', data.length)
    } catch (error) {
      this.#traffic.lose()
      this.#report(error)
    }
  }

  /** Without connections every message may fail for the same reason: once is enough. */
  #report(error: unknown): void {
    if (this.#reported || this.#closing) return
    this.#reported = true
    reportError(error, ` (messages from ${this.#flow.from})`)
  }
}
