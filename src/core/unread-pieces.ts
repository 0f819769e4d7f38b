/** Chunks that may wait to be read: each costs memory besides its bytes. */
const CHUNKS_LIMIT = 1024
/** Descriptors that may have come with unread bytes, so that no peer fills this process's table. */
const FDS_LIMIT = 64

/** Counts the chunks and descriptors that wait to be read in a stream; Node counts the bytes. */
export class UnreadPieces {
  #chunks = 0
  #fds = 0

  add(chunks: number, fds: number): void {
    this.#chunks += chunks
    this.#fds += fds
  }

  /** To be called when the chunks have been joined into one. */
  joined(): void {
    this.#chunks = 1
  }

  get areTooManyChunks(): boolean {
    return this.#chunks >= CHUNKS_LIMIT
  }

  get areTooMany(): boolean {
    return this.areTooManyChunks || this.#fds >= FDS_LIMIT
  }
}
