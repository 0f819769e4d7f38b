import type { Duplex } from 'node:stream'

/** The reading half of an endpoint as a web byte stream. It reads ahead no further than the endpoint itself does. */
export class WebReadable {
  readonly stream: ReadableStream<Uint8Array>
  readonly #endpoint: Duplex
  #controller!: ReadableByteStreamController
  /** A reader waits. */
  #wanted = false
  /** Closed, failed or cancelled. */
  #over = false

  constructor(endpoint: Duplex) {
    this.#endpoint = endpoint
    this.stream = new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        this.#controller = controller
      },
      pull: () => {
        this.#wanted = true
        this.#deliver()
      },
      cancel: () => {
        this.#over = true
        this.#deliver()
      },
    })
    endpoint.on('readable', () => this.#deliver())
  }

  #deliver(): void {
    if (this.#over) {
      while (this.#endpoint.read() !== null);
      return
    }
    if (!this.#wanted) return
    const request = this.#controller.byobRequest
    const view = request?.view as Uint8Array | null | undefined
    const chunk = this.#take(view?.byteLength ?? Number.POSITIVE_INFINITY)
    if (chunk === null) return
    this.#wanted = false
    if (request && view) {
      view.set(chunk)
      request.respond(chunk.length)
    } else {
      // What is enqueued is detached, and the chunk may be part of memory that it shares with others.
      this.#controller.enqueue(new Uint8Array(chunk))
    }
  }

  #take(room: number): Buffer | null {
    const { readableLength, readableHighWaterMark } = this.#endpoint
    // To ask for more than the high-water mark would raise it.
    return readableLength <= room ? this.#endpoint.read() : this.#endpoint.read(Math.min(room, readableHighWaterMark))
  }

  /** Nothing comes any more: reads that wait, and all further ones, are done. */
  close(): void {
    if (this.#over) return
    this.#over = true
    try {
      this.#controller.close()
      this.#controller.byobRequest?.respond(0)
    } catch {
      // The end came in the middle of an element of the reader's view: the stream has failed with a TypeError by itself.
    }
  }

  fail(reason: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#controller.error(reason)
  }
}
