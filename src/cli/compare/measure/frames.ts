/** Bytes of the length that goes before each message on a stream, which keeps no boundaries itself. */
export const HEADER = 4

export function frame(message: Buffer): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt32BE(message.length)
  return Buffer.concat([header, message])
}

/** Finds the messages again in what a stream delivers, in pieces of whatever size. */
export class FrameReader {
  readonly #longest: number
  #kept: Buffer[] = []
  #length = 0
  /** Bytes that have to be there before there is more to tell: a header, or a header and its message. */
  #wanted: number = HEADER

  constructor(longest: number) {
    this.#longest = longest
  }

  /** Throws for a length that nobody sent: the stream has lost or changed bytes. */
  push(chunk: Buffer): Buffer[] {
    this.#kept.push(chunk)
    this.#length += chunk.length
    if (this.#length < this.#wanted) return []
    const messages: Buffer[] = []
    let rest = Buffer.concat(this.#kept)
    for (;;) {
      this.#wanted = HEADER
      if (rest.length < this.#wanted) break
      const length = rest.readUInt32BE()
      if (length > this.#longest) throw new Error(`a message arrived damaged: its length reads ${length} bytes`)
      this.#wanted += length
      if (rest.length < this.#wanted) break
      messages.push(rest.subarray(HEADER, this.#wanted))
      rest = rest.subarray(this.#wanted)
    }
    this.#kept = [rest]
    this.#length = rest.length
    return messages
  }
}
