import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import { AbortError, type StreamEndpoint } from 'polysocket'
import { type PlaybackReport, Player, type PlayerOptions } from './player.ts'
import { HeaderReader, type VideoHeader } from './video-header.ts'

export interface ReceiveVideoOptions extends PlayerOptions {
  /** Where to write the film. There is a file of this name only if it came whole; until then it is `<name>.part`. */
  readonly saveAs?: string
  /** Gives up; a sender that says nothing is waited for until then. */
  readonly signal?: AbortSignal
}

/** What came, and how it was seen. */
export interface VideoReport extends PlaybackReport {
  /** As the sender calls it. */
  readonly name: string
  /** Bytes of the film that came, of those that were promised. */
  readonly bytes: number
  readonly size: number
  /** From the header to the last byte. */
  readonly seconds: number
  /** Bytes a second. */
  readonly throughput: number
  /** All of it came, and its SHA-256 is what the sender said. */
  readonly whole: boolean
  /** What broke the connection before all of it came, where something did; absent where the sender just ended. */
  readonly broken?: Error
}

/**
 * Receives what `sendVideo` sends, and plays it while it comes. A stream that ends or breaks in the midst of the film gives a
 * report all the same. Rejects where there is nothing to report or the sender does not keep its word: no header, one that
 * is malformed or too long, more bytes than promised; and on abort. The endpoint is closed then, whatever happened.
 */
export async function receiveVideo(
  endpoint: StreamEndpoint,
  { saveAs, signal, ...playing }: ReceiveVideoOptions = {},
): Promise<VideoReport> {
  endpoint.on('error', () => undefined)
  const part = saveAs === undefined ? undefined : `${saveAs}.part`
  let file: FileHandle | undefined
  let broken: Error | undefined
  const reception = new Reception(new Player(performance.now(), playing))
  try {
    if (signal !== undefined) {
      if (signal.aborted) throw new AbortError(signal.reason)
      addAbortSignal(signal, endpoint)
    }
    if (part !== undefined) file = await open(part, 'w')
    for await (const chunk of chunksOf(endpoint, (error) => (broken = error))) {
      const film = reception.take(chunk, performance.now())
      // Whole: a write may take less than it was given.
      if (film.length > 0) await file?.appendFile(film)
    }
    if (signal?.aborted) throw new AbortError(signal.reason)
    const report = reception.finish(performance.now(), broken)
    if (part !== undefined && saveAs !== undefined && report.whole) await rename(part, saveAs)
    return report
  } finally {
    endpoint.destroy()
    await file?.close()
    if (part !== undefined && file !== undefined) await rm(part, { force: true })
  }
}

/** Until the stream ends; or breaks, which is told and is the end as well. */
async function* chunksOf(
  endpoint: StreamEndpoint,
  tell: (error: Error) => void,
): AsyncGenerator<Buffer, void, undefined> {
  const chunks = (endpoint as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  for (;;) {
    let next: IteratorResult<Buffer, unknown>
    try {
      next = await chunks.next()
    } catch (error) {
      tell(error as Error)
      return
    }
    if (next.done) return
    yield next.value
  }
}

/** The bytes of one video, as far as they came. */
class Reception {
  readonly #player: Player
  readonly #hash = createHash('sha256')
  readonly #headerReader = new HeaderReader()
  #header: VideoHeader | undefined
  #began = 0
  #last = 0
  #bytes = 0

  constructor(player: Player) {
    this.#player = player
  }

  /** Gives what of the chunk is film. */
  take(chunk: Buffer, now: number): Buffer {
    const film = this.#header === undefined ? this.#takeHeader(chunk, now) : chunk
    const size = this.#header?.size ?? 0
    if (film.length === 0) return film
    if (this.#bytes + film.length > size) throw new Error(`more came than the ${size} bytes that were promised`)
    this.#bytes += film.length
    this.#last = now
    this.#hash.update(film)
    this.#player.feed(film, now)
    return film
  }

  #takeHeader(chunk: Buffer, now: number): Buffer {
    const found = this.#headerReader.feed(chunk)
    if (found === undefined) return Buffer.alloc(0)
    this.#header = found.header
    this.#began = now
    this.#last = now
    return found.rest
  }

  finish(now: number, broken: Error | undefined): VideoReport {
    const header = this.#header
    if (header === undefined) {
      throw new Error('the stream ended before the header of the video had come', { cause: broken })
    }
    const whole = this.#bytes === header.size && this.#hash.digest('hex') === header.sha256
    const seconds = (this.#last - this.#began) / 1000
    return {
      ...this.#player.finish(now),
      name: header.name,
      bytes: this.#bytes,
      size: header.size,
      seconds,
      // A film that came in one piece took no time that could be told.
      throughput: seconds === 0 ? 0 : this.#bytes / seconds,
      whole,
      ...(broken !== undefined && !whole && { broken }),
    }
  }
}
