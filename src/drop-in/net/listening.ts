import type { AddressBase } from '../../core/address.ts'
import type { AddressFamily, ListenerHandle } from '../../core/family.ts'
import type { ListenRequest } from '../../core/options.ts'
import { pipeAddress, pipeFamily, tcpAddress, tcpFamily, type Wording } from './addresses.ts'
import { listenOnDescriptor } from './descriptors.ts'
import type { ListeningHandle } from './foreign-listener.ts'
import { isLibuvSince } from './libuv.ts'
import type { Place } from './listen-options.ts'
import { ServerHandle } from './server-handle.ts'
import { failureIn, listenError, pipeFailure } from './system-errors.ts'

/** Where a server listens; its host is an IP address by now. */
export type NumericPlace = Exclude<Place, { by: 'handle' }>

interface Opened {
  readonly wording: Wording
  readonly handle: ListenerHandle<AddressBase> | Promise<ListenerHandle<AddressBase>>
}

const ANY_IPV6 = '::'
const ANY_IPV4 = '0.0.0.0'

/** Opens what a server listens with: at once where the engine can. Throws or rejects with the error to emit. */
export function openListener(
  place: NumericPlace,
  backlog: number,
  signal: AbortSignal,
): ListeningHandle | Promise<ListeningHandle> {
  if (place.by === 'port' && place.host === undefined) return listenOnAny(place, backlog, signal)
  try {
    const { wording, handle } = open(place, backlog, signal)
    if (!(handle instanceof Promise)) return new ServerHandle(wording, handle)
    return handle.then(
      (late) => new ServerHandle(wording, late),
      (error: Error) => Promise.reject(describe(error, place)),
    )
  } catch (error) {
    throw describe(error as Error, place)
  }
}

/** IPv6, which takes IPv4 as well; or IPv4 alone, where IPv6 cannot be had. */
function listenOnAny(
  place: Extract<Place, { by: 'port' }>,
  backlog: number,
  signal: AbortSignal,
): ListeningHandle | Promise<ListeningHandle> {
  const onIPv4 = (error: unknown): ListeningHandle | Promise<ListeningHandle> => {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw error
    return openListener({ ...place, host: ANY_IPV4 }, backlog, signal)
  }
  try {
    const handle = openListener({ ...place, host: ANY_IPV6 }, backlog, signal)
    return handle instanceof Promise ? handle.catch(onIPv4) : handle
  } catch (error) {
    return onIPv4(error)
  }
}

function open(place: NumericPlace, backlog: number, signal: AbortSignal): Opened {
  const request = (options: object) => ({
    signal,
    engine: undefined,
    local: undefined,
    backlog,
    options: { ...options },
  })
  switch (place.by) {
    case 'fd':
      return listenOnDescriptor(place.fd, backlog)
    case 'port': {
      const address = tcpAddress(place.host ?? ANY_IPV6, place.port)
      return { wording: 'tcp', handle: listen(tcpFamily, address, request(place.options)) }
    }
    case 'path':
      return { wording: 'pipe', handle: listen(pipeFamily, pipeAddress(place.path), request(modeOf(place.mode))) }
    case 'address': {
      const { family, address } = place.resolved
      return { wording: 'address', handle: listen(family, address, request({})) }
    }
  }
}

function listen(
  family: AddressFamily<AddressBase>,
  address: AddressBase,
  request: ListenRequest<AddressBase>,
): ListenerHandle<AddressBase> | Promise<ListenerHandle<AddressBase>> {
  const listener = family.listenSync?.(address, request) ?? family.listen?.(address, request)
  if (listener === undefined) throw new TypeError(`${family.name} cannot listen`)
  return listener
}

/**
 * The mode of the socket file with `readableAll` and `writableAll`. Libuv adds their permissions to those that the umask
 * leaves; since 1.51 the file has theirs alone.
 */
function modeOf(added: number): { mode?: number } {
  if (added === 0) return {}
  return { mode: isLibuvSince(51) ? added : (0o777 & ~process.umask()) | added }
}

function describe(error: Error, place: NumericPlace): Error {
  switch (place.by) {
    case 'fd':
      return listenError(failureIn(error), null, null)
    case 'port':
      return listenError(failureIn(error), place.host, place.port)
    case 'path':
      return listenError(pipeFailure(error, place.path, 'bind'), place.path, -1)
    case 'address':
      return error
  }
}
