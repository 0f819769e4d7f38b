import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'

export const KiB = 1024
export const MiB: number = 1024 * KiB

export interface Digest {
  readonly bytes: number
  readonly sha256: string
}

const period = MiB
const chunkSize = 64 * KiB
let block: Buffer | undefined

/** `total` random bytes in chunks of 64 KiB and a shorter last one, each different from its neighbours. */
export function* randomChunks(total: number): Generator<Buffer> {
  block ??= randomBytes(period + chunkSize)
  for (let sent = 0, index = 0; sent < total; index++) {
    const start = (index * 4099) % period
    const chunk = block.subarray(start, start + Math.min(chunkSize, total - sent))
    sent += chunk.length
    yield chunk
  }
}

/** Writes `total` random bytes as fast as the stream takes them, ends it, and says what was written. */
export async function sendRandom(stream: Writable, total: number): Promise<Digest> {
  const hash = createHash('sha256')
  for (const chunk of randomChunks(total)) {
    hash.update(chunk)
    if (!stream.write(chunk)) await once(stream, 'drain')
  }
  stream.end()
  await finished(stream, { readable: false })
  return { bytes: total, sha256: hash.digest('hex') }
}

/** Reads to the end. Not by `for await`, which destroys the stream there, and with it a half that is still in use. */
export async function receiveAll(stream: Readable): Promise<Digest> {
  const hash = createHash('sha256')
  let bytes = 0
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length
    hash.update(chunk)
  })
  await finished(stream, { writable: false })
  return { bytes, sha256: hash.digest('hex') }
}

/** Reads a short text to its end. */
export async function receiveText(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await finished(stream, { writable: false })
  return Buffer.concat(chunks).toString()
}

/** Reads so many bytes, and leaves what comes after them to the next reader. */
export async function readExactly(stream: Readable, size: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let total = 0
  while (total < size) {
    const chunk: Buffer | null = stream.read(Math.min(size - total, stream.readableLength || 1))
    if (chunk === null) {
      await once(stream, 'readable')
      continue
    }
    chunks.push(chunk)
    total += chunk.length
  }
  return Buffer.concat(chunks)
}
