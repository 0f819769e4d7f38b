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

/** The options of `tls.connect`, except those that say where to connect. */
export interface SecureClientOptions extends Omit<ConnectionOptions, 'socket' | 'host' | 'port' | 'path'> {
  isServer?: false | undefined
}

/** The options of `new TLSSocket` for the server's side: `key` and `cert`, or a `secureContext` that many connections share. */
export interface SecureServerOptions extends Omit<TLSSocketOptions, 'server'> {
  isServer: true
}

export type SecureOptions = SecureClientOptions | SecureServerOptions

/** Undocumented members of TLSSocket that we need; every supported Node has them. */
interface Internals {
  readonly ssl: { verifyError(): NodeJS.ErrnoException | null | undefined } | null
  /** From then on errors are emitted, and not held back for a `tls.Server`. */
  _releaseControl(): boolean
}

const ADDRESSES = ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort', 'localFamily'] as const

/**
 * TLS over an endpoint, as the client or, with `isServer: true`, as the server. Returns a `tls.TLSSocket` that behaves as one
 * over a `net.Socket`. Over an endpoint, `tls.connect({ socket: endpoint })` gives no addresses, no 'connect' and no socket
 * options, since Node asks only its own class for them.
 *
 * - Emits 'connect' where the endpoint was still connecting, and 'secureConnect' once the handshake is done, on the server's
 *   side as well. With `requestCert` a server destroys the connection of a client without a valid certificate, with OpenSSL's
 *   code as the error's `code`, unless `rejectUnauthorized` is false.
 * - Has the addresses of the endpoint, and passes `setNoDelay`, `setKeepAlive`, `ref` and `unref` on to it.
 * - Fails with the error of the endpoint, and closes the endpoint when it closes. Sets `allowHalfOpen` of the endpoint.
 *
 * A client checks the certificate for `servername`, by default `localhost`: pass the name that was connected to.
 *
 * Throws what `tls.connect` and `tls.createSecureContext` throw (`ERR_INVALID_ARG_TYPE`, OpenSSL's codes); the endpoint is then
 * unchanged. See https://nodejs.org/api/tls.html.
 */
export function secure(endpoint: Securable, options: SecureOptions = {}): TLSSocket {
  // Loaded on first use: node:tls takes a while to load, and few programs need it.
  const { connect, TLSSocket } = process.getBuiltinModule('node:tls')
  const secured =
    options.isServer === true
      ? serve(new TLSSocket(endpoint, options), options)
      : connect({ ...options, socket: endpoint })
  // Set after TLSSocket has copied the value that the user gave. TLS has to answer after the peer has ended.
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

/** Checks the client's certificate as a `tls.Server` does. */
function serve(secured: TLSSocket, options: SecureServerOptions): TLSSocket {
  const { rejectUnauthorized, requestCert } = options
  const internals = secured as unknown as Internals
  internals._releaseControl()
  secured.on('secure', () => {
    if (requestCert === true) {
      const invalid = internals.ssl?.verifyError()?.code
      // A resumed session passes `verifyError` also where the client gave no certificate.
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
