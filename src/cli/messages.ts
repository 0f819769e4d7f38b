import { SocketError } from '../index.ts'

type Input = AsyncIterable<Buffer | string>

/** Each piece that was read becomes a message, cut where it is longer than `size` bytes. */
export async function* messagesOfChunks(input: Input, size: number): AsyncGenerator<Buffer, void, undefined> {
  for await (const piece of input) {
    const chunk = Buffer.from(piece)
    for (let offset = 0; offset < chunk.length; offset += size) yield chunk.subarray(offset, offset + size)
  }
}

/**
 * Each line becomes a message, without its newline; an empty line is an empty message. A line over `size` bytes is
 * EMSGSIZE: cutting it would make two messages of one.
 */
export async function* messagesOfLines(input: Input, size: number): AsyncGenerator<Buffer, void, undefined> {
  let kept: Buffer[] = []
  let length = 0
  const add = (part: Buffer): void => {
    length += part.length
    if (length > size) throw new SocketError('EMSGSIZE', `a line is longer than a message can be (${size} bytes)`)
    if (part.length > 0) kept.push(part)
  }
  const take = (): Buffer => {
    const line = Buffer.concat(kept)
    kept = []
    length = 0
    return line
  }
  for await (const piece of input) {
    const chunk = Buffer.from(piece)
    let start = 0
    for (let newline = chunk.indexOf(10); newline !== -1; newline = chunk.indexOf(10, start)) {
      add(chunk.subarray(start, newline))
      yield take()
      start = newline + 1
    }
    add(chunk.subarray(start))
  }
  if (length > 0) yield take()
}
