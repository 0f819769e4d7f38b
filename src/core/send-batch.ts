import type { Completion } from './send-queue.ts'

/** What became of a `sendBatch`. */
export interface BatchResult {
  /** How many the system took. */
  readonly sent: number
  /** Which it refused, by their index in the batch. */
  readonly failed: readonly { readonly index: number; readonly error: Error }[]
}

/** Gathers what became of the messages of one batch: one completion for all of them. */
export class BatchCount implements Completion {
  readonly done: Promise<BatchResult>
  readonly #failed: { index: number; error: Error }[] = []
  #sent = 0
  #left: number
  #resolve: (result: BatchResult) => void = () => undefined

  constructor(size: number) {
    this.#left = size
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
    if (size === 0) this.#settle()
  }

  sent(): void {
    this.#sent++
    this.#count()
  }

  failed(error: Error, index: number): void {
    this.#failed.push({ index, error })
    this.#count()
  }

  #count(): void {
    if (--this.#left === 0) this.#settle()
  }

  #settle(): void {
    this.#failed.sort((a, b) => a.index - b.index)
    this.#resolve({ sent: this.#sent, failed: this.#failed })
  }
}
