import type { Completion } from './send-queue.ts'

/** What became of a `sendBatch`. */
export interface BatchResult {
  /** How many the system took. */
  readonly sent: number
  /** Which it refused, by their index in the batch. */
  readonly failed: readonly { readonly index: number; readonly error: Error }[]
}

/** Gathers what became of the messages of one batch: one completion for all of them. */
export class Batch implements Completion {
  /** Index of the message that is queued next. */
  next = 0
  readonly #size: number
  readonly #onDone: (result: BatchResult) => void
  readonly #failed: { index: number; error: Error }[] = []
  #sent = 0
  #left: number
  #isStopped = false

  constructor(size: number, onDone: (result: BatchResult) => void) {
    this.#size = size
    this.#left = size
    this.#onDone = onDone
    if (size === 0) onDone(this.#result())
  }

  sent(): void {
    this.#sent++
    this.#count()
  }

  failed(error: Error, index: number): void {
    this.#failed.push({ index, error })
    this.#count()
  }

  get isStopped(): boolean {
    return this.#isStopped
  }

  /** Fails the messages that are not queued yet. To be called when none is left in the queue: the result is then complete. */
  stop(reason: Error): BatchResult {
    this.#isStopped = true
    for (let index = this.next; index < this.#size; index++) this.failed(reason, index)
    return this.#result()
  }

  #count(): void {
    if (--this.#left === 0) this.#onDone(this.#result())
  }

  #result(): BatchResult {
    return { sent: this.#sent, failed: this.#failed.sort((a, b) => a.index - b.index) }
  }
}
