import type { DatagramHandle, ListenerHandle, Message, StreamHandle } from '../../src/core/family.ts'
import type { ListenRequest, OpenRequest } from '../../src/core/options.ts'
import { type Faults, type MemoryAddress, memory } from '../../src/families/memory.ts'

type Stream = StreamHandle<MemoryAddress>
type Datagram = DatagramHandle<MemoryAddress>
type Listening = ListenerHandle<MemoryAddress>

/** What a test gives of a request; the rest is as the core hands it over when the caller gave nothing. */
export type Asked = Partial<ListenRequest<MemoryAddress>>

function request(asked: Asked): ListenRequest<MemoryAddress> {
  return { signal: undefined, engine: undefined, local: undefined, options: {}, backlog: 511, ...asked }
}

export async function listen(address: MemoryAddress, asked: Asked = {}): Promise<Listening> {
  if (memory.listen === undefined) throw new Error('memory cannot listen')
  return memory.listen(address, request(asked))
}

/** Rejects for anything but a stream. */
export async function connect(address: MemoryAddress, asked: Asked = {}): Promise<Stream> {
  const handle = await memory.connect?.(address, request(asked) satisfies OpenRequest<MemoryAddress>)
  if (handle?.type !== 'stream') throw new Error('not a stream')
  return handle
}

export async function bind(address: MemoryAddress, asked: Asked = {}): Promise<Datagram> {
  if (memory.bind === undefined) throw new Error('memory cannot bind')
  return memory.bind(address, request(asked))
}

export function fresh(scheme: 'memory' | 'memorygram', faults?: Faults): MemoryAddress {
  const address = memory.ephemeral(scheme)
  if (address === undefined) throw new Error('no fresh name')
  return faults === undefined ? address : { ...address, faults }
}

/** The address alone, as others see it. */
export function named({ family, scheme, name }: MemoryAddress): MemoryAddress {
  return { family, scheme, name }
}

/** Turns of the event loop until `isSo`; fails after five seconds. */
export async function until(what: string, isSo: () => boolean, milliseconds = 5_000): Promise<void> {
  const deadline = Date.now() + milliseconds
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`not within ${milliseconds} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}

/** Enough turns for everything that needs no timer. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** A stream handle and all that came out of it. */
export class StreamEnd {
  readonly handle: Stream
  readonly chunks: Buffer[] = []
  ended = false
  error: (Error & { code?: string }) | undefined

  constructor(handle: Stream, paused = false) {
    this.handle = handle
    handle.start({
      onData: (chunk) => {
        if (this.ended || this.error !== undefined) throw new Error('data after the end')
        this.chunks.push(chunk)
      },
      onEnd: () => {
        if (this.ended || this.error !== undefined) throw new Error('a second end')
        this.ended = true
      },
      onError: (error) => {
        if (this.error !== undefined) throw new Error('a second error')
        this.error = error
      },
    })
    if (!paused) handle.resume()
  }

  get data(): Buffer {
    return Buffer.concat(this.chunks)
  }

  get size(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  }

  /** The code with which it failed, or `undefined`. */
  write(...chunks: readonly Uint8Array[]): Promise<string | undefined> {
    return new Promise((resolve) =>
      this.handle.write(chunks, (error) => resolve(error === null ? undefined : (error as { code?: string }).code)),
    )
  }

  end(): Promise<void> {
    return new Promise((resolve, reject) => this.handle.end((error) => (error === null ? resolve() : reject(error))))
  }
}

/** A listener that takes everything. */
export class Acceptor {
  readonly handle: Listening
  readonly accepted: Stream[] = []

  constructor(handle: Listening) {
    this.handle = handle
    handle.start({
      onAccept: (stream) => {
        if (stream.type === 'stream') this.accepted.push(stream)
      },
      onError: (error) => {
        throw error
      },
    })
    handle.resume()
  }
}

export interface StreamPair extends Disposable {
  readonly near: StreamEnd
  readonly far: StreamEnd
  readonly listener: Listening
}

/** A connecting and an accepted end. */
export async function connected(
  address: MemoryAddress = fresh('memory'),
  asked: Asked = {},
  { nearPaused = false, farPaused = false }: { nearPaused?: boolean; farPaused?: boolean } = {},
): Promise<StreamPair> {
  const acceptor = new Acceptor(await listen(address))
  const near = new StreamEnd(await connect(named(address), asked), nearPaused)
  await until('accepted', () => acceptor.accepted.length > 0)
  const far = new StreamEnd(acceptor.accepted[0] as Stream, farPaused)
  const listener = acceptor.handle
  return {
    near,
    far,
    listener,
    [Symbol.dispose]() {
      for (const { handle } of [near, far]) handle.close()
      listener.close()
    },
  }
}

/** A datagram handle and all that it received. */
export class DatagramEnd implements Disposable {
  readonly handle: Datagram
  readonly messages: Message<MemoryAddress>[] = []
  batches = 0
  #wake: (() => void) | undefined

  constructor(handle: Datagram, paused = false) {
    this.handle = handle
    handle.start({
      onMessages: (batch) => {
        this.batches++
        this.messages.push(...batch)
      },
      onWritable: () => this.#wake?.(),
      onEnd: () => {
        throw new Error('datagrams have no end')
      },
      onError: (error) => {
        throw error
      },
    })
    if (!paused) handle.resume()
  }

  get texts(): string[] {
    return this.messages.map(({ data }) => data.toString())
  }

  /** Sends them all, waiting for room; throws what the handle throws. */
  async send(messages: readonly (string | Uint8Array)[], to?: MemoryAddress): Promise<void> {
    const target = to === undefined ? undefined : this.handle.target(to)
    const outgoing = messages.map((message) => ({
      data: typeof message === 'string' ? Buffer.from(message) : message,
      target,
    }))
    for (let sent = 0; sent < outgoing.length; ) {
      const writable = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      sent += this.handle.send(outgoing, sent)
      if (sent < outgoing.length) await writable
    }
  }

  [Symbol.dispose](): void {
    this.handle.close()
  }
}

export async function bound(faults?: Faults, paused = false): Promise<DatagramEnd> {
  return new DatagramEnd(await bind(fresh('memorygram', faults)), paused)
}

/** Bytes that tell their own place. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let i = 0; i + 4 <= size; i += 4) bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i)
  return bytes
}
