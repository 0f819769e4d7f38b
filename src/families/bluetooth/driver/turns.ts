import { orAbort } from './or-abort.ts'

/** Work that is done one at a time, in the order of asking. */
export class Turns {
  #last: Promise<void> = Promise.resolve()

  /** Resolves when it is one's turn; what it resolves to ends it. Rejects with `signal.reason`. */
  async take(signal: AbortSignal | undefined): Promise<() => void> {
    signal?.throwIfAborted()
    const before = this.#last
    let end = (): void => undefined
    this.#last = new Promise((resolve) => {
      end = resolve
    })
    try {
      await orAbort(before, signal)
      return end
    } catch (error) {
      // Those behind us still wait for those before us.
      void before.then(end)
      throw error
    }
  }
}
