import { SocketError, socketClosed } from './errors.ts'
import type { DatagramHandle, Outgoing } from './family.ts'

/** Told once what became of its message. */
export interface Completion {
  sent(): void
  failed(error: Error): void
}

/**
 * The messages of one endpoint that wait to be sent: in order, and no more than `limit`. What is offered in one tick goes
 * to the system together (sendmmsg(2)); what it does not take stays, until it has room.
 */
export class SendQueue {
  readonly limit: number
  readonly #handle: DatagramHandle
  readonly #onDrain: () => void
  #messages: Outgoing[] = []
  #completions: Completion[] = []
  #head = 0
  /** The system had no room: wait for `onWritable`. */
  #blocked = false
  #flushScheduled = false
  #wasFull = false
  #closed = false
  #sentMessages = 0
  #sentBytes = 0
  #failed = 0
  #waiters: (() => void)[] = []
  #emptyWaiters: (() => void)[] = []

  constructor(handle: DatagramHandle, limit: number, onDrain: () => void) {
    this.#handle = handle
    this.limit = limit
    this.#onDrain = onDrain
  }

  get length(): number {
    return this.#messages.length - this.#head
  }

  /** Messages that the system took, their bytes, and messages that did not go out. */
  get sent(): { readonly messages: number; readonly bytes: number; readonly failed: number } {
    return { messages: this.#sentMessages, bytes: this.#sentBytes, failed: this.#failed }
  }

  get hasRoom(): boolean {
    return this.length < this.limit
  }

  /** False when the message could not go out at once; it is then not queued. Throws what the system says against it. */
  trySend(message: Outgoing): boolean {
    this.#flush()
    try {
      const taken = this.length === 0 && !this.#blocked && this.#handle.send([message], 0) === 1
      if (taken) this.#count(message)
      else this.#giveUp(message)
      return taken
    } catch (error) {
      this.#failed++
      throw error
    }
  }

  /** What waits before it will be tried again, and so may the system; this one will not. */
  #giveUp(message: Outgoing): void {
    this.#detach(message)
    if (this.length === 0) this.#blocked = true
  }

  #detach({ attachment }: Outgoing): void {
    if (attachment !== undefined) this.#handle.detach?.(attachment)
  }

  push(message: Outgoing, completion: Completion): void {
    if (this.#closed) {
      this.#detach(message)
      completion.failed(socketClosed('send'))
      return
    }
    // Sending early only matters when the system has room; else the queue is what bounds the memory.
    if (this.length >= FLUSH_AT && !this.#blocked) this.#flush()
    if (!this.hasRoom) {
      this.#wasFull = true
      this.#detach(message)
      this.#failed++
      completion.failed(new SocketError('ERR_QUEUE_FULL', `send: ${this.limit} messages wait to be sent already`))
      return
    }
    this.#messages.push(message)
    this.#completions.push(completion)
    if (!this.#blocked && !this.#flushScheduled) {
      this.#flushScheduled = true
      queueMicrotask(this.#flushTick)
    }
  }

  readonly #flushTick = (): void => {
    this.#flushScheduled = false
    this.#flush()
  }

  /** Resolves when both the system and the queue have room for another message, or the queue is closed. */
  ready(): Promise<void> {
    if ((this.hasRoom && !this.#blocked) || this.#closed) return Promise.resolve()
    this.#wasFull = true
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  /** Resolves when nothing waits to be sent, or the queue is closed. */
  whenEmpty(): Promise<void> {
    if (this.length === 0) return Promise.resolve()
    return new Promise((resolve) => this.#emptyWaiters.push(resolve))
  }

  onWritable(): void {
    this.#blocked = false
    this.#flush()
  }

  #flush(): void {
    while (this.length > 0 && !this.#blocked && !this.#closed) {
      try {
        const taken = this.#handle.send(this.#messages, this.#head)
        const end = this.#head + taken
        while (this.#head < end) {
          this.#count(this.#messages[this.#head] as Outgoing)
          ;(this.#completions[this.#head++] as Completion).sent()
        }
        if (taken === 0) this.#blocked = true
      } catch (error) {
        // The system refused the first one; those behind it may well go.
        this.#failed++
        const refused = this.#completions[this.#head++] as Completion
        refused.failed(error as Error)
      }
    }
    this.#compact()
    this.#announceRoom()
  }

  #count({ data }: Outgoing): void {
    this.#sentMessages++
    this.#sentBytes += data.length
  }

  #compact(): void {
    if (this.#head === this.#messages.length) {
      this.#messages = []
      this.#completions = []
      this.#head = 0
    } else if (this.#head > this.limit) {
      this.#messages.splice(0, this.#head)
      this.#completions.splice(0, this.#head)
      this.#head = 0
    }
  }

  #announceRoom(): void {
    if (this.hasRoom && !this.#blocked) this.#release(this.#waiters)
    if (this.length > 0) return
    this.#release(this.#emptyWaiters)
    if (this.#wasFull) {
      this.#wasFull = false
      this.#onDrain()
    }
  }

  /** Fails everything that still waits. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    const waiting = this.#completions.slice(this.#head)
    for (const message of this.#messages.slice(this.#head)) this.#detach(message)
    this.#failed += waiting.length
    this.#messages = []
    this.#completions = []
    this.#head = 0
    for (const completion of waiting) completion.failed(socketClosed('send'))
    this.#release(this.#waiters)
    this.#release(this.#emptyWaiters)
  }

  #release(waiters: (() => void)[]): void {
    if (waiters.length > 0) for (const resolve of waiters.splice(0)) resolve()
  }
}

/** As many as one sendmmsg(2) of the kernel engine takes: more would not go out in fewer calls. */
const FLUSH_AT = 64
