import { type AddressInput, invalidAddress } from './address.ts'
import type { SentAncillary } from './ancillary.ts'
import { wrongType } from './argument-errors.ts'
import { withCaller } from './awaiting-caller.ts'
import { checkDeadline, type DeadlineOptions, waitFor } from './deadline.ts'
import type { Destinations } from './destinations.ts'
import { socketClosed, unsupported } from './errors.ts'
import type { DatagramHandle, Outgoing } from './family.ts'
import { Batch, type BatchResult } from './send-batch.ts'
import type { Completion, SendQueue } from './send-queue.ts'

/** A message for `sendBatch`, with what goes with it: without `to` it goes to the connected peer. */
export interface Posting extends SentAncillary {
  readonly data: Uint8Array | string
  readonly to?: AddressInput
}

/** What goes with one message, and how long it may wait to be sent. */
export interface SendOptions extends SentAncillary, DeadlineOptions {}

/** The sending half of a datagram endpoint: makes of what the caller gives what waits in the queue. */
export class Sender {
  readonly #handle: DatagramHandle
  readonly #destinations: Destinations
  readonly #queue: SendQueue

  constructor(handle: DatagramHandle, destinations: Destinations, queue: SendQueue) {
    this.#handle = handle
    this.#destinations = destinations
    this.#queue = queue
  }

  /** See `DatagramEndpoint.send`. */
  send(data: Uint8Array | string, to: AddressInput | undefined, options: SendOptions | undefined): Promise<void> {
    return options === undefined ? this.#sendAtEase(data, to, undefined) : this.#sendWith(data, to, options)
  }

  #sendAtEase(
    data: Uint8Array | string,
    to: AddressInput | undefined,
    ancillary: SentAncillary | undefined,
  ): Promise<void> {
    try {
      const bytes = toBytes(data)
      this.#checkOpen()
      const push = (target: unknown): Promise<void> => {
        const message = this.#outgoing(bytes, target, ancillary)
        const done = new Promise<void>((sent, failed) => this.#queue.push(message, { sent, failed }, 0))
        return done.then(undefined, withCaller)
      }
      const target = this.#destinations.find(to)
      return target instanceof Promise ? target.then(push) : push(target)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async #sendWith(data: Uint8Array | string, to: AddressInput | undefined, options: SendOptions): Promise<void> {
    const { signal, timeout, ...fields } = options
    const ancillary = hasAny(fields) ? fields : undefined
    if (signal === undefined && timeout === undefined) return this.#sendAtEase(data, to, ancillary)
    const deadline = { signal, timeout }
    checkDeadline(deadline)
    const sending = waitFor<void>(deadline, 'send', this.#destinations.text(to), (resolve, reject) => {
      const completion = { sent: () => void resolve(), failed: (error: Error) => void reject(error), isGivenUp: false }
      try {
        this.#post(data, to, ancillary, completion)
      } catch (error) {
        reject(error as Error)
      }
      return (reason) => {
        completion.isGivenUp = true
        this.#queue.withdraw(completion, reason)
      }
    })
    return await sending.catch(withCaller)
  }

  /** Throws for misuse and a closed socket; tells everything else to the completion. */
  #post(
    data: Uint8Array | string,
    to: AddressInput | undefined,
    ancillary: SentAncillary | undefined,
    completion: Completion & { readonly isGivenUp: boolean },
  ): void {
    const bytes = toBytes(data)
    this.#checkOpen()
    const push = (target: unknown): void => {
      // It may have been given up while the name was looked up.
      if (!completion.isGivenUp) this.#queue.push(this.#outgoing(bytes, target, ancillary), completion, 0)
    }
    const target = this.#destinations.find(to)
    if (target instanceof Promise) target.then(push).catch((error) => completion.failed(error, 0))
    else push(target)
  }

  /** See `DatagramEndpoint.trySend`. */
  trySend(data: Uint8Array | string, to: AddressInput | undefined, ancillary: SentAncillary | undefined): boolean {
    const bytes = toBytes(data)
    this.#checkOpen()
    const target = this.#destinations.find(to)
    if (target instanceof Promise) {
      target.catch(() => undefined)
      throw invalidAddress(typeof to === 'string' ? to : JSON.stringify(to), 'trySend cannot look up a host name')
    }
    return this.#queue.trySend(this.#outgoing(bytes, target, ancillary))
  }

  /** See `DatagramEndpoint.sendBatch`. */
  async sendBatch(messages: readonly Posting[], deadline: DeadlineOptions): Promise<BatchResult> {
    if (!Array.isArray(messages)) throw wrongType('messages must be an array')
    checkDeadline(deadline)
    // Read before the first wait: the array and what is in it are the caller's to change again.
    const postings = draftsOf(messages)
    this.#checkOpen()
    const sending = waitFor<BatchResult>(deadline, 'send', undefined, (resolve) => {
      const batch = new Batch(postings.length, resolve)
      void this.#pushAll(postings, batch)
      return (reason) => {
        this.#queue.withdraw(batch, reason)
        // It names the error again, and a program that writes errors as JSON must not come round in a circle.
        Object.defineProperty(reason, 'batch', { value: batch.stop(reason), enumerable: false })
      }
    })
    return await sending.catch(withCaller)
  }

  async #pushAll(postings: readonly Draft[], batch: Batch): Promise<void> {
    const early = postings.some(hasFds) ? postings.map((draft) => this.#withFds(draft)) : []
    for (let index = 0; index < postings.length; index++) {
      const { data, to, ancillary } = postings[index] as Draft
      batch.next = index
      try {
        const found = this.#destinations.find(to)
        const target = found instanceof Promise ? await found : found
        // Others may have waited for the same room.
        while (this.#queue.isFull && !batch.isStopped) await this.#queue.ready()
        if (batch.isStopped) break
        const made = early[index]
        early[index] = undefined
        if (made instanceof Error) throw made
        this.#queue.push(made ?? this.#outgoing(data, target, ancillary), batch, index)
      } catch (error) {
        if (batch.isStopped) break
        batch.failed(error as Error, index)
      }
    }
    for (const made of early) if (made !== undefined && !(made instanceof Error)) this.#handle.detach?.(made.attachment)
    batch.next = postings.length
  }

  /** Descriptors are duplicated while they are the caller's, who may close them during the first wait. */
  #withFds(draft: Draft): Outgoing | Error | undefined {
    if (!hasFds(draft)) return undefined
    try {
      const target = this.#destinations.find(draft.to)
      // A family that passes descriptors looks up no names.
      if (target instanceof Promise) throw unsupported('fds', 'the address is a host name')
      return this.#outgoing(draft.data, target, draft.ancillary)
    } catch (error) {
      return error as Error
    }
  }

  #checkOpen(): void {
    if (this.#queue.closed) throw socketClosed('send')
  }

  #outgoing(data: Uint8Array, target: unknown, ancillary: SentAncillary | undefined): Outgoing {
    if (ancillary === undefined) return { data, target, attachment: undefined }
    const { attach, engine } = this.#handle
    if (attach === undefined) throw unsupported('ancillary data', `the ${engine} engine sends none`)
    return { data, target, attachment: attach.call(this.#handle, ancillary, target) }
  }
}

/** A posting as it was when it was given. */
interface Draft {
  readonly data: Uint8Array
  readonly to: AddressInput | undefined
  readonly ancillary: SentAncillary | undefined
}

function hasFds({ ancillary }: Draft): boolean {
  return ancillary?.fds !== undefined
}

function draftsOf(messages: readonly Posting[]): Draft[] {
  const drafts: Draft[] = []
  let last: AddressInput | undefined
  let to: AddressInput | undefined
  for (const posting of messages) {
    // One copy for those in a row that go to one address, so that they can go together.
    if (posting.to !== last) to = fixed(posting.to)
    last = posting.to
    const ancillary = hasMore(posting) ? ancillaryOf(posting) : undefined
    drafts.push({ data: toBytes(posting.data), to, ancillary })
  }
  return drafts
}

/** The address as it is now. What is not a plain object is nobody's to copy. */
function fixed(to: AddressInput | undefined): AddressInput | undefined {
  if (typeof to !== 'object' || to === null || Object.isFrozen(to)) return to
  return Object.getPrototypeOf(to) === Object.prototype ? Object.freeze({ ...to }) : to
}

function hasAny(ancillary: SentAncillary): boolean {
  return Object.values(ancillary).some((value) => value !== undefined)
}

function hasMore(posting: Posting): boolean {
  for (const name in posting) if (name !== 'data' && name !== 'to') return true
  return false
}

function ancillaryOf({ data: _data, to: _to, ...ancillary }: Posting): SentAncillary {
  return ancillary
}

export function toBytes(data: Uint8Array | string): Uint8Array {
  if (data instanceof Uint8Array) return data
  if (typeof data === 'string') return Buffer.from(data)
  throw wrongType('a message must be a Uint8Array or a string')
}
