import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { AddressBase } from '../core/address.ts'
import { fromNodeError, namedSystemError, socketClosed } from '../core/errors.ts'
import type { SchemeFacts } from '../core/facts.ts'
import type { ListenerEvents, ListenerHandle } from '../core/family.ts'
import type { RawOption } from '../core/options.ts'
import type { NodeEndpoint, NodeKind } from './node.ts'
import { listenerOptions, type OpeningOptions, readNodeOption, writeNodeOption } from './node-options.ts'
import { type NodeStream, SOCKET_OPTIONS } from './node-stream.ts'
import { fileAt, isDirectoryMissing, keepingSuccessor } from './node-unix.ts'

/** A `net.Server` as a handle. */
export class NodeListener<A extends AddressBase> implements ListenerHandle<A> {
  readonly type = 'listener'
  readonly engine = 'node'
  readonly fd = undefined
  readonly remote = undefined
  readonly #kind: NodeKind<A>
  readonly #server: Server
  readonly #wrap: (socket: Socket) => NodeStream<A>
  readonly #cleanups: (() => void)[] = []
  #local: A | undefined
  #events: ListenerEvents<A> | undefined
  #closed = false
  #accepting = false
  /** Node accepts whether asked or not. What nobody has taken waits here, unread. */
  #held: NodeStream<A>[] = []
  #stop: () => void = () => undefined

  /** `wrap` makes a handle of an accepted socket, with the options that connections get, or destroys it and throws. */
  constructor(kind: NodeKind<A>, wrap: (socket: Socket) => NodeStream<A>) {
    this.#kind = kind
    this.#wrap = wrap
    this.#server = createServer({ ...SOCKET_OPTIONS, pauseOnConnect: true }, (socket) => this.#accepted(socket))
    this.#server.on('error', (error) => {
      if (!this.#closed) this.#events?.onError(fromNodeError(error, 'accept', this.#text()), false)
    })
  }

  /** Binds and listens, which are one in Node. */
  async listen(address: A, backlog: number, options: OpeningOptions): Promise<void> {
    const where = this.#kind.encode(address)
    const text = this.#kind.format(address)
    try {
      const listening = once(this.#server, 'listening')
      const { ipv6Only, reusePort } = options
      // Without `exclusive` a worker of node:cluster would share the socket of its primary.
      const given = { ...where, backlog, ipv6Only, reusePort, exclusive: true }
      this.#server.listen(given)
      await listening
    } catch (error) {
      throw listenError(error, where, text)
    }
    this.#stop = () => void this.#server.close()
    if ('path' in where) {
      const { path } = where
      const ours = fileAt(path)
      this.#local = address
      this.#stop = () => keepingSuccessor(path, ours, () => void this.#server.close())
      return
    }
    const bound = this.#server.address()
    if (bound !== null && typeof bound === 'object')
      this.#local = this.#kind.decode({ host: bound.address, port: bound.port })
  }

  get facts(): SchemeFacts {
    return this.#kind.facts
  }

  get local(): A | undefined {
    return this.#local
  }

  #text(): string | undefined {
    return this.#local === undefined ? undefined : this.#kind.format(this.#local)
  }

  start(events: ListenerEvents<A>): void {
    this.#events = events
  }

  resume(): void {
    this.#accepting = true
    if (this.#held.length > 0) process.nextTick(() => this.#deliverHeld())
  }

  pause(): void {
    this.#accepting = false
  }

  #accepted(socket: Socket): void {
    let stream: NodeStream<A>
    try {
      stream = this.#wrap(socket)
    } catch (error) {
      this.#events?.onDrop?.(error as Error, undefined)
      return
    }
    if (this.#accepting && this.#held.length === 0) this.#events?.onAccept(stream)
    else this.#held.push(stream)
  }

  #deliverHeld(): void {
    while (this.#accepting && !this.#closed) {
      const stream = this.#held.shift()
      if (stream === undefined) return
      this.#events?.onAccept(stream)
    }
  }

  getOption(option: string | RawOption): unknown {
    if (this.#closed) throw socketClosed('getOption')
    return readNodeOption(this.#kind, listenerOptions, this.#server, option)
  }

  setOption(option: string | RawOption, value: unknown): void {
    if (this.#closed) throw socketClosed('setOption')
    writeNodeOption(this.#kind, listenerOptions, this.#server, option, value)
  }

  ref(): void {
    this.#server.ref()
  }

  unref(): void {
    this.#server.unref()
  }

  /** Called when the socket is closed, for what the family does then. */
  onceClosed(cleanup: () => void): void {
    this.#cleanups.push(cleanup)
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    // First the family, which removes the file where it is still ours; libuv then finds none, or one that is kept.
    for (const cleanup of this.#cleanups) cleanup()
    this.#stop()
    for (const stream of this.#held) stream.close()
    this.#held = []
  }
}

function listenError(error: unknown, where: NodeEndpoint, address: string): Error {
  const known = fromNodeError(error, 'listen', address)
  const isMissing = known.code === 'EACCES' && 'path' in where && isDirectoryMissing(where.path)
  return isMissing ? namedSystemError('ENOENT', 'bind', address, error) : known
}
