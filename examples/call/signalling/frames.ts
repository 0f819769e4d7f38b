import { ProtocolError } from './protocol-error.ts'

/** The length that goes before each frame: so many bytes, big-endian, as network protocols have it (RFC 1700). */
const HEADER = 4
/** Bytes that a frame may have, without its length. */
export const LARGEST_FRAME = 65_536

/** A message as it goes over a stream: its length, then its bytes. Throws a `RangeError` for one that no reader would take. */
export function encodeFrame(payload: Uint8Array): Buffer {
  if (payload.length < 1 || payload.length > LARGEST_FRAME)
    throw new RangeError(`a frame has 1 to ${LARGEST_FRAME} bytes, not ${payload.length}`)
  const frame = Buffer.allocUnsafe(HEADER + payload.length)
  frame.writeUInt32BE(payload.length)
  frame.set(payload, HEADER)
  return frame
}

/** Finds the frames in a stream, however it was cut into chunks. It holds one unfinished frame, and nothing else. */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER)
  /** Of the frame whose length is known; `undefined` while the length itself is read. */
  #payload: Buffer | undefined
  /** Bytes of the header, or of the payload, that are there. */
  #filled = 0

  /** Where the stream is at its end: whether inside a frame, so that something is missing. */
  end(): 'between frames' | 'inside a frame' {
    return this.#payload === undefined && this.#filled === 0 ? 'between frames' : 'inside a frame'
  }

  /**
   * The frames that are complete with this chunk, one by one: a chunk has to be gone through before the next. Throws a
   * `ProtocolError` where the length of an empty or oversized frame is, after the frames before it, so that what is found
   * does not depend on how the stream was cut. The reader is of no use after that: nobody knows where the next frame begins.
   */
  *push(chunk: Uint8Array): Generator<Buffer, void, undefined> {
    for (let rest = chunk; rest.length > 0; ) {
      const target = this.#payload ?? this.#header
      const taken = Math.min(rest.length, target.length - this.#filled)
      target.set(rest.subarray(0, taken), this.#filled)
      rest = rest.subarray(taken)
      this.#filled += taken
      if (this.#filled < target.length) return
      this.#filled = 0
      if (this.#payload === undefined) {
        this.#payload = Buffer.allocUnsafe(checkedLength(this.#header.readUInt32BE()))
      } else {
        const frame = this.#payload
        this.#payload = undefined
        yield frame
      }
    }
  }
}

function checkedLength(length: number): number {
  if (length === 0) throw new ProtocolError('a frame is empty')
  if (length > LARGEST_FRAME)
    throw new ProtocolError(`a frame of ${length} bytes is announced, and ${LARGEST_FRAME} is the most`)
  return length
}
