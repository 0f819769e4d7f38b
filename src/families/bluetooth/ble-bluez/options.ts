import { inspect } from 'node:util'
import { SocketError, unsupported } from '../../../core/errors.ts'
import type { OpenRequest } from '../../../core/options.ts'
import type { BleAddress } from '../address.ts'

/** Options of `connect` with a `ble` address and the driver `bluez`. */
export interface BleBluezSocketOptions {
  /** ble, driver bluez: the adapter, by name (`hci0`) or address. Default: the first one that is on. */
  adapter?: string
}

/** Throws a `TypeError` for an option of the wrong type, `ERR_OPTION_UNKNOWN`, `ERR_UNSUPPORTED`. */
export function readBleBluezOptions({ engine, local, options }: OpenRequest<BleAddress>): BleBluezSocketOptions {
  if (engine !== undefined) throw unsupported(`engine ${engine} for ble`, 'bluetoothd moves its bytes')
  if (local !== undefined) throw unsupported('a local address for ble', 'name the adapter by the option adapter')
  const { driver, adapter, ...others } = options
  for (const name of Object.keys(others)) throw unknownBleBluezOption(name)
  if (driver !== undefined && driver !== 'bluez')
    throw new TypeError(`the driver must be 'bluez', not ${inspect(driver)}`)
  if (adapter === undefined) return {}
  if (typeof adapter !== 'string') throw new TypeError('adapter must be a name or an address')
  return { adapter }
}

export function unknownBleBluezOption(option: unknown): SocketError {
  const name = typeof option === 'string' ? option : inspect(option)
  return new SocketError('ERR_OPTION_UNKNOWN', `ble by the driver bluez has no option ${name}; it has adapter`)
}
