/** Chunks that may wait to be read: each costs memory besides its bytes. */
const CHUNKS_LIMIT = 1024
/** Descriptors that may have come with unread bytes, so that no peer fills this process's table. */
const FDS_LIMIT = 64

/** Counts the chunks and descriptors that wait to be read in a stream; Node counts the bytes. */
export class UnreadPieces {
  #chunks = 0
  #fds = 0
  /** Length of the chunk that came last. */
  #last = 0

  addChunk(length: number): void {
    this.#chunks++
    this.#last = length
  }

  addFds(count: number): void {
    this.#fds += count
  }

  /** To be called when the chunks have been joined into one. */
  joined(): void {
    this.#chunks = 1
  }

  /** Whether, with this length left to read, the reader has begun the last chunk: descriptors come with a chunk's first byte. */
  areRead(left: number): boolean {
    return left === 0 || left < this.#last
  }

  get areTooManyChunks(): boolean {
    return this.#chunks >= CHUNKS_LIMIT
  }

  get areTooMany(): boolean {
    return this.areTooManyChunks || this.#fds >= FDS_LIMIT
  }
}
