import { setImmediate } from './timers.ts'

/** What a chunk or a message that waits costs besides its bytes: the objects that V8 and Node keep for it. */
export const PIECE_COST = 512

/**
 * Bytes that are going to wait. They may be a small part of memory that they would hold as a whole: what holds more than
 * twice its size is copied into memory of its own.
 */
export function compact(bytes: Buffer): Buffer
export function compact(bytes: Uint8Array): Uint8Array
export function compact(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer.byteLength <= 2 * bytes.length) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}

/**
 * When a queue compacts what waits in it: once the event loop has turned. What is taken before then, as most is, costs no
 * copy.
 */
export class Compaction {
  readonly #run: () => void
  #isDue = false

  constructor(run: () => void) {
    this.#run = run
  }

  /** Something waits. */
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
