import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { nextEvent } from './waiting.ts'

/** More than the socket buffers of both ends and both endpoints hold together, with room for Linux's tcp_rmem. */
export const NEVER_ACCEPTED: number = 96 * 1024 * 1024

/** Bytes that never repeat in step with any buffer size, so that a lost, doubled or displaced piece changes the hash. */
export function pattern(size: number, seed = 1): Buffer {
  const words = new Uint32Array(Math.ceil(size / 4))
  let state = (seed * 2_654_435_761 + 1) >>> 0
  for (let i = 0; i < words.length; i += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    words[i] = state ^ (state >>> 15)
  }
  return Buffer.from(words.buffer, 0, size)
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Equal bytes, without a diff of megabytes when they are not. */
export function assertSameBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  assert.equal(actual.length, expected.length, `${what}: the number of bytes`)
  if (Buffer.compare(actual, expected) === 0) return
  const at = expected.findIndex((byte, i) => byte !== actual[i])
  assert.fail(`${what}: the bytes differ from offset ${at} on (of ${expected.length})`)
}

/** Takes exactly `size` bytes and leaves the rest, and the stream, as they are. Rejects when the stream is over before. */
export function readBytes(stream: Duplex, size: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let total = 0
    const finish = (act: () => void) => {
      stream.off('readable', take).off('end', onEnd).off('close', onEnd).off('error', onError)
      act()
    }
    const onEnd = () => finish(() => reject(new Error(`the stream was over after ${total} of ${size} bytes`)))
    const onError = (error: Error) => finish(() => reject(error))
    const take = () => {
      while (total < size) {
        const chunk: Buffer | null = stream.read()
        if (chunk === null) return
        chunks.push(chunk)
        total += chunk.length
      }
      finish(() => {
        const bytes = Buffer.concat(chunks)
        if (total > size) stream.unshift(bytes.subarray(size))
        resolve(bytes.subarray(0, size))
      })
    }
    stream.on('readable', take).on('end', onEnd).on('close', onEnd).on('error', onError)
    take()
  })
}

/** Everything up to the end. Rejects on an error, and when the stream closes without an end. */
export function readToEnd(stream: Duplex): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.once('end', () => resolve(Buffer.concat(chunks)))
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('the stream closed without an end')))
  })
}

/** Writes in pieces and heeds backpressure; resolves when the last piece was handed over. */
export async function writeBytes(stream: Duplex, bytes: Uint8Array, piece = 65_536): Promise<void> {
  for (let at = 0; at < bytes.length; at += piece) {
    if (!stream.write(bytes.subarray(at, at + piece))) await nextEvent(stream, 'drain')
  }
}
