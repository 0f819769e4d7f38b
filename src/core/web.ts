import type { AddressBase } from './address.ts'
import { coded } from './coded-error.ts'
import { socketClosed, unsupported } from './errors.ts'
import type { StreamEndpoint } from './stream.ts'
import { WebReadable } from './web-readable.ts'
import { type WebChunk, WebWritable } from './web-writable.ts'

/** What `opened` resolves to. Addresses that the socket does not have are absent. */
export interface SocketInfo {
  /** `'192.0.2.1:443'`, `'[2001:db8::1]:443'`; for a family without hosts and ports the address's text, `'unix:/run/app.sock'`. */
  readonly remoteAddress?: string
  readonly localAddress?: string
}

/**
 * A stream endpoint in the shape of the WinterTC Sockets API (https://sockets-api.proposal.wintertc.org, a draft) and of
 * `cloudflare:sockets`: a pair of web streams. Made by `endpoint.web()`.
 *
 * Where the draft leaves room:
 * - `readable` is a byte stream. What a default reader gets is a copy of its own; a BYOB reader has the bytes put into its buffer.
 * - A write is done when the system has taken its bytes. `writer.ready` waits while `highWaterMark` bytes are not.
 * - The peer's end closes `readable`. Unless `allowHalfOpen`, what was written until then is sent, our direction is ended,
 *   and `writable` is closed, or, while it is locked to somebody who goes on writing, fails with `ERR_SOCKET_CLOSED`.
 * - Cancelling `readable` throws away what still comes, so that the peer is not held up and its end is noticed. With
 *   `writable` closed as well the connection lives on until then, as the draft says: `close` it to be rid of it.
 * - Aborting `writable` closes the connection with a reset where the family knows one, for the peer must not take what it
 *   got for the whole; `readable` fails with the reason.
 * - A lost connection (ECONNRESET) fails both streams, and `closed` rejects with the same error.
 */
export class WebEndpoint {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<WebChunk>
  /** Resolves when there is a connection; rejects when there will be none. May be left unhandled. */
  readonly opened: Promise<SocketInfo>
  /** Resolves when the connection is closed, by whom ever; rejects with the error that it was lost to. May be left unhandled. */
  readonly closed: Promise<void>
  /** There is no TLS here: `node:tls` takes the endpoint itself. */
  readonly upgraded = false
  readonly secureTransport = 'off'
  readonly #endpoint: StreamEndpoint
  readonly #readable: WebReadable
  readonly #writable: WebWritable
  #rejectOpened: (reason: unknown) => void = () => undefined

  constructor(endpoint: StreamEndpoint, format: (address: AddressBase) => string) {
    const isRead = endpoint.listenerCount('data') + endpoint.listenerCount('readable') > 0
    // One that is over may say that it flows, whatever was done about it: nobody reads it.
    const isFlowing = endpoint.readable && endpoint.readableFlowing === true
    if (isRead || isFlowing || endpoint.readableEncoding !== null) {
      throw coded(
        TypeError,
        'ERR_INVALID_STATE',
        "web() comes before listeners for 'data' and 'readable', pipe, resume and setEncoding",
      )
    }
    const { allowHalfOpen } = endpoint
    // The stream's own rule would end our direction with writes still in the web stream's queue.
    endpoint.allowHalfOpen = true
    this.#endpoint = endpoint
    this.#readable = new WebReadable(endpoint)
    this.#writable = new WebWritable(endpoint, (reason) => this.#abort(reason))
    this.readable = this.#readable.stream
    this.writable = this.#writable.stream
    const onEnd = (): void => {
      this.#readable.close()
      if (!allowHalfOpen) this.#writable.endAfterPeer()
    }
    if (endpoint.readableEnded) onEnd()
    else endpoint.once('end', onEnd)
    this.opened = new Promise((resolve, reject) => {
      this.#rejectOpened = reject
      if (endpoint.connecting) endpoint.once('connect', () => resolve(infoOf(endpoint, format)))
      else if (!endpoint.pending) resolve(infoOf(endpoint, format))
    })
    this.closed = new Promise((resolve, reject) => {
      const settle = (error: Error | null): void => {
        this.#settle(error ?? socketClosed('read'))
        if (error) reject(error)
        else resolve()
      }
      let lost: Error | null = null
      if (endpoint.closed) settle(endpoint.errored)
      else endpoint.once('close', () => settle(lost))
      // Not `errored`, which is also set when closing gives up a write. Without a listener the process would end.
      endpoint.on('error', (error) => {
        lost ??= error
      })
    })
    this.opened.catch(() => undefined)
    this.closed.catch(() => undefined)
  }

  /**
   * Closes the connection at once: `readable` ends, `writable` fails with the reason (by default `ERR_SOCKET_CLOSED`), and so
   * does `opened` if it still waits. Writes that were not done are dropped: await them, or close `writable`, before.
   * Returns `closed`.
   */
  close(reason?: unknown): Promise<void> {
    this.#readable.close()
    this.#settle(reason ?? socketClosed('close'))
    this.#endpoint.destroy()
    return this.closed
  }

  /** Throws `ERR_UNSUPPORTED`, as the draft wants it of a socket whose `secureTransport` is not `'starttls'`. */
  startTls(): never {
    throw unsupported('startTls', 'an endpoint has no TLS of its own; hand it to tls.connect({ socket }) of node:tls')
  }

  #abort(reason: unknown): void {
    this.#settle(reason ?? socketClosed('abort'))
    this.#endpoint.resetAndDestroy()
  }

  /** Whatever has not come to its end yet never will, for this reason; a second call does nothing. */
  #settle(reason: unknown): void {
    this.#readable.fail(reason)
    this.#writable.fail(reason)
    this.#rejectOpened(reason)
  }
}

function infoOf(endpoint: StreamEndpoint, format: (address: AddressBase) => string): SocketInfo {
  const { local, remote, localAddress, localPort, localFamily, remoteAddress, remotePort, remoteFamily } = endpoint
  return {
    ...(remote && { remoteAddress: hostAndPort(remoteAddress, remotePort, remoteFamily) ?? format(remote) }),
    ...(local && { localAddress: hostAndPort(localAddress, localPort, localFamily) ?? format(local) }),
  }
}

function hostAndPort(host?: string, port?: number, family?: string): string | undefined {
  if (host === undefined || port === undefined) return undefined
  return family === 'IPv6' ? `[${host}]:${port}` : `${host}:${port}`
}
