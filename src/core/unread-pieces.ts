/** Chunks that may wait to be read: each costs memory besides its bytes, however few those are. */
const CHUNKS_LIMIT = 1024
/** Descriptors that may have come with bytes which wait to be read, so that nobody fills the table of this process. */
const FDS_LIMIT = 64

/** What waits to be read in a stream, counted otherwise than by bytes. */
export class UnreadPieces {
  #chunks = 0
  #fds = 0

  add(chunks: number, fds: number): void {
    this.#chunks += chunks
    this.#fds += fds
  }

  get areTooMany(): boolean {
    return this.#chunks >= CHUNKS_LIMIT || this.#fds >= FDS_LIMIT
  }
}
