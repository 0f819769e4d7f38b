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
    const messages: Buffer[] = []
    while (this.#length >= this.#wanted) {
      const bytes = Buffer.concat(this.#kept)
      const length = bytes.readUInt32BE()
      if (length > this.#longest) throw new Error(`a message arrived damaged: its length reads ${length} bytes`)
      this.#wanted = HEADER + length
      let rest = bytes
      if (bytes.length >= this.#wanted) {
        messages.push(bytes.subarray(HEADER, this.#wanted))
        rest = bytes.subarray(this.#wanted)
        this.#wanted = HEADER
      }
      this.#kept = [rest]
      this.#length = rest.length
    }
    return messages
  }
}
