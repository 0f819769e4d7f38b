import type { Duplex } from 'node:stream'
import { wrongType } from './argument-errors.ts'
import { socketClosed } from './errors.ts'
import { setImmediate } from './timers.ts'

/** What may be written: bytes, or text, which goes as UTF-8. */
export type WebChunk = ArrayBufferView | ArrayBuffer | string

/** The writing half of an endpoint as a web stream. */
export class WebWritable {
  readonly stream: WritableStream<WebChunk>
  readonly #endpoint: Duplex
  readonly #abort: (reason: unknown) => void
  #controller!: WritableStreamDefaultController
  /** Chunks that were written to the stream, and those of them that the system has taken. */
  #offered = 0
  #taken = 0
  /** The peer has ended: with this many taken, we end too. */
  #endAfter = Number.POSITIVE_INFINITY
  #reason: unknown

  constructor(endpoint: Duplex, abort: (reason: unknown) => void) {
    this.#endpoint = endpoint
    this.#abort = abort
    this.stream = new WritableStream<WebChunk>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        write: (chunk) => this.#write(chunk),
        close: () => this.#end(),
        abort,
      },
      {
        // With none at all `ready` would never come.
        highWaterMark: Math.max(endpoint.writableHighWaterMark, 1),
        size: (chunk) => {
          this.#offered++
          return sizeOf(chunk)
        },
      },
    )
  }

  #write(chunk: WebChunk): Promise<void> {
    const bytes = bytesOf(chunk)
    if (bytes === undefined) {
      const misuse = wrongType('a chunk must be a buffer, a view of one, or a string')
      this.#abort(misuse)
      throw misuse
    }
    return new Promise((resolve, reject) => {
      this.#endpoint.write(bytes, (error) => {
        if (error) {
          reject(this.#reasonFor(error))
          return
        }
        this.#taken++
        if (this.#taken >= this.#endAfter) setImmediate(() => this.#endNow())
        resolve()
      })
    })
  }

  #end(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#endpoint.end((error?: Error | null) => (error ? reject(this.#reasonFor(error)) : resolve()))
    })
  }

  /** That the stream was destroyed is a consequence; its cause comes first. */
  #reasonFor(error: Error): unknown {
    return this.#reason ?? this.#endpoint.errored ?? error
  }

  /**
   * Without half open: sends what was written until now, and ends. Whoever copies from `readable` gets a turn of the event
   * loop to write the last of it, and to close.
   */
  endAfterPeer(): void {
    setImmediate(() => {
      this.#endAfter = this.#offered
      if (this.#taken >= this.#endAfter) this.#endNow()
    })
  }

  #endNow(): void {
    if (this.#endpoint.writableEnded || this.#endpoint.destroyed) return
    if (this.stream.locked) {
      this.#endpoint.end()
      this.fail(socketClosed('write'))
    } else {
      this.stream.close().catch(() => undefined)
    }
  }

  fail(reason: unknown): void {
    this.#reason ??= reason
    this.#controller.error(reason)
  }
}

function sizeOf(chunk: WebChunk): number {
  return typeof chunk === 'string' ? Buffer.byteLength(chunk) : (chunk?.byteLength ?? 0)
}

function bytesOf(chunk: WebChunk): Buffer | undefined {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (ArrayBuffer.isView(chunk)) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return chunk instanceof ArrayBuffer ? Buffer.from(chunk) : undefined
}
