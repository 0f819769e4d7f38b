import { wrongValue } from '../../../core/argument-errors.ts'
import { checkDeadline, type DeadlineOptions, withDeadline } from '../../../core/deadline.ts'
import { AbortError, explained } from '../../../core/errors.ts'
import { clearTimeout, setTimeout } from '../../../core/timers.ts'
import { ANY, checkBdaddr } from '../bdaddr.ts'
import { offerAgent, type PairingAgent } from './agent.ts'
import { BluezBus, type CallOptions, withBluez } from './bus.ts'
import { ADAPTER, DEVICE, type FoundAdapter, pathOfDevice, poweredAdapter } from './objects.ts'
import { type BluezRegistration, registrationOf } from './registration.ts'

export interface PairingOptions extends DeadlineOptions {
  /** The adapter, by name (`hci0`) or address. Default: the first one that is on. */
  readonly adapter?: string
}

export interface PairOptions extends PairingOptions {
  /** Lets the device use services of ours from then on without asking an agent: `Trusted` of org.bluez.Device1. */
  readonly trust?: boolean
}

/** A device that is not found within this many milliseconds is not there. */
const SEARCH_LIMIT = 30_000

/**
 * Pairs with a device, and keeps the key for later: Device1.Pair, doc/device-api.txt of BlueZ. A device that bluetoothd does
 * not know is searched for first, and has to be discoverable then. `agent` answers the questions of this pairing; without
 * callbacks, pairing goes through with devices that ask nothing.
 *
 * Rejects with `EHOSTDOWN` when the device is not found or does not answer, `EACCES` when it or the agent refused or the
 * numbers differed, `ECANCELED`, `EEXIST` when it is paired already, `ENETDOWN`, `ENODEV`, `ETIMEDOUT`,
 * `ERR_FAMILY_UNAVAILABLE`, or an `AbortError`; the last two of those that end it from here cancel the pairing.
 */
export async function pair(address: string, agent: PairingAgent = {}, options: PairOptions = {}): Promise<void> {
  checkDeadline(options)
  const bdaddr = checkDevice(address)
  await withDeadline(
    options,
    'pair',
    bdaddr,
    (signal) => withBluez(signal, (bus) => pairOver(bus, bdaddr, agent, options, signal)),
    () => undefined,
  )
}

async function pairOver(
  bus: BluezBus,
  address: string,
  agent: PairingAgent,
  { adapter: wanted, trust = false }: PairOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  const adapter = poweredAdapter(bus, wanted, 'pair')
  const options = { signal, address }
  await offerAgent(bus, agent, false, options)
  const path = pathOfDevice(bus, adapter, address) ?? (await search(bus, adapter, address, signal))
  try {
    // However long people take; bluetoothd has limits of its own for the devices.
    await bus.call(path, DEVICE, 'Pair', '', [], { ...options, timeout: 0 })
  } catch (error) {
    if (signal?.aborted) await bus.call(path, DEVICE, 'CancelPairing').catch(() => undefined)
    throw error
  }
  if (trust) await bus.set(path, DEVICE, 'Trusted', ['b', true], options)
}

/** Until bluetoothd has an object for the device. */
async function search(
  bus: BluezBus,
  adapter: FoundAdapter,
  address: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const options: CallOptions = { signal, address }
  let stop = (): void => undefined
  const found = new Promise<string>((resolve, reject) => {
    const look = (): void => {
      const path = pathOfDevice(bus, adapter, address)
      if (path !== undefined) resolve(path)
    }
    const onAbort = (): void => reject(signal?.reason)
    const fail = (): void =>
      reject(explained('EHOSTDOWN', 'pair', address, 'the device was not found; is it discoverable?'))
    const timer = setTimeout(fail, SEARCH_LIMIT)
    const forget = bus.onLost(reject)
    bus.objects.on('added', look)
    signal?.addEventListener('abort', onAbort, { once: true })
    stop = () => {
      clearTimeout(timer)
      forget()
      bus.objects.removeListener('added', look)
      signal?.removeEventListener('abort', onAbort)
    }
  })
  found.catch(() => undefined)
  try {
    await bus.call(adapter.path, ADAPTER, 'StartDiscovery', '', [], options)
    const path = await found
    // An adapter that searches has no time for the pairing.
    await bus.call(adapter.path, ADAPTER, 'StopDiscovery', '', [], options)
    return path
  } finally {
    stop()
  }
}

/**
 * Forgets a device and its key: Adapter1.RemoveDevice, doc/adapter-api.txt of BlueZ. A connection to it ends. The device
 * itself keeps its key. Rejects with `ENOENT` for one that is not known.
 */
export async function unpair(address: string, options: PairingOptions = {}): Promise<void> {
  checkDeadline(options)
  const bdaddr = checkDevice(address)
  const remove = async (bus: BluezBus, signal: AbortSignal | undefined): Promise<void> => {
    const adapter = poweredAdapter(bus, options.adapter, 'unpair')
    const path = pathOfDevice(bus, adapter, bdaddr)
    if (path === undefined) throw explained('ENOENT', 'unpair', bdaddr, `${adapter.id} does not know the device`)
    await bus.call(adapter.path, ADAPTER, 'RemoveDevice', 'o', [path], { signal, address: bdaddr })
  }
  await withDeadline(
    options,
    'unpair',
    bdaddr,
    (signal) => withBluez(signal, (bus) => remove(bus, signal)),
    () => undefined,
  )
}

/**
 * Answers for devices that ask to be paired, or to use a service of ours, until it is closed: the default agent of
 * bluetoothd, doc/agent-api.txt of BlueZ. A desktop's agent comes back when ours is closed.
 */
export async function registerAgent(agent: PairingAgent, options: DeadlineOptions = {}): Promise<BluezRegistration> {
  checkDeadline(options)
  if (options.signal?.aborted) throw new AbortError(options.signal.reason)
  const open = async (signal: AbortSignal | undefined): Promise<BluezBus> => {
    const bus = await BluezBus.open(signal)
    try {
      await offerAgent(bus, agent, true, { signal })
    } catch (error) {
      await bus.close()
      throw error
    }
    bus.onLost(() => agent.release?.())
    return bus
  }
  const bus = await withDeadline(options, 'registerAgent', undefined, open, (late) => void late.close())
  return registrationOf(bus)
}

function checkDevice(address: string): string {
  const bdaddr = checkBdaddr(address, String(address))
  if (bdaddr === ANY) throw wrongValue('the address must be that of a device')
  return bdaddr
}
