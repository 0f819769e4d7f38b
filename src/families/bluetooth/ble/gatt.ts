import { explained, type SocketError, unsupported } from '../../../core/errors.ts'
import type { BleAddress } from '../address.ts'
import { parseUuid, uuidOfNumber } from '../uuid.ts'
import type { Link } from './link.ts'
import type { NobleCharacteristic } from './noble.ts'

/** The two characteristics that carry the stream. */
export interface Characteristics {
  readonly write: NobleCharacteristic
  readonly notify: NobleCharacteristic
  /** Whether the device answers each write. */
  readonly withResponse: boolean
}

/**
 * Finds the characteristics of the address. `ENOTFOUND` where the device has no such service or characteristic,
 * `ERR_UNSUPPORTED` where a characteristic cannot do what it is for.
 */
export async function findCharacteristics(
  link: Link,
  address: BleAddress,
  withResponse: boolean | undefined,
  signal: AbortSignal | undefined,
): Promise<Characteristics> {
  const { peripheral } = link
  // All of them, as the filters of noble compare texts: a short UUID that the device writes out in full would be missed.
  const services = await link.ask(
    'connect',
    'the question for services',
    () => peripheral.discoverServicesAsync([]),
    signal,
  )
  const service = named('service', services, address.service, link.address)
  const found = await link.ask(
    'connect',
    'the question for characteristics',
    () => service.discoverCharacteristicsAsync([]),
    signal,
  )
  const write = named('characteristic', found, address.write, link.address)
  const notify = named('characteristic', found, address.notify, link.address)
  if (!has(notify, 'notify') && !has(notify, 'indicate')) throw incapable(notify, 'notifies of nothing', link.address)
  return { write, notify, withResponse: isAnswered(write, withResponse, link.address) }
}

/** Resolves when the device knows that it is to notify us. What it sends may come before. */
export async function subscribe(
  link: Link,
  notify: NobleCharacteristic,
  onData: (data: Buffer) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const listener = (data: Buffer, isNotification?: boolean): void => {
    if (isNotification !== false) onData(data)
  }
  notify.on('data', listener)
  link.onLost(() => notify.off('data', listener))
  await link.ask('connect', 'the subscription', () => notify.subscribeAsync(), signal)
}

function named<T extends { readonly uuid: string }>(what: string, all: readonly T[], uuid: string, address: string): T {
  const found = all.find((one) => wholeUuid(one.uuid) === uuid)
  if (found !== undefined) return found
  const others = all.map((one) => one.uuid).join(', ')
  throw explained('ENOTFOUND', 'connect', address, `the device has no ${what} ${uuid}, only: ${others || 'none'}`)
}

/** noble writes short ones as numbers without leading zeros, and whole ones without dashes. */
function wholeUuid(uuid: string): string | undefined {
  return /^[0-9a-f]{1,8}$/i.test(uuid) ? uuidOfNumber(Number.parseInt(uuid, 16)) : parseUuid(uuid)
}

/** Without answers where there is a choice. */
function isAnswered(write: NobleCharacteristic, wanted: boolean | undefined, address: string): boolean {
  const [answered, unanswered] = [has(write, 'write'), has(write, 'writeWithoutResponse')]
  if (!answered && !unanswered) throw incapable(write, 'cannot be written to', address)
  if (wanted === true && !answered) throw incapable(write, 'knows no write with response', address)
  if (wanted === false && !unanswered) throw incapable(write, 'knows no write without response', address)
  return wanted ?? !unanswered
}

function has({ properties }: NobleCharacteristic, property: string): boolean {
  return properties.includes(property)
}

function incapable({ uuid }: NobleCharacteristic, why: string, address: string): SocketError {
  return unsupported(address, `its characteristic ${uuid} ${why}`)
}
