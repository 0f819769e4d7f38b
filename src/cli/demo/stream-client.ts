import { performance } from '../../core/timers.ts'
import type { OpenOptions, StreamEndpoint } from '../../index.ts'
import { connect, formatAddress } from '../../index.ts'
import { isStream } from '../open.ts'
import { ECHO_BYTES, ECHO_TIME, type Effort, type Measured, median } from './measure.ts'
import type { Payload } from './payload.ts'
import { DONE, STREAM } from './protocol.ts'

/** The near side of a stream: echoes on one connection, the file on another. */
export async function measureStream(
  address: string,
  payload: Payload,
  effort: Effort,
  options: OpenOptions,
): Promise<Measured> {
  const roundTrip = await withConnection(address, options, (endpoint) => echoes(endpoint, effort))
  return await withConnection(address, options, async (endpoint) => {
    const from = endpoint.local === undefined ? undefined : formatAddress(endpoint.local)
    const { seconds, digest } = await transfer(endpoint, payload.bytes)
    if (digest !== payload.sha256) throw new Error(`SHA-256 differs: ${digest} came, ${payload.sha256} was sent`)
    return { from, bytes: payload.bytes.length, seconds, roundTrip, verdict: 'SHA-256 equal' }
  })
}

async function withConnection<T>(
  address: string,
  options: OpenOptions,
  use: (endpoint: StreamEndpoint) => Promise<T>,
): Promise<T> {
  const endpoint = await connect(address, options)
  if (!isStream(endpoint)) throw new Error(`${address} did not make a stream`)
  const failed = new Promise<never>((_, reject) => endpoint.on('error', reject))
  const abort = (): void => void endpoint.destroy()
  options.signal?.addEventListener('abort', abort)
  try {
    endpoint.setNoDelay()
    return await Promise.race([use(endpoint), failed])
  } finally {
    options.signal?.removeEventListener('abort', abort)
    endpoint.destroy()
  }
}

async function echoes(endpoint: StreamEndpoint, effort: Effort): Promise<number> {
  const message = Buffer.alloc(ECHO_BYTES, 'echo')
  const times: number[] = []
  let missing = 0
  let onEcho: () => void = () => undefined
  const ended = new Promise<never>((_, reject) => {
    endpoint.once('end', () => reject(new Error('the peer ended before it had echoed everything')))
  })
  endpoint.on('data', (chunk: Buffer) => {
    missing -= chunk.length
    if (missing === 0) onEcho()
  })
  endpoint.write(Buffer.from([STREAM.echo]))
  const endAt = performance.now() + ECHO_TIME
  for (let round = -effort.warmUp; round < effort.echoes; round++) {
    if (times.length > 0 && performance.now() > endAt) break
    missing = ECHO_BYTES
    const start = performance.now()
    const came = new Promise<void>((resolve) => (onEcho = resolve))
    endpoint.write(message)
    await Promise.race([came, ended])
    if (round >= 0) times.push((performance.now() - start) * 1000)
  }
  return median(times)
}

/** Writes as a program would: in pieces, waiting whenever `write` says so. */
async function transfer(endpoint: StreamEndpoint, bytes: Buffer): Promise<{ seconds: number; digest: string }> {
  const answer: Buffer[] = []
  let doneAt = 0
  endpoint.on('data', (chunk: Buffer) => {
    if (answer.length === 0 && chunk[0] === DONE) doneAt = performance.now()
    answer.push(chunk)
  })
  const ended = new Promise<void>((resolve) => endpoint.once('end', resolve))
  const header = Buffer.alloc(5)
  header[0] = STREAM.sink
  header.writeUInt32BE(bytes.length, 1)
  const startedAt = performance.now()
  endpoint.write(header)
  for (let offset = 0; offset < bytes.length; offset += PIECE) {
    if (endpoint.write(bytes.subarray(offset, offset + PIECE))) continue
    await new Promise<void>((resolve) => endpoint.once('drain', resolve))
  }
  await ended
  return { seconds: (doneAt - startedAt) / 1000, digest: Buffer.concat(answer).subarray(1).toString() }
}

const PIECE = 64 * 1024
