import { wrongType, wrongValue } from '../../../core/argument-errors.ts'
import { checkDeadline } from '../../../core/deadline.ts'
import { AbortError, namedSystemError } from '../../../core/errors.ts'
import type { DiscoverOptions } from '../../../core/options.ts'
import { clearTimeout, setTimeout } from '../../../core/timers.ts'
import { parseService } from '../uuid.ts'
import { BluezBus, type Properties } from './bus.ts'
import { type BluetoothDevice, type BluetoothKind, deviceOf } from './device.ts'
import { ADAPTER, adapterOff, DEVICE, type FoundAdapter, poweredAdapter } from './objects.ts'

export interface DeviceDiscoveryOptions extends DiscoverOptions {
  /** What to search for. Default: whatever the adapter can find. */
  readonly kinds?: readonly BluetoothKind[]
  /** The adapter to search with, by name (`hci0`) or address. Default: the first one that is on. */
  readonly adapter?: string
  /** Only devices that announce at least one of these services: UUIDs, or names such as `spp`. */
  readonly services?: readonly string[]
}

/** Properties that change by a sighting and not by anything else. */
const SIGHTED = ['RSSI', 'TxPower', 'ManufacturerData', 'ServiceData', 'AdvertisingFlags']

/**
 * Searches for devices nearby, through bluetoothd. Each device is yielded once: when this search first sees it, with what
 * is known of it then, and those that are connected already at once, since they may not answer a search. A device that has
 * not told its name, or the service that is asked for, when it is first seen, is yielded without the one, and not before
 * the other.
 *
 * Ends normally after `options.timeout`; leaving the loop ends the search too. Throws an `AbortError` on abort,
 * `ERR_FAMILY_UNAVAILABLE` without bluetoothd or adapter, `ENETDOWN` when the adapter is off, or is turned off, `ENODEV`
 * when there is no such adapter, or it is unplugged.
 */
export async function* discoverDevices(
  options: DeviceDiscoveryOptions = {},
): AsyncGenerator<BluetoothDevice, void, undefined> {
  checkDeadline(options)
  const { kinds, services } = checkSearch(options)
  const { signal, timeout } = options
  if (signal?.aborted) throw new AbortError(signal.reason)
  const stop = new AbortController()
  const onAbort = (): void => stop.abort(new AbortError(signal?.reason))
  signal?.addEventListener('abort', onAbort, { once: true })
  const expire = (): void => stop.abort(EXPIRED)
  const timer = timeout === undefined ? undefined : setTimeout(expire, timeout)
  let bus: BluezBus | undefined
  try {
    bus = await BluezBus.open(stop.signal)
    const adapter = poweredAdapter(bus, options.adapter, 'discover')
    const sightings = new Sightings(bus, adapter, kinds, services, stop)
    await sightings.begin()
    yield* sightings.all()
  } catch (error) {
    if (error !== EXPIRED) throw error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    await bus?.close()
  }
}

/** Why a search stops that was to last so long. */
const EXPIRED = Symbol('expired')

interface Search {
  readonly kinds: readonly BluetoothKind[]
  readonly services: readonly string[]
}

function checkSearch({ kinds = ['bredr', 'le'], services = [], adapter }: DeviceDiscoveryOptions): Search {
  if (!Array.isArray(kinds) || kinds.length === 0 || !kinds.every((kind) => kind === 'bredr' || kind === 'le')) {
    throw wrongValue("kinds must be an array of 'bredr' and 'le'")
  }
  if (adapter !== undefined && typeof adapter !== 'string') throw wrongType('adapter must be a name or an address')
  if (!Array.isArray(services)) throw wrongType('services must be an array of UUIDs')
  const uuids = services.map((service) => {
    const uuid = typeof service === 'string' ? parseService(service) : undefined
    if (uuid === undefined) throw wrongValue(`${JSON.stringify(service)} is neither a UUID nor the name of a service`)
    return uuid
  })
  return { kinds: [...new Set<BluetoothKind>(kinds)], services: uuids }
}

/** One search over one connection to bluetoothd, which ends it when the connection ends. */
class Sightings {
  readonly #bus: BluezBus
  readonly #adapter: FoundAdapter
  readonly #only: BluetoothKind | undefined
  readonly #services: readonly string[]
  /** Aborted by whatever ends the search, that being its reason. */
  readonly #stop: AbortController
  readonly #yielded = new Set<string>()
  readonly #found: BluetoothDevice[] = []
  #wake: (() => void) | undefined

  constructor(
    bus: BluezBus,
    adapter: FoundAdapter,
    kinds: readonly BluetoothKind[],
    services: readonly string[],
    stop: AbortController,
  ) {
    this.#bus = bus
    this.#adapter = adapter
    this.#only = kinds.length === 1 ? kinds[0] : undefined
    this.#services = services
    this.#stop = stop
  }

  async begin(): Promise<void> {
    const { objects } = this.#bus
    objects.on('added', (path: string, interfaces: Record<string, Properties>) => {
      if (interfaces[DEVICE] !== undefined) this.#sighted(path)
    })
    objects.on('changed', (path: string, name: string, changed: Properties) => this.#changed(path, name, changed))
    objects.on('removed', (path: string, names: string[]) => {
      if (path === this.#adapter.path && names.includes(ADAPTER)) {
        this.#stop.abort(namedSystemError('ENODEV', 'discover', this.#adapter.id))
      }
    })
    this.#bus.onLost((error) => this.#stop.abort(error))
    this.#stop.signal.addEventListener('abort', () => this.#wake?.(), { once: true })
    const options = { signal: this.#stop.signal, address: this.#adapter.id }
    const { path } = this.#adapter
    await this.#bus.call(path, ADAPTER, 'SetDiscoveryFilter', 'a{sv}', [this.#filter()], options)
    await this.#bus.call(path, ADAPTER, 'StartDiscovery', '', [], options)
    for (const [path, { Connected }] of Object.entries(objects.filter(DEVICE))) {
      if (Connected === true) this.#sighted(path)
    }
  }

  #filter(): [string, [string, unknown]][] {
    return [
      ['Transport', ['s', this.#only ?? 'auto']],
      ...(this.#services.length === 0 ? [] : [['UUIDs', ['as', this.#services]] as [string, [string, unknown]]]),
    ]
  }

  #changed(path: string, name: string, changed: Properties): void {
    if (name === DEVICE) {
      const isSighting = SIGHTED.some((property) => property in changed)
      // What made a device fit may come after it was first seen.
      const isNews = 'UUIDs' in changed && this.#bus.objects.get(path)?.[DEVICE]?.RSSI !== undefined
      if (isSighting || isNews || changed.Connected === true) this.#sighted(path)
    } else if (name === ADAPTER && path === this.#adapter.path && changed.Powered === false) {
      this.#stop.abort(adapterOff('discover', this.#adapter.id))
    }
  }

  /** bluetoothd merges the filters of all its clients, so that what it reports need not fit ours. */
  #sighted(path: string): void {
    const properties = this.#bus.objects.get(path)?.[DEVICE]
    if (properties === undefined || properties.Adapter !== this.#adapter.path || this.#yielded.has(path)) return
    const device = deviceOf(properties, this.#only)
    if (this.#only !== undefined && !device.kinds.includes(this.#only)) return
    if (this.#services.length > 0 && !this.#services.some((uuid) => device.services.includes(uuid))) return
    this.#yielded.add(path)
    this.#found.push(device)
    this.#wake?.()
  }

  /** Device by device; throws what ends the search. */
  async *all(): AsyncGenerator<BluetoothDevice, void, undefined> {
    for (;;) {
      const device = this.#found.shift()
      if (device !== undefined) yield device
      else if (this.#stop.signal.aborted) throw this.#stop.signal.reason
      else await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }
}
