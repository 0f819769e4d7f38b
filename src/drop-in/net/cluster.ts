import { isIP, Socket, type SocketConstructorOpts } from 'node:net'
import { askPrimary, isWorker } from '../cluster.ts'
import { failure, failureOf } from '../errors/failure.ts'
import { placedError } from '../errors/system-error.ts'
import type { SocketName } from './addresses.ts'
import { type ForeignListener, type ListeningHandle, listenOnHandle } from './foreign-listener.ts'
import type { NumericPlace } from './listening.ts'

/** What a worker asks its primary for. */
interface Query {
  readonly address: string | null
  readonly port: number | null
  readonly addressType: number | null
  readonly fd?: number
  readonly flags?: number
  readonly backlog: number
}

/** For a path, which has neither. */
const NONE = -1
const IPV6_ONLY = 1

/** Whether this is a worker of node:cluster, where the primary listens, for all workers. */
export function isShared(place: NumericPlace, exclusive: boolean): boolean {
  return !exclusive && place.by !== 'address' && isWorker()
}

/** Resolves to the primary's handle, or one that stands for it. Rejects with the error to emit. */
export function listenShared(server: object, place: NumericPlace, backlog: number): Promise<ListeningHandle> {
  const query = queryOf(place, backlog)
  return new Promise((resolve, reject) => {
    askPrimary<Query, ForeignListener>(server, query, (error, handle) => {
      const result = !handle || error !== 0 ? error : checkPort(handle, query.port)
      if (!handle || result !== 0) {
        handle?.close()
        reject(placedError(failureOf(result), 'bind', query.address ?? '', query.port ?? undefined))
        return
      }
      try {
        listenOnHandle(handle, backlog, query.address, query.port)
        // By it a worker that is told to disconnect finds the servers to close.
        Object.assign(handle, { [ownerSymbol()]: server })
        resolve(handle)
      } catch (refusal) {
        reject(refusal)
      }
    })
  })
}

/** The symbol by which Node's handles know what holds them: Node's own socket puts it on whatever handle it is given. */
function ownerSymbol(): symbol {
  const handle = {}
  new Socket({ handle, manualStart: true } as SocketConstructorOpts)
  return Object.getOwnPropertySymbols(handle)[0] ?? Symbol('owner')
}

function queryOf(place: NumericPlace, backlog: number): Query {
  switch (place.by) {
    case 'fd':
      return { address: null, port: null, addressType: null, fd: place.fd, backlog }
    case 'port': {
      const addressType = place.host === undefined ? 4 : isIP(place.host)
      const flags = place.options.ipv6Only ? IPV6_ONLY : 0
      return { address: place.host ?? null, port: place.port, addressType, flags, backlog }
    }
    default:
      return { address: place.by === 'path' ? place.path : null, port: NONE, addressType: NONE, backlog }
  }
}

/** A bind that failed without saying so leaves the socket at another port. */
function checkPort(handle: ForeignListener, port: number | null): number {
  const name: SocketName = {}
  const result = port !== null && port > 0 ? (handle.getsockname?.(name) ?? 0) : 0
  return result === 0 && name.port !== undefined && name.port !== port ? failure('EADDRINUSE').errno : result
}
