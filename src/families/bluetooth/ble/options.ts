import { inspect } from 'node:util'
import { SocketError, unsupported } from '../../../core/errors.ts'
import type { OpenRequest } from '../../../core/options.ts'
import type { BleAddress } from '../address.ts'
import { isNoble, type Noble } from './noble.ts'

/** How to go on when the device was there and the connection still did not come about (HCI's 0x3e, a matter of luck on the air). */
export interface BleRetry {
  /** How often to try, the first time included. Default 3. */
  readonly attempts?: number
  /** Milliseconds between two attempts. Default 250. */
  readonly delay?: number
}

/** Options of `connect` with a `ble` address. */
export interface BleSocketOptions {
  /** ble: the instance of @abandonware/noble or @stoprocent/noble to use. Default: one of our own, made on first use. */
  noble?: object
  /** ble: when to try again. */
  retry?: BleRetry
  /**
   * ble: whether each write is answered by the device. Default: only where the characteristic knows no other way. Without,
   * several times as much goes through, and the device is asked now and then whether it is still there.
   */
  withResponse?: boolean
}

export interface BleOptions {
  readonly noble: Noble | undefined
  readonly attempts: number
  readonly delay: number
  readonly withResponse: boolean | undefined
}

const DEFAULT_ATTEMPTS = 3
const DEFAULT_DELAY = 250

/** Throws a `TypeError` for an option of the wrong type, `ERR_OPTION_UNKNOWN`, `ERR_UNSUPPORTED`. */
export function readBleOptions({ engine, local, options }: OpenRequest<BleAddress>): BleOptions {
  if (engine !== undefined) throw unsupported(`engine ${engine} for ble`, 'noble moves its bytes; leave the engine out')
  if (local !== undefined) throw unsupported('a local address for ble', 'noble uses the adapter of NOBLE_HCI_DEVICE_ID')
  const { noble, retry = {}, withResponse, ...others } = options
  for (const name of Object.keys(others)) throw unknownBleOption(name)
  if (noble !== undefined && !isNoble(noble)) throw new TypeError('noble must be an instance of @abandonware/noble')
  if (withResponse !== undefined && typeof withResponse !== 'boolean') {
    throw new TypeError('withResponse must be a boolean')
  }
  return { noble, withResponse, ...readRetry(retry) }
}

export function unknownBleOption(option: unknown): SocketError {
  const name = typeof option === 'string' ? option : inspect(option)
  return new SocketError('ERR_OPTION_UNKNOWN', `ble has no option ${name}; it has noble, retry and withResponse`)
}

function readRetry(retry: unknown): { attempts: number; delay: number } {
  if (typeof retry !== 'object' || retry === null) throw new TypeError('retry must be an object')
  const { attempts = DEFAULT_ATTEMPTS, delay = DEFAULT_DELAY } = retry as { [key in keyof BleRetry]: unknown }
  if (typeof attempts !== 'number' || !Number.isInteger(attempts) || attempts < 1) {
    throw new TypeError('retry.attempts must be a whole number, 1 or more')
  }
  if (typeof delay !== 'number' || !(delay >= 0 && delay < 2 ** 31)) {
    throw new TypeError('retry.delay must be a number of milliseconds, 0 or more')
  }
  return { attempts, delay }
}
