import type { Readable, Writable } from 'node:stream'
import type { Address, DatagramEndpoint } from '../index.ts'
import type { Io } from './cat-stream.ts'
import { IdleTimer, LINGER } from './idle.ts'
import { messagesOfChunks, messagesOfLines } from './messages.ts'
import { note } from './report.ts'
import type { Stop } from './stop.ts'

export interface MessageOptions {
  /** One message a line, both ways. */
  readonly lines?: boolean
  /** Bytes of the longest message that we send. */
  readonly size?: number
  /** End after as many messages were received. */
  readonly count?: number
  /** Milliseconds without traffic after which to end. */
  readonly idle?: number
}

interface Role extends MessageOptions {
  /** We wait for messages at an address of ours, as a server does. */
  readonly bound: boolean
  /** Where messages go: `undefined` is the connected peer, or, when bound, whoever wrote last. */
  readonly to: Address | undefined
}

/** As socat's: fits the default buffers of all schemes, and leaves room for many messages in them. */
const DEFAULT_SIZE = 8192
/** A line has to be kept until its end; without a largest message something else must bound it. */
const LONGEST_LINE = 16 * 1024 * 1024

/**
 * stdin to the peer as messages, and the peer's messages to stdout. Connected schemes end as streams do. Others know no
 * end: a client stops when, after EOF on stdin, nothing comes any more for a while, a bound one when it is told to.
 */
export async function catMessages(endpoint: DatagramEndpoint, io: Io, role: Role, stop: Stop): Promise<void> {
  const { stdin, stdout } = io
  const close = (): void => void endpoint.close()
  const idle = new IdleTimer(close)
  const failed = new Promise<never>((_, reject) => endpoint.on('error', reject))
  const conversation = new Conversation(endpoint, role, idle)
  stop.soft.addEventListener('abort', close)
  if (stop.soft.aborted) close()
  idle.arm(role.idle)
  try {
    const sending = stdin === undefined ? new Promise<never>(() => undefined) : conversation.send(stdin)
    const receiving = conversation.receive(stdout)
    const whole = receiving.then(async (peerEnded) => {
      const typed = stdin !== undefined && 'isTTY' in stdin && stdin.isTTY === true
      if (peerEnded && stdin !== undefined && !typed) await sending
    })
    await Promise.race([failed, whole, sending.then(() => whole)])
  } finally {
    idle.stop()
    stop.soft.removeEventListener('abort', close)
    stdin?.destroy()
    await endpoint.close()
  }
}

class Conversation {
  readonly #endpoint: DatagramEndpoint
  readonly #role: Role
  readonly #idle: IdleTimer
  #peer: Address | undefined
  #onPeer: () => void = () => undefined
  /** Resolves when there is somebody to send to. */
  readonly #peerKnown: Promise<void>

  constructor(endpoint: DatagramEndpoint, role: Role, idle: IdleTimer) {
    this.#endpoint = endpoint
    this.#role = role
    this.#idle = idle
    this.#peer = role.to
    this.#peerKnown =
      role.bound && role.to === undefined ? new Promise((resolve) => (this.#onPeer = resolve)) : Promise.resolve()
  }

  async send(stdin: Readable): Promise<void> {
    const { facts } = this.#endpoint
    const { lines, size } = this.#role
    const limit = size ?? facts.maxMessage ?? LONGEST_LINE
    const messages = lines
      ? messagesOfLines(stdin, limit)
      : messagesOfChunks(stdin, size ?? Math.min(DEFAULT_SIZE, facts.maxMessage ?? DEFAULT_SIZE))
    for await (const data of messages) {
      await this.#peerKnown
      await this.#endpoint.send(data, this.#peer)
      this.#idle.touch()
    }
    if (facts.halfClose) await this.#endpoint.end()
    else if (!this.#role.bound) this.#idle.arm(this.#role.idle ?? LINGER)
  }

  /** True when the peer of a connected scheme has ended; false when we had enough. */
  async receive(stdout: Writable): Promise<boolean> {
    let received = 0
    for await (const { data, from, truncated } of this.#endpoint) {
      this.#idle.touch()
      if (this.#role.bound && this.#role.to === undefined && from !== undefined) {
        this.#peer = from
        this.#onPeer()
      }
      if (truncated) note(`a message was cut to ${data.length} bytes`)
      await write(stdout, this.#role.lines ? Buffer.concat([data, Buffer.from('\n')]) : data)
      if (++received === this.#role.count) return false
    }
    return this.#endpoint.facts.connected && !this.#endpoint.closed
  }
}

function write(stdout: Writable, data: Buffer): Promise<void> {
  return new Promise((resolve, reject) => stdout.write(data, (error) => (error ? reject(error) : resolve())))
}
