import type { Duplex } from 'node:stream'
import type { ConnectionOptions, TLSSocket, TLSSocketOptions } from 'node:tls'

/** A stream with the surface of `net.Socket`: a `StreamEndpoint`, or a socket of `polysocket/net`. */
export interface Securable extends Duplex {
  readonly connecting: boolean
  readonly remoteAddress?: string | undefined
  readonly remotePort?: number | undefined
  readonly remoteFamily?: string | undefined
  readonly localAddress?: string | undefined
  readonly localPort?: number | undefined
  readonly localFamily?: string | undefined
  address(): object
  setNoDelay(noDelay?: boolean): unknown
  setKeepAlive(enable?: boolean, initialDelay?: number): unknown
  ref(): unknown
  unref(): unknown
}

/** Those of `tls.connect`, but for where to connect to. */
export interface SecureClientOptions extends Omit<ConnectionOptions, 'socket' | 'host' | 'port' | 'path'> {
  isServer?: false | undefined
}

/** Those of `new TLSSocket`, for the server's side: `key` and `cert`, or a `secureContext` that serves many. */
export interface SecureServerOptions extends Omit<TLSSocketOptions, 'server'> {
  isServer: true
}

export type SecureOptions = SecureClientOptions | SecureServerOptions

/** What a TLSSocket keeps of its own, in every version of Node. */
interface Internals {
  readonly ssl: { verifyError(): NodeJS.ErrnoException | null | undefined } | null
  /** Errors are emitted from then on, not held back for a `tls.Server`. */
  _releaseControl(): boolean
}

const ADDRESSES = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort', 'localFamily'] as const

/**
 * TLS over an endpoint, as the client or, with `isServer`, as the server: a `tls.TLSSocket` that does what one over a
 * `net.Socket` does. `tls.connect({ socket: endpoint })` gives one without addresses, 'connect' and socket options, since
 * Node takes those of its own class alone.
 *
 * - Emits 'connect' where the endpoint was connecting, and 'secureConnect' once the handshake is done, on the server's side
 *   too; with `requestCert` only for a client whose certificate is valid, unless `rejectUnauthorized` is false.
 * - Tells the addresses of the endpoint, and passes `setNoDelay`, `setKeepAlive`, `ref` and `unref` on to it.
 * - Fails with what the endpoint fails with, and takes the endpoint with it when it ends. The endpoint need not be opened
 *   with `allowHalfOpen`.
 *
 * A client checks the certificate for `servername`, or else for `localhost`.
 *
 * Throws what `tls.connect` and `tls.createSecureContext` throw, with the endpoint as it was.
 */
export function secure(endpoint: Securable, options: SecureOptions = {}): TLSSocket {
  // node:tls takes a while to load, and few need it.
  const { connect, TLSSocket } = process.getBuiltinModule('node:tls')
  const secured =
    options.isServer === true
      ? serve(new TLSSocket(endpoint, options), options)
      : connect({ ...options, socket: endpoint })
  // Only now: above it reads what its user wants. Below, TLS has to answer after the peer has ended.
  endpoint.allowHalfOpen = true
  resemble(secured, endpoint)
  if (endpoint.connecting) {
    // As node:tls does over a socket of its own.
    const state = secured as { connecting: boolean }
    state.connecting = true
    endpoint.once('connect', () => {
      state.connecting = false
      secured.emit('connect')
    })
  }
  return secured
}

/** Decides on the client's certificate as a `tls.Server` does. */
function serve(secured: TLSSocket, options: SecureServerOptions): TLSSocket {
  const { rejectUnauthorized, requestCert } = options
  const internals = secured as unknown as Internals
  internals._releaseControl()
  secured.on('secure', () => {
    if (requestCert === true) {
      const invalid = internals.ssl?.verifyError()?.code
      // A session that is resumed is valid, also where it had no certificate.
      const isMissing = Object.keys(secured.getPeerCertificate()).length === 0
      const reason = invalid ?? (isMissing ? 'UNABLE_TO_GET_ISSUER_CERT' : undefined)
      secured.authorized = reason === undefined
      if (reason !== undefined) secured.authorizationError = new Error(reason)
      if (reason !== undefined && rejectUnauthorized !== false) {
        secured.destroy(Object.assign(new Error(`the client's certificate is not valid: ${reason}`), { code: reason }))
        return
      }
    }
    secured.emit('secureConnect')
  })
  return secured
}

function resemble(secured: TLSSocket, endpoint: Securable): void {
  for (const name of ADDRESSES) {
    Object.defineProperty(secured, name, { get: () => endpoint[name], configurable: true, enumerable: false })
  }
  const passedOn = {
    address: () => endpoint.address(),
    setNoDelay: (noDelay?: boolean) => {
      endpoint.setNoDelay(noDelay)
      return secured
    },
    setKeepAlive: (enable?: boolean, initialDelay?: number) => {
      endpoint.setKeepAlive(enable, initialDelay)
      return secured
    },
    ref: () => {
      endpoint.ref()
      return secured
    },
    unref: () => {
      endpoint.unref()
      return secured
    },
  }
  Object.assign(secured, passedOn)
}
