import { inspect } from 'node:util'
import { wrongType } from '../../../core/argument-errors.ts'
import { SocketError, unsupported } from '../../../core/errors.ts'
import type { OpenRequest } from '../../../core/options.ts'
import type { BleAddress } from '../address.ts'
import { isNoble, type Noble } from './noble.ts'

/** Options of `connect` with a `ble` address. */
export interface BleSocketOptions {
  /** ble: the instance of @abandonware/noble or @stoprocent/noble to use. Default: one of our own, made on first use. */
  noble?: object
  /**
   * ble: whether each write is answered by the device. Default: only where the characteristic knows no other way. Without,
   * several times as much goes through, and the device is asked now and then whether it is still there.
   */
  withResponse?: boolean
}

export interface BleOptions {
  readonly noble: Noble | undefined
  readonly withResponse: boolean | undefined
}

/** Throws a `TypeError` for an option of the wrong type, `ERR_OPTION_UNKNOWN`, `ERR_UNSUPPORTED`. */
export function readBleOptions({ engine, local, options }: OpenRequest<BleAddress>): BleOptions {
  if (engine !== undefined) throw unsupported(`engine ${engine} for ble`, 'noble moves its bytes; leave the engine out')
  if (local !== undefined) throw unsupported('a local address for ble', 'noble uses the adapter of NOBLE_HCI_DEVICE_ID')
  const { noble, withResponse, ...others } = options
  for (const name of Object.keys(others)) throw unknownBleOption(name)
  if (noble !== undefined && !isNoble(noble)) throw wrongType('noble must be an instance of @abandonware/noble')
  if (withResponse !== undefined && typeof withResponse !== 'boolean') {
    throw wrongType('withResponse must be a boolean')
  }
  return { noble, withResponse }
}

export function unknownBleOption(option: unknown): SocketError {
  const name = typeof option === 'string' ? option : inspect(option)
  return new SocketError('ERR_OPTION_UNKNOWN', `ble has no option ${name}; it has noble and withResponse`)
}
