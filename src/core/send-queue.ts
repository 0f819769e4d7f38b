import { type DeadlineOptions, waitFor } from './deadline.ts'
import { SocketError, socketClosed } from './errors.ts'
import type { DatagramHandle, Outgoing } from './family.ts'
import { queueMicrotask, setImmediate } from './timers.ts'
import { Compaction, compactFrom } from './waiting.ts'

/** Told what became of a message, by the index that was given with it. */
export interface Completion {
  sent(): void
  failed(error: Error, index: number): void
}

/** Worth sending before the tick is over: enough for the kernel engine to fill its system call. */
const FLUSH_AT = 512
/** Messages that go out, or are refused, before the event loop gets its turn. */
const TURN = 4096

/**
 * The messages of one endpoint that wait to be sent: in order, and no more than `limit`. What is offered in one tick goes
 * to the system together (sendmmsg(2)); what it does not take stays, until it has room, and keeps no memory but its own.
 */
export class SendQueue {
  readonly limit: number
  readonly #handle: DatagramHandle
  readonly #onDrain: () => void
  #messages: Outgoing[] = []
  #completions: Completion[] = []
  #indexes: number[] = []
  #head = 0
  /** Index of the first message that may still share a block. */
  #loose = 0
  readonly #compaction: Compaction = new Compaction(() => this.#compact())
  /** The system had no room: wait for `onWritable`. */
  #blocked = false
  #flushScheduled = false
  /** `gather` will flush. */
  #gathering = false
  /** So many messages sent or refused, and the event loop gets its turn. */
  #turnAt = TURN
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

  get closed(): boolean {
    return this.#closed
  }

  get hasRoom(): boolean {
    return this.length < this.limit
  }

  /** No message can be pushed now, and one can later. */
  get isFull(): boolean {
    return this.limit > 0 && !this.hasRoom
  }

  /** False when the message could not go out at once; it is then not queued. Throws what the system says against it. */
  trySend(message: Outgoing): boolean {
    this.#offer()
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

  push(message: Outgoing, completion: Completion, index: number): void {
    if (this.#closed) {
      this.#detach(message)
      this.#failed++
      completion.failed(socketClosed('send'), index)
      return
    }
    // Sending early only matters when the system has room; else the queue is what bounds the memory.
    if (this.length >= FLUSH_AT && !this.#blocked) this.#offer()
    if (!this.hasRoom) {
      this.#wasFull = true
      this.#detach(message)
      this.#failed++
      completion.failed(
        new SocketError('ERR_QUEUE_FULL', `send: ${this.limit} messages wait to be sent already`),
        index,
      )
      return
    }
    this.#messages.push(message)
    this.#completions.push(completion)
    this.#indexes.push(index)
    if (this.#blocked) this.#compaction.ask()
    else if (!this.#flushScheduled && !this.#gathering) this.#scheduleFlush()
  }

  /** Runs `work`, and sends what was pushed meanwhile as soon as it ends. */
  gather(work: () => void): void {
    this.#gathering = true
    try {
      work()
    } finally {
      this.#gathering = false
      this.#flush()
    }
  }

  /** At the tick's end; but now and then in the event loop's next turn, so that a loop which sends cannot hold it up. */
  #scheduleFlush(): void {
    this.#flushScheduled = true
    const done = this.#sentMessages + this.#failed
    if (done < this.#turnAt) {
      queueMicrotask(this.#flushTick)
    } else {
      this.#turnAt = done + TURN
      setImmediate(this.#flushTick)
    }
  }

  readonly #flushTick = (): void => {
    this.#flushScheduled = false
    this.#flush()
  }

  /** Removes the messages that wait with this completion, and fails each with `reason`. What the system has taken is sent. */
  withdraw(completion: Completion, reason: Error): void {
    for (let at = this.#head; ; ) {
      at = this.#completions.indexOf(completion, at)
      if (at === -1) break
      const index = this.#indexes[at] as number
      this.#detach(this.#messages[at] as Outgoing)
      this.#failed++
      if (at === this.#head) at = ++this.#head
      else {
        for (const column of [this.#messages, this.#completions, this.#indexes]) column.splice(at, 1)
        if (at < this.#loose) this.#loose--
      }
      completion.failed(reason, index)
    }
    this.#trim()
    this.#announceRoom()
  }

  /** Resolves when both the system and the queue have room for another message, or the queue is closed. */
  ready(deadline: DeadlineOptions = {}): Promise<void> {
    if ((!this.isFull && !this.#blocked) || this.#closed) return Promise.resolve()
    this.#wasFull = true
    return waitAmong(this.#waiters, deadline, 'ready')
  }

  /** Resolves when nothing waits to be sent, or the queue is closed. */
  whenEmpty(deadline: DeadlineOptions = {}): Promise<void> {
    if (this.length === 0) return Promise.resolve()
    return waitAmong(this.#emptyWaiters, deadline, 'end')
  }

  onWritable(): void {
    this.#blocked = false
    this.#flush()
  }

  #flush(): void {
    this.#offer()
    this.#announceRoom()
  }

  /** Runs nothing of the caller's: who is in the midst of sending finds the queue open and its message's turn kept. */
  #offer(): void {
    while (this.length > 0 && !this.#blocked && !this.#closed) {
      try {
        const taken = this.#handle.send(this.#messages, this.#head)
        const end = this.#head + taken
        for (; this.#head < end; this.#head++) {
          this.#count(this.#messages[this.#head] as Outgoing)
          this.#completions[this.#head]?.sent()
        }
        if (taken === 0) this.#blocked = true
      } catch (error) {
        // The system refused the first one; those behind it may well go.
        this.#failed++
        const refused = this.#head++
        this.#completions[refused]?.failed(error as Error, this.#indexes[refused] as number)
      }
    }
    this.#trim()
    if (this.length > 0) this.#compaction.ask()
  }

  #count({ data }: Outgoing): void {
    this.#sentMessages++
    this.#sentBytes += data.length
  }

  #trim(): void {
    if (this.length === 0) this.#empty()
    else if (this.#head > this.limit) {
      for (const column of [this.#messages, this.#completions, this.#indexes]) column.splice(0, this.#head)
      this.#loose = Math.max(0, this.#loose - this.#head)
      this.#head = 0
    }
  }

  #compact(): void {
    compactFrom(this.#messages, Math.max(this.#loose, this.#head))
    this.#loose = this.#messages.length
  }

  #empty(): void {
    this.#messages = []
    this.#completions = []
    this.#indexes = []
    this.#head = 0
    this.#loose = 0
  }

  #announceRoom(): void {
    if (this.#closed) return
    if (!this.isFull && !this.#blocked) this.#release(this.#waiters)
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
    const from = this.#head
    const messages = this.#messages
    const completions = this.#completions
    const indexes = this.#indexes
    this.#empty()
    this.#failed += messages.length - from
    for (let at = from; at < messages.length; at++) {
      this.#detach(messages[at] as Outgoing)
      completions[at]?.failed(socketClosed('send'), indexes[at] as number)
    }
    this.#release(this.#waiters)
    this.#release(this.#emptyWaiters)
  }

  #release(waiters: (() => void)[]): void {
    if (waiters.length > 0) for (const resolve of waiters.splice(0)) resolve()
  }
}

function waitAmong(waiters: (() => void)[], deadline: DeadlineOptions, syscall: string): Promise<void> {
  return waitFor<void>(deadline, syscall, undefined, (resolve) => {
    const waiter = (): void => {
      resolve()
    }
    waiters.push(waiter)
    return () => {
      waiters.splice(waiters.indexOf(waiter), 1)
    }
  })
}
