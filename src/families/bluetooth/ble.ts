import type { StreamHandle } from '../../core/family.ts'
import type { OpenRequest } from '../../core/options.ts'
import type { BleAddress } from './address.ts'
import { openBle } from './ble/open.ts'
import type { BleSocketOptions } from './ble/options.ts'

export { formatBle, parseBle } from './ble/address-text.ts'
export { bleFacts } from './ble/facts.ts'
export { probeBle } from './ble/load.ts'
export type { BleSocketOptions } from './ble/options.ts'

declare module '../../core/options.ts' {
  interface SocketOptions extends BleSocketOptions {}
}

/**
 * Connects to a pair of characteristics of a device, through noble: `noble` of the options, else @abandonware/noble or
 * @stoprocent/noble, loaded on first use. There is one connection to a device at a time (`EBUSY`), whatever its services.
 *
 * No step lasts for ever: the adapter has 5 s to be there (`EHOSTUNREACH`), the device 20 s to be heard (`EHOSTDOWN`), then 20 s
 * to answer (`ETIMEDOUT`), and 30 s for each question (`ETIMEDOUT`): services, characteristics (`ENOTFOUND` where it has not
 * those of the address), subscription. A signal that fires cancels each of them; what connects late is disconnected. Where the
 * first packets were lost on the air, HCI's 0x3e, it tries up to three times, 250 ms apart, else `EHOSTDOWN`.
 *
 * What the stream does:
 *
 * - Writes are as large as the device takes. Without response (see `withResponse`), at most 16 are unconfirmed at a time.
 * - A device cannot be held up. A reader that does not read may let 1 MiB wait; beyond, the connection is ended with `ENOBUFS`.
 *   On Linux noble reads in the event loop, and the kernel keeps some 200 packets for it: what more comes while the loop stands
 *   still is lost, and nobody is told.
 * - The end of the stream is the device's disconnect. Where noble tells the reason (Linux), a link that was lost is an error
 *   instead, `ETIMEDOUT` mostly; elsewhere it cannot be told from an orderly end.
 * - There is no half close: `end` disconnects, once the device has confirmed what was written.
 * - An open connection keeps the process alive, `unref` or not.
 */
export function connectBle(address: BleAddress, request: OpenRequest<BleAddress>): Promise<StreamHandle<BleAddress>> {
  return openBle(address, request)
}
