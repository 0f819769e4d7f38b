import type { AddressBase } from '../../core/address.ts'
import type { DatagramHandle, Outgoing } from '../../core/family.ts'
import { failure, type SystemCode } from '../errors/failure.ts'
import { codeOf } from './system-codes.ts'

export type Sent = (failure: SystemCode | null, bytes: number) => void

interface Waiting extends Outgoing {
  readonly done: Sent | undefined
}

/** Messages go to the system at once; those that it has no room for wait here, without a limit, as in `node:dgram`. */
export class Outbox {
  readonly #handle: DatagramHandle<AddressBase>
  #waiting: Waiting[] = []
  #bytes = 0

  constructor(handle: DatagramHandle<AddressBase>) {
    this.#handle = handle
  }

  get count(): number {
    return this.#waiting.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** `done` is called in a later tick. `target`: what the handle made of an address; `undefined`: the peer. */
  send(data: Uint8Array, target: unknown, done: Sent | undefined): void {
    const message = { data, target, done }
    if (this.#waiting.length > 0 || this.#offer([message], 0) === 0) {
      this.#waiting.push(message)
      this.#bytes += data.length
    }
  }

  /** The handle has room again. */
  flush(): void {
    let next = 0
    while (next < this.#waiting.length) {
      const taken = this.#offer(this.#waiting, next)
      if (taken === 0) break
      next += taken
    }
    for (const { data } of this.#waiting.splice(0, next)) this.#bytes -= data.length
  }

  /** How many are dealt with, one that the system refuses being one of them. */
  #offer(messages: readonly Waiting[], from: number): number {
    try {
      const taken = this.#handle.send(messages, from)
      for (const { data, done } of messages.slice(from, from + taken)) {
        if (done !== undefined) process.nextTick(done, null, data.length)
      }
      return taken
    } catch (error) {
      const failure = codeOf(error)
      const refused = messages[from]?.done
      if (refused !== undefined) process.nextTick(refused, failure, 0)
      return 1
    }
  }

  /** Those that still wait will not be sent. */
  cancel(): void {
    for (const { done } of this.#waiting) if (done !== undefined) process.nextTick(done, failure('ECANCELED'), 0)
    this.#waiting = []
    this.#bytes = 0
  }
}
