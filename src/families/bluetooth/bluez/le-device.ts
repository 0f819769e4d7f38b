import { SocketError } from '../../../core/errors.ts'
import { step } from '../driver/step.ts'
import type { BluezBus, CallOptions } from './bus.ts'
import { named } from './errors.ts'
import { ADAPTER, DEVICE, type FoundAdapter, pathOfDevice } from './objects.ts'

/** A device that is not heard within this many milliseconds is not there. */
const SEARCH_LIMIT = 20_000

/** How long bluetoothd may take to show a connection that it has told of, and how often one is made. */
const SEEN_LIMIT = 3000
const ATTEMPTS = 3

/** To tell which services it has. */
const RESOLVE_LIMIT = 30_000

/** A device that bluetoothd is connected to, and whose services it knows. */
export interface ConnectedDevice {
  readonly path: string
  /** Whether the connection was not there before, and hence is ours to end. */
  readonly isOurs: boolean
}

/**
 * Has bluetoothd connect to a device, which is searched for where bluetoothd does not know it. Rejects with `EHOSTDOWN` where
 * it is not heard or does not answer, `EBUSY` where another program is connecting, `ETIMEDOUT`, `ECONNRESET` where it goes before it has told its services, and with
 * `signal.reason`; what was begun is then ended.
 */
export async function connectDevice(
  bus: BluezBus,
  adapter: FoundAdapter,
  bdaddr: string,
  signal: AbortSignal | undefined,
  address: string,
): Promise<ConnectedDevice> {
  const path = pathOfDevice(bus, adapter, bdaddr) ?? (await search(bus, adapter, bdaddr, signal, address))
  const isOurs = bus.objects.get(path)?.[DEVICE]?.Connected !== true
  try {
    if (isOurs) await connect(bus, path, signal, address)
    await resolved(bus, path, signal, address)
    return { path, isOurs }
  } catch (error) {
    // It ends a connect that is under way, too, which is not for us to end where it is somebody else's.
    const isOthers = error instanceof SocketError && error.code === 'EBUSY'
    if (isOurs && !isOthers) await disconnectDevice(bus, path)
    throw error
  }
}

/** Device1.Disconnect: for everybody on this machine. Resolves when it is over, whatever became of it. */
export async function disconnectDevice(bus: BluezBus, path: string): Promise<void> {
  await bus.call(path, DEVICE, 'Disconnect', '', [], { timeout: 5000 }).catch(() => undefined)
}

async function search(
  bus: BluezBus,
  adapter: FoundAdapter,
  bdaddr: string,
  signal: AbortSignal | undefined,
  address: string,
): Promise<string> {
  const options: CallOptions = { signal, address }
  const filter = [['Transport', ['s', 'le']]]
  await bus.call(adapter.path, ADAPTER, 'SetDiscoveryFilter', 'a{sv}', [filter], options)
  await bus.call(adapter.path, ADAPTER, 'StartDiscovery', '', [], options)
  try {
    const expired = (): Error => named('EHOSTDOWN', 'connect', address, 'the device was not heard; does it advertise?')
    return await until(bus, () => pathOfDevice(bus, adapter, bdaddr), SEARCH_LIMIT, expired, signal)
  } finally {
    // An adapter that searches has little time for connections.
    await bus.call(adapter.path, ADAPTER, 'StopDiscovery', '', [], { address }).catch(() => undefined)
  }
}

/** bluetoothd says that it is connected also where the link was lost at once, as it may be on the air: then once more. */
async function connect(bus: BluezBus, path: string, signal: AbortSignal | undefined, address: string): Promise<void> {
  const isConnected = (): true | undefined => (bus.objects.get(path)?.[DEVICE]?.Connected === true ? true : undefined)
  const lost = named('EHOSTDOWN', 'connect', address, 'the connection was lost each time')
  for (let attempt = 1; ; attempt++) {
    await bus.call(path, DEVICE, 'Connect', '', [], { signal, address })
    try {
      await until(bus, isConnected, SEEN_LIMIT, () => lost, signal)
      return
    } catch (error) {
      if (error !== lost || attempt === ATTEMPTS) throw error
    }
  }
}

async function resolved(bus: BluezBus, path: string, signal: AbortSignal | undefined, address: string): Promise<void> {
  const look = (): true | undefined => {
    const { Connected, ServicesResolved } = bus.objects.get(path)?.[DEVICE] ?? {}
    if (Connected !== true) throw named('ECONNRESET', 'connect', address, 'the device has gone again')
    return ServicesResolved === true ? true : undefined
  }
  const expired = (): Error => named('ETIMEDOUT', 'connect', address, 'the device does not tell its services')
  await until(bus, look, RESOLVE_LIMIT, expired, signal)
}

/** Resolves with what `look` finds, which is asked now and at each change of an object. */
function until<T>(
  bus: BluezBus,
  look: () => T | undefined,
  limit: number,
  expired: () => Error,
  signal: AbortSignal | undefined,
): Promise<T> {
  return step<T>({
    signal,
    limit,
    expired,
    begin: (resolve, reject) => {
      const check = (): void => {
        try {
          const found = look()
          if (found !== undefined) resolve(found)
        } catch (error) {
          reject(error as Error)
        }
      }
      const forget = bus.onLost(reject)
      bus.objects.on('added', check).on('changed', check).on('removed', check)
      check()
      return () => {
        forget()
        bus.objects.removeListener('added', check).removeListener('changed', check).removeListener('removed', check)
      }
    },
  })
}
