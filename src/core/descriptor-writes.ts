import { wrongType } from './argument-errors.ts'
import type { DescriptorPassing, Done, HeldDescriptors } from './family.ts'

/**
 * The descriptors of writes that wait in a stream's queue: which chunk carries which. A chunk is found again by identity,
 * so each is a `Buffer` of its own, over the caller's bytes.
 */
export class DescriptorWrites {
  readonly #passing: DescriptorPassing
  readonly #waiting = new Map<Buffer, HeldDescriptors>()

  constructor(passing: DescriptorPassing) {
    this.#passing = passing
  }

  /** The chunk to write. Throws, with nothing held, what `DescriptorPassing.hold` throws. */
  add(bytes: Uint8Array, fds: readonly number[]): Buffer {
    const chunk = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#waiting.set(chunk, this.#passing.hold(fds))
    return chunk
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  /** The chunks in their order, cut so that each which carries descriptors is by itself. */
  runs(chunks: readonly Buffer[]): Buffer[][] {
    const runs: Buffer[][] = []
    let plain: Buffer[] | undefined
    for (const chunk of chunks) {
      if (this.#waiting.has(chunk)) {
        plain = undefined
        runs.push([chunk])
      } else if (plain === undefined) {
        plain = [chunk]
        runs.push(plain)
      } else {
        plain.push(chunk)
      }
    }
    return runs
  }

  /** Sends the chunk with its descriptors; false when it has none. */
  send(chunk: Buffer, done: Done): boolean {
    const held = this.#waiting.get(chunk)
    if (held === undefined) return false
    this.#waiting.delete(chunk)
    this.#passing.write(chunk, held, done)
    return true
  }

  /** Closes the descriptors of what will not be sent. */
  dropAll(): void {
    for (const held of this.#waiting.values()) held.close()
    this.#waiting.clear()
  }
}

/** Throws a TypeError unless these can be written together. */
export function checkDescriptorWrite(bytes: unknown, fds: unknown): void {
  if (!(bytes instanceof Uint8Array) || bytes.length === 0) {
    throw wrongType('descriptors ride with bytes: a Uint8Array of at least one')
  }
  const isList = Array.isArray(fds) && fds.length > 0
  if (!isList || !fds.every((fd) => Number.isInteger(fd) && fd >= 0 && fd < 2 ** 31)) {
    throw wrongType('the descriptors must be a non-empty array of numbers, each 0 or more')
  }
}
