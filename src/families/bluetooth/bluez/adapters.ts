import { wrongNumber } from '../../../core/argument-errors.ts'
import { checkDeadline, type DeadlineOptions, withDeadline } from '../../../core/deadline.ts'
import { type BluezBus, withBluez } from './bus.ts'
import { ADAPTER, allAdapters, type FoundAdapter } from './objects.ts'

export interface DiscoverableOptions extends DeadlineOptions {
  /** Milliseconds until it hides again, rounded up to seconds; 0 for never. Default: what it is set to, 3 minutes mostly. */
  readonly duration?: number
}

/** An adapter of this machine, as it was when it was listed: org.bluez.Adapter1, doc/adapter-api.txt of BlueZ. */
export interface BluetoothAdapter {
  /** `hci0` */
  readonly id: string
  readonly address: string
  /** What the system calls it. */
  readonly name: string
  /** What it is called in the air. */
  readonly alias: string
  readonly powered: boolean
  /** Whether searches of others find it. */
  readonly discoverable: boolean
  /** Whether others may ask to be paired. */
  readonly pairable: boolean
  /** Whether somebody is searching with it. */
  readonly discovering: boolean
  /** Turns it on or off, for everybody on this machine. */
  setPowered(on: boolean, options?: DeadlineOptions): Promise<void>
  /** Rejects with `ENETDOWN` where it is off. */
  setDiscoverable(on: boolean, options?: DiscoverableOptions): Promise<void>
  setPairable(on: boolean, options?: DeadlineOptions): Promise<void>
  /** An empty alias brings back the system's name. */
  setAlias(alias: string, options?: DeadlineOptions): Promise<void>
}

/** The adapters of this machine, by number. Rejects with `ERR_FAMILY_UNAVAILABLE` without bluetoothd. */
export function adapters(options: DeadlineOptions = {}): Promise<BluetoothAdapter[]> {
  checkDeadline(options)
  const list = async (bus: BluezBus): Promise<BluetoothAdapter[]> => allAdapters(bus).map(adapterOf)
  return withDeadline(
    options,
    'adapters',
    undefined,
    (signal) => withBluez(signal, list),
    () => undefined,
  )
}

function adapterOf({ path, id, properties }: FoundAdapter): BluetoothAdapter {
  const set = (options: DeadlineOptions, ...values: [string, [string, unknown]][]): Promise<void> => {
    checkDeadline(options)
    return withDeadline(
      options,
      'set',
      id,
      (signal) =>
        withBluez(signal, async (bus) => {
          for (const [property, value] of values) await bus.set(path, ADAPTER, property, value, { signal, address: id })
        }),
      () => undefined,
    )
  }
  return {
    id,
    address: String(properties.Address),
    name: String(properties.Name),
    alias: String(properties.Alias),
    powered: properties.Powered === true,
    discoverable: properties.Discoverable === true,
    pairable: properties.Pairable === true,
    discovering: properties.Discovering === true,
    setPowered: (on, options = {}) => set(options, ['Powered', ['b', on]]),
    async setDiscoverable(on, options = {}) {
      const { duration } = options
      if (duration !== undefined && !(typeof duration === 'number' && duration >= 0 && duration < 2 ** 31)) {
        throw wrongNumber(duration, 'duration must be a number of milliseconds, 0 or more')
      }
      const limit: [string, [string, unknown]][] =
        duration === undefined ? [] : [['DiscoverableTimeout', ['u', Math.ceil(duration / 1000)]]]
      await set(options, ...limit, ['Discoverable', ['b', on]])
    },
    setPairable: (on, options = {}) => set(options, ['Pairable', ['b', on]]),
    setAlias: (alias, options = {}) => set(options, ['Alias', ['s', alias]]),
  }
}
