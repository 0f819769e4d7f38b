import { once } from 'node:events'
import { type NetConnectOpts, Socket } from 'node:net'
import type { AddressBase } from '../core/address.ts'
import { fromNodeError, socketClosed } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { Done, StreamEvents, StreamHandle } from '../core/family.ts'
import type { RawOption } from '../core/options.ts'
import { sleep } from '../core/timers.ts'
import type { NodeKind } from './node.ts'
import { readNodeOption, streamOptions, writeNodeOption } from './node-options.ts'

/** connect(2) on a Unix socket answers EAGAIN while the listener's backlog is full, and no event tells when it is not. */
const BACKLOG_RETRY_FIRST = 1
const BACKLOG_RETRY_LAST = 50

/**
 * Options of a `net.Socket` that becomes a handle. Its reader has a buffer of its own, with its own limit: at a high-water mark
 * of 1 the socket stops reading at the first chunk that comes while it is paused.
 */
export const SOCKET_OPTIONS = { allowHalfOpen: true, highWaterMark: 1 } as const

/** The addresses of a connection, where Node does not tell them: Unix sockets. */
export interface KnownNames<A> {
  readonly local: A | undefined
  readonly remote: A | undefined
}

/** A connected `net.Socket` as a handle. */
export class NodeStream<A extends AddressBase> implements StreamHandle<A> {
  readonly type = 'stream'
  readonly engine = 'node'
  readonly fd = undefined
  readonly local: A | undefined
  readonly remote: A | undefined
  readonly #kind: NodeKind<A>
  readonly #socket: Socket
  readonly #hasReset: boolean
  #events: StreamEvents | undefined
  /** It is over: closed by us, or lost. */
  #closed = false
  #failure: Error | undefined
  #writing: Done | undefined
  #ending: Done | undefined

  /** `socket` is paused, and allows half open. */
  constructor(kind: NodeKind<A>, socket: Socket, names?: KnownNames<A>) {
    this.#kind = kind
    this.#socket = socket
    this.#hasReset = names === undefined
    this.local = names === undefined ? nameOf(kind, socket.localAddress, socket.localPort) : names.local
    this.remote = names === undefined ? nameOf(kind, socket.remoteAddress, socket.remotePort) : names.remote
    socket.on('error', (error) => this.#fail(error))
  }

  get facts(): SchemeFacts {
    return this.#kind.facts
  }

  start(events: StreamEvents): void {
    this.#events = events
    this.#socket.on('data', (chunk: Buffer) => {
      if (!this.#closed) events.onData(chunk)
    })
    this.#socket.on('end', () => {
      if (!this.#closed && this.#failure === undefined) events.onEnd()
    })
    const failure = this.#failure
    if (failure !== undefined) process.nextTick(() => this.#closed || events.onError(failure))
  }

  resume(): void {
    if (!this.#closed) this.#socket.resume()
  }

  pause(): void {
    if (!this.#closed) this.#socket.pause()
  }

  write(chunks: readonly Uint8Array[], done: Done): void {
    if (this.#closed || chunks.length === 0) {
      done(this.#closed ? socketClosed('write') : null)
      return
    }
    this.#writing = done
    const last = chunks.length - 1
    this.#socket.cork()
    for (const [index, chunk] of chunks.entries()) {
      if (index < last) this.#socket.write(chunk)
      else this.#socket.write(chunk, (error) => this.#written(this.#outcome(error, 'write')))
    }
    this.#socket.uncork()
  }

  #written(error: Error | null): void {
    const done = this.#writing
    this.#writing = undefined
    done?.(error)
  }

  end(done: Done): void {
    if (this.#closed) {
      done(socketClosed('end'))
      return
    }
    this.#ending = done
    this.#socket.end((error?: Error | null) => this.#over(this.#outcome(error, 'shutdown')))
  }

  #over(error: Error | null): void {
    const done = this.#ending
    this.#ending = undefined
    done?.(error)
  }

  /** What a callback of Node's reports. That the stream was destroyed is a consequence; what we know of its cause comes first. */
  #outcome(error: Error | null | undefined, call: string): Error | null {
    if (error === null || error === undefined) return null
    const isConsequence = 'code' in error && String(error.code).startsWith('ERR_STREAM_')
    if (!isConsequence) return this.#error(error, call)
    return this.#failure ?? socketClosed(call)
  }

  #error(error: Error, call: string): Error {
    return fromNodeError(error, call, this.remote === undefined ? undefined : this.#kind.format(this.remote))
  }

  #fail(error: Error): void {
    if (this.#closed || this.#failure !== undefined) return
    this.#failure = this.#error(error, 'read')
    this.#written(this.#failure)
    this.#over(this.#failure)
    if (!this.#closed) this.#events?.onError(this.#failure)
  }

  getOption(option: string | RawOption): unknown {
    if (this.#closed) throw socketClosed('getOption')
    return readNodeOption(this.#kind, streamOptions, this.#socket, option)
  }

  setOption(option: string | RawOption, value: unknown): void {
    if (this.#closed) throw socketClosed('setOption')
    writeNodeOption(this.#kind, streamOptions, this.#socket, option, value)
  }

  ref(): void {
    this.#socket.ref()
  }

  unref(): void {
    this.#socket.unref()
  }

  /**
   * Pipes have no reset. While a shutdown(2) is under way libuv refuses one (`EINVAL`), and Node then loses the
   * descriptor: it is a close in that case.
   */
  reset(): void {
    if (this.#closed) return
    if (this.#hasReset && this.#ending === undefined) this.#socket.resetAndDestroy()
    this.close()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.destroy()
    this.#written(socketClosed('write'))
    this.#over(socketClosed('end'))
  }
}

function nameOf<A extends AddressBase>(kind: NodeKind<A>, host?: string, port?: number): A | undefined {
  return host === undefined || port === undefined ? undefined : kind.decode({ host, port })
}

/** Connects to one address. The socket is paused, so that nothing is read before it has a reader. */
export async function connectSocket(to: NetConnectOpts, signal: AbortSignal | undefined): Promise<Socket> {
  for (let delay = BACKLOG_RETRY_FIRST; ; delay = Math.min(delay * 2, BACKLOG_RETRY_LAST)) {
    try {
      return await attempt(to, signal)
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
    await sleep(delay, undefined, { signal }).catch(() => undefined)
  }
}

async function attempt(to: NetConnectOpts, signal: AbortSignal | undefined): Promise<Socket> {
  signal?.throwIfAborted()
  const socket = new Socket(SOCKET_OPTIONS)
  const onAbort = (): void => void socket.destroy(signal?.reason)
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const connected = once(socket, 'connect')
    socket.pause()
    socket.connect(to)
    await connected
    signal?.throwIfAborted()
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
  }
}
