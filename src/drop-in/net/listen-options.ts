import type { AddressInput } from '../../core/address.ts'
import type { Resolved } from '../../core/registry.ts'
import { invalidValue } from '../errors/argument-errors.ts'
import { checkPort } from '../errors/checks.ts'
import { streamAddress } from './addresses.ts'
import { refuseBoundSocket } from './bound-socket.ts'
import type { ForeignListener } from './foreign-listener.ts'

/** What `listen` takes, before it is checked. */
export interface ListenOptions {
  port?: number | string | null | undefined
  host?: string | undefined
  path?: string | undefined
  /** An address of ours: text, or an object. */
  address?: AddressInput | undefined
  fd?: number | undefined
  backlog?: number | undefined
  /** In a worker of node:cluster: a socket of its own. */
  exclusive?: boolean | undefined
  ipv6Only?: boolean | undefined
  reusePort?: boolean | undefined
  readableAll?: boolean | undefined
  writableAll?: boolean | undefined
  signal?: AbortSignal | undefined
  handle?: ListenOptions | ForeignListener | undefined
  _handle?: ListenOptions | ForeignListener | undefined
}

/** Where to listen, as asked for. */
export type Place =
  | { readonly by: 'handle'; readonly handle: ForeignListener }
  | { readonly by: 'fd'; readonly fd: number }
  | { readonly by: 'port'; readonly port: number; readonly host: string | undefined; readonly options: TcpOptions }
  | { readonly by: 'path'; readonly path: string; readonly mode: number }
  | { readonly by: 'address'; readonly resolved: Resolved }

export interface TcpOptions {
  readonly ipv6Only?: boolean
  readonly reusePort?: boolean
}

/** The permissions that `readableAll` and `writableAll` add. */
const READABLE = 0o444
const WRITABLE = 0o222

/** Which of the forms of `listen` this is. Throws what Node throws. */
export function readPlace(options: ListenOptions | ForeignListener, args: readonly unknown[]): Place {
  if (isHandle(options)) return { by: 'handle', handle: options }
  refuseBoundSocket(options, 'options')
  if (typeof options.fd === 'number' && options.fd >= 0) return { by: 'fd', fd: options.fd }
  const { path, host, ipv6Only, reusePort } = options
  const port = isAnyPort(options, args) ? 0 : options.port
  if (typeof port === 'number' || typeof port === 'string') {
    const tcp = { ...(host && ipv6Only === true && { ipv6Only }), ...(reusePort === true && { reusePort }) }
    return { by: 'port', port: checkPort(port, 'options.port', '>= 0'), host: host || undefined, options: tcp }
  }
  const resolved = streamAddress(options.address ?? (typeof path === 'string' ? path : undefined))
  if (resolved !== undefined) return { by: 'address', resolved }
  if (typeof path === 'string' && path !== '') return { by: 'path', path, mode: readMode(path, options) }
  const hasPlace = 'port' in options || 'path' in options
  throw invalidValue('options', options, hasPlace ? undefined : 'must have the property "port" or "path"')
}

function isHandle(options: ListenOptions | ForeignListener): options is ForeignListener {
  return 'listen' in options && 'onconnection' in options
}

/** listen(), listen(callback), listen(null), listen(undefined): a port of the system's choice. */
function isAnyPort(options: ListenOptions, args: readonly unknown[]): boolean {
  if (args.length === 0 || typeof args[0] === 'function') return true
  return options.port === null || (options.port === undefined && 'port' in options)
}

function readMode(path: string, options: ListenOptions): number {
  const { readableAll, writableAll } = options
  if (path.startsWith('\0') && (readableAll || writableAll)) {
    throw invalidValue('options', options, 'can not set readableAll or writableAll for an abstract name')
  }
  return (readableAll === true ? READABLE : 0) | (writableAll === true ? WRITABLE : 0)
}
