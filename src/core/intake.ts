import type { EventEmitter } from 'node:events'
import { withCaller } from './awaiting-caller.ts'
import type { DatagramEventMap } from './datagram.ts'
import { type DeadlineOptions, waitFor } from './deadline.ts'
import type { ArrivedMessage, DatagramHandle, Message } from './family.ts'
import { ReceiveQueue, type Waiter } from './receive-queue.ts'

/**
 * The receiving half of a datagram endpoint: when to read from the system, and who gets what arrives. A `receive` that
 * waits comes first, then the listeners for 'message' and 'batch'; what neither wants is queued.
 */
export class Intake {
  readonly #handle: DatagramHandle
  readonly #emitter: EventEmitter<DatagramEventMap>
  readonly #queue: ReceiveQueue
  readonly #reliable: boolean
  #wanted = false
  #paused = false
  /** The handle was told to read. */
  #reading = false
  #over = false
  #closed = false
  #dropped = 0
  #messages = 0
  #bytes = 0

  constructor(handle: DatagramHandle, emitter: EventEmitter<DatagramEventMap>, limit: number) {
    this.#handle = handle
    this.#emitter = emitter
    this.#queue = new ReceiveQueue(limit)
    this.#reliable = handle.facts.reliable
    emitter.on('newListener', (event) => {
      if (event === 'message' || event === 'batch') this.#wantForListeners()
    })
  }

  get queued(): number {
    return this.#queue.length
  }

  get dropped(): number {
    return this.#dropped
  }

  /** Messages that came from the system, and their bytes. */
  get received(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messages, bytes: this.#bytes }
  }

  get isPaused(): boolean {
    return this.#paused
  }

  get isOver(): boolean {
    return this.#over
  }

  pause(): void {
    this.#paused = true
    this.#update()
  }

  resume(): void {
    this.#paused = false
    this.#wantForListeners()
  }

  /** The next message, or `undefined` when none will come. */
  async next(options: DeadlineOptions = {}): Promise<Message | undefined> {
    const message = this.#queue.shift()
    if (message !== undefined) {
      this.#update()
      return handOut(message)
    }
    if (this.#over) return undefined
    const arrival = waitFor<Message | undefined>(options, 'receive', undefined, (deliver, fail) => {
      const waiter: Waiter = { deliver: (message) => deliver(message && handOut(message)), fail }
      this.#queue.wait(waiter)
      this.#want()
      return () => this.#queue.forget(waiter)
    })
    return await arrival.catch(withCaller)
  }

  takeAll(): Message[] {
    const all = this.#queue.takeAll()
    this.#update()
    return all.map(handOut)
  }

  #want(): void {
    this.#wanted = true
    this.#update()
  }

  /** What arrived before there was a listener, or while it was paused, is the listener's too. */
  #wantForListeners(): void {
    this.#want()
    process.nextTick(() => {
      if (this.#queue.length > 0) this.#distribute(this.#queue.takeAll())
    })
  }

  /** Reads from the system exactly while somebody wants messages and there is room for them. */
  #update(): void {
    if (this.#over) return
    const room = this.#reading ? !this.#queue.isFull : this.#queue.hasRoom
    const read = this.#wanted && !this.#paused && (room || !this.#reliable)
    if (read === this.#reading) return
    this.#reading = read
    if (read) this.#handle.resume()
    else this.#handle.pause()
  }

  arrived(batch: ArrivedMessage[]): void {
    this.#messages += batch.length
    for (const { data } of batch) this.#bytes += data.length
    this.#distribute(batch)
  }

  #distribute(batch: ArrivedMessage[]): void {
    const first = this.#queue.deliver(batch)
    const kept = this.#queue.length > 0 ? batch.slice(first) : this.#announce(first === 0 ? batch : batch.slice(first))
    for (const message of kept) this.#keep(message)
    this.#update()
  }

  #keep(message: ArrivedMessage): void {
    // What a reliable scheme has taken from the system already must not be lost; it stops reading instead.
    const isTooMuch = this.#queue.isFull && !this.#reliable
    if (isTooMuch || (this.#closed && message.held !== undefined)) this.#drop(message)
    else this.#queue.push(message)
  }

  #drop(message: ArrivedMessage): void {
    this.#dropped++
    message.held?.close()
  }

  /** Gives messages to the listeners, as long as they want them; returns those that are left. */
  #announce(batch: ArrivedMessage[]): ArrivedMessage[] {
    const emitter = this.#emitter
    let next = emitter.listenerCount('message') === 0 && emitter.listenerCount('batch') > 0 ? batch.length : 0
    if (this.#paused || this.#over) next = 0
    for (let index = 0; index < next; index++) batch[index] = handOut(batch[index] as ArrivedMessage)
    try {
      while (next < batch.length && !this.#paused && !this.#over && emitter.listenerCount('message') > 0) {
        const message = handOut(batch[next] as ArrivedMessage)
        batch[next++] = message
        emitter.emit('message', message)
      }
    } catch (error) {
      // Only the message at which the listener threw is lost to it.
      for (const message of batch.slice(next)) this.#keep(message)
      this.#wantForListeners()
      throw error
    }
    if (next > 0) emitter.emit('batch', next === batch.length ? batch : batch.slice(0, next))
    return next === batch.length ? [] : batch.slice(next)
  }

  /** An error of the socket, for whoever receives next. */
  fail(error: Error): void {
    this.#queue.fail(error)
  }

  /** Nothing comes any more. What has arrived can still be received. */
  end(): void {
    this.#over = true
    this.#queue.end()
  }

  /** The endpoint is closed, and with it the descriptors that nobody has taken: their messages go as well. */
  close(): void {
    this.#closed = true
    this.end()
    for (const message of this.#queue.takeIf(({ held }) => held !== undefined)) this.#drop(message)
  }
}

/** Returns the message for its receiver, who owns its descriptors from then on. */
function handOut(message: ArrivedMessage): Message {
  if (message.held === undefined) return message
  const { held, ...given } = message
  held.take()
  return given
}
