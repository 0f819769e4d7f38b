import { compact } from '../../core/waiting.ts'

/** The option `onread`: bytes come into memory of the caller's, and by a callback instead of 'data'. */
export interface OnRead {
  /** The memory, or what gives some for each read. */
  readonly buffer: Uint8Array | (() => Uint8Array)
  /** Gets the number of bytes and where they are. `false` stops the reading, until `resume`. */
  callback(bytes: number, buffer: Uint8Array): boolean
}

export class UserBuffer {
  readonly #next: (() => Uint8Array) | undefined
  readonly #receive: (bytes: number, buffer: Uint8Array) => unknown
  #buffer: Uint8Array
  #waiting: Buffer[] = []

  /** `undefined` where the option is none. `receiver` is `this` in the callback. */
  static from(onread: unknown, receiver: object): UserBuffer | undefined {
    const { buffer, callback } = (onread ?? {}) as Partial<OnRead>
    const hasBuffer = buffer instanceof Uint8Array || typeof buffer === 'function'
    return hasBuffer && typeof callback === 'function' ? new UserBuffer({ buffer, callback }, receiver) : undefined
  }

  constructor({ buffer, callback }: OnRead, receiver: object) {
    this.#receive = callback.bind(receiver) as OnRead['callback']
    this.#next = typeof buffer === 'function' ? buffer : undefined
    this.#buffer = typeof buffer === 'function' ? buffer() : buffer
  }

  /** Of the memory for the next read. Where it is 0 nothing can be read. */
  get length(): number {
    return this.#buffer.length
  }

  /** As `flush`, with more. */
  deliver(chunk: Buffer, isWanted: () => boolean): boolean {
    this.#waiting.push(chunk)
    return this.flush(isWanted)
  }

  /** Hands over what there is, while it is wanted. False when the callback wants no more; the rest then waits. */
  flush(isWanted: () => boolean): boolean {
    for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) {
      const taken = Math.min(chunk.length, this.#buffer.length)
      this.#buffer.set(chunk.subarray(0, taken))
      if (taken < chunk.length) this.#waiting.unshift(compact(chunk.subarray(taken)))
      const wantsMore = this.#receive(taken, this.#buffer) !== false
      const next = this.#next?.()
      if (next instanceof Uint8Array && next.length > 0) this.#buffer = next
      if (!wantsMore) return false
      if (!isWanted()) return true
    }
    return true
  }
}
