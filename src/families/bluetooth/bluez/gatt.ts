import type { Message, MessageBus } from 'dbus-native'
import type { SocketError } from '../../../core/errors.ts'
import type { DatagramHandle } from '../../../core/family.ts'
import { unix } from '../../unix.ts'
import type { BleAddress } from '../address.ts'
import { BLUEZ, type BluezBus } from './bus.ts'
import { takeFd } from './claim.ts'
import { fromBusError, named } from './errors.ts'

const SERVICE = 'org.bluez.GattService1'
const CHARACTERISTIC = 'org.bluez.GattCharacteristic1'

/** The objects of two characteristics. */
export interface CharacteristicPaths {
  readonly write: string
  readonly notify: string
}

/** A characteristic as a socket: a message is a value. */
export interface Acquired {
  readonly socket: DatagramHandle
  /** Of ATT; a write may be 3 bytes shorter. */
  readonly mtu: number
}

/** The characteristics of the address, among the objects of a device whose services are resolved. Throws `ENOTFOUND`. */
export function findCharacteristics(
  bus: BluezBus,
  device: string,
  address: BleAddress,
  text: string,
): CharacteristicPaths {
  const services = Object.entries(bus.objects.filter(SERVICE))
  const service = services.find(([, { Device, UUID }]) => Device === device && UUID === address.service)?.[0]
  if (service === undefined) throw named('ENOTFOUND', 'connect', text, `it has no service ${address.service}`)
  const characteristics = Object.entries(bus.objects.filter(CHARACTERISTIC))
  const find = (uuid: string): string => {
    const path = characteristics.find(([, { Service, UUID }]) => Service === service && UUID === uuid)?.[0]
    if (path === undefined) throw named('ENOTFOUND', 'connect', text, `its service has no characteristic ${uuid}`)
    return path
  }
  return { write: find(address.write), notify: find(address.notify) }
}

/**
 * Has bluetoothd make a socket of a characteristic: `AcquireWrite` and `AcquireNotify` of doc/gatt-api.txt of BlueZ. It lasts
 * until either side closes it, the device is gone, or `bus` leaves. Rejects with `EBUSY` where another program has it,
 * `EOPNOTSUPP` where the characteristic takes no writes without response, or does not notify.
 */
export function acquire(
  bus: MessageBus,
  path: string,
  member: 'AcquireWrite' | 'AcquireNotify',
  signal: AbortSignal | undefined,
  address: string,
): Promise<Acquired> {
  const message: Message = {
    destination: BLUEZ,
    path,
    interface: CHARACTERISTIC,
    member,
    signature: 'a{sv}',
    body: [[]],
  }
  return new Promise((resolve, reject) => {
    function settle(this: { readonly message: Message }, error: Error | null, index: unknown, mtu: unknown): void {
      if (error !== null) {
        reject(signal?.aborted ? signal.reason : refused(error, member, address))
        return
      }
      const fd = takeFd(this.message, index)
      if (fd === undefined) reject(named('EPROTO', member, address, 'bluetoothd answered without a socket'))
      else resolve({ socket: unix.adopt?.(fd) as DatagramHandle, mtu: mtu as number })
    }
    bus.invoke(message, signal === undefined ? {} : { signal }, settle)
  })
}

function refused(error: Error, member: string, address: string): SocketError {
  const failure = fromBusError(error, member, address)
  return failure.code === 'EPERM'
    ? named('EBUSY', member, address, 'another program has the characteristic', error)
    : failure
}
