import type { Readable } from 'node:stream'
import { setImmediate } from './timers.ts'

/** Bytes that a waiting chunk or message costs besides its data: the objects of V8 and Node. */
export const PIECE_COST = 512

/**
 * Returns bytes that are going to wait, without the rest of their block: copied where the block is more than twice their size.
 */
export function compact(bytes: Buffer): Buffer
export function compact(bytes: Uint8Array): Uint8Array
export function compact(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength <= 2 * bytes.length) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}

/** A chunk as a stream may push it: one that is read at once may share its block with others, one that waits may not. */
export function pushable(stream: Readable, chunk: Buffer): Buffer {
  const isReadAtOnce = stream.readableFlowing === true && stream.readableLength === 0
  return isReadAtOnce ? chunk : compact(chunk)
}

/** Compacts the data of the items at `from` and behind it, in place. */
export function compactFrom<T extends { readonly data: Uint8Array }>(items: T[], from: number): void {
  for (let index = from; index < items.length; index++) {
    const item = items[index] as T
    const data = compact(item.data)
    if (data !== item.data) items[index] = { ...item, data }
  }
}

/** Has a queue compact what waits in it in the next turn of the event loop. What is taken before, as most is, is not copied. */
export class Compaction {
  readonly #run: () => void
  #isDue = false

  constructor(run: () => void) {
    this.#run = run
  }

  /** To be called when something begins to wait. */
  ask(): void {
    if (this.#isDue) return
    this.#isDue = true
    setImmediate(Compaction.#start, this)
  }

  static #start(compaction: Compaction): void {
    compaction.#isDue = false
    compaction.#run()
  }
}
