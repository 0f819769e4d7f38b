import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { addAbortSignal, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { AbortError, type StreamEndpoint } from 'polysocket'
import { FilmReader } from './film.ts'
import { encodeHeader } from './video-header.ts'

export interface SendVideoOptions {
  /** Times real time: 1 sends a film of 6 s in 6 s, evenly by bytes. Default: as fast as the other side takes it. */
  readonly rate?: number
  readonly signal?: AbortSignal
}

export interface SentVideo {
  /** Of the file. */
  readonly bytes: number
  /** From the header until the other side had closed as well. */
  readonly seconds: number
}

/** What an even flow is made of: so many pieces a second. */
const PIECES = 25

/**
 * Sends a file as a header and its bytes, ends the stream, and waits until the other side has closed too, which it does
 * when it has read all. The endpoint is closed then, whatever happened.
 */
export async function sendVideo(
  endpoint: StreamEndpoint,
  path: string,
  { rate, signal }: SendVideoOptions = {},
): Promise<SentVideo> {
  try {
    signal?.throwIfAborted()
    if (rate !== undefined && !(rate > 0 && Number.isFinite(rate))) throw new RangeError(`rate is ${rate}, not above 0`)
    // From the start: a connection that breaks while the file is read must not be an error that nobody listens for.
    const broken = new Promise<never>((_, reject) => endpoint.once('error', reject))
    if (signal !== undefined) addAbortSignal(signal, endpoint)
    return await Promise.race([broken, send(endpoint, path, rate)])
  } catch (error) {
    throw signal?.aborted ? new AbortError(signal.reason) : error
  } finally {
    endpoint.on('error', () => undefined)
    endpoint.destroy()
  }
}

async function send(endpoint: StreamEndpoint, path: string, rate: number | undefined): Promise<SentVideo> {
  const closed = new Promise<void>((resolve) => endpoint.once('close', () => resolve()))
  // Nobody is left to send to: the file need not be read to its end.
  const gone = new AbortController()
  endpoint.once('close', () => gone.abort())
  // Nothing is expected back, but only who reads sees the end.
  endpoint.resume()
  let bytes = 0
  let start = 0
  async function* film(): AsyncGenerator<Buffer, void, undefined> {
    const { size, sha256, duration } = await examine(path, gone.signal)
    if (rate !== undefined && duration === undefined) throw new Error(`${path} is no film: it cannot be sent at a rate`)
    const speed = rate === undefined || duration === undefined ? undefined : (size / duration) * rate
    bytes = size
    start = performance.now()
    yield encodeHeader({ name: basename(path), size, sha256 })
    yield* pieces(path, size, speed, gone.signal)
  }
  // Around all of it: a receiver that closes while the file is still examined is an error, too.
  await pipeline(Readable.from(film()), endpoint)
  await closed
  return { bytes, seconds: (performance.now() - start) / 1000 }
}

interface Examined {
  readonly size: number
  readonly sha256: string
  /** Where it is a film, in seconds. */
  readonly duration: number | undefined
}

/** The file is read twice, since its digest stands in front. */
async function examine(path: string, signal: AbortSignal): Promise<Examined> {
  if (!(await stat(path)).isFile()) throw new Error(`${path} is not a file`)
  const hash = createHash('sha256')
  const reader = new FilmReader()
  for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    reader.feed(chunk)
  }
  return { size: reader.received, sha256: hash.digest('hex'), duration: reader.film?.duration }
}

async function* pieces(
  path: string,
  size: number,
  bytesPerSecond: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  if (size === 0) return
  const start = performance.now()
  const highWaterMark = bytesPerSecond === undefined ? 65_536 : Math.min(65_536, Math.ceil(bytesPerSecond / PIECES))
  let sent = 0
  // No further than was promised, should the file have grown.
  for await (const chunk of createReadStream(path, { end: size - 1, highWaterMark, signal }) as AsyncIterable<Buffer>) {
    if (bytesPerSecond !== undefined) {
      const early = start + (sent / bytesPerSecond) * 1000 - performance.now()
      if (early > 0) await sleep(early, undefined, { signal })
    }
    yield chunk
    sent += chunk.length
  }
  if (sent < size) throw new Error(`${path} became shorter while it was sent: ${sent} of ${size} bytes`)
}
