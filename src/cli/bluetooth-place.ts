import { type LocalAdapter, localAdapters } from '../families/bluetooth/local-adapters.ts'
import { errorText } from './report.ts'

/** Where a scheme can be tried, or why it cannot. */
export type Place = { readonly address: string } | { readonly reason: string; readonly remedy: string }

/** The lab is a virtual machine with two adapters. */
const IN_THE_LAB = 'or see it in a virtual machine: npm run demo:lab'

/** What helps where the system has no Bluetooth. */
export function orInTheLab(scheme: string, remedy: string): string {
  return scheme === 'ble' ? remedy : `${remedy}, ${IN_THE_LAB}`
}

/**
 * Between two adapters of this machine: the far side listens on the first that is on, and a connection from here goes out
 * from another one by itself, since an adapter does not reach itself.
 */
export async function placeForBluetooth(scheme: string): Promise<Place> {
  if (scheme === 'ble') {
    return {
      reason: 'a device that speaks GATT is needed, and we are none',
      remedy: 'find one by polysocket scan --kind le, and try polysocket cat ble://ADDRESS/nus',
    }
  }
  let adapters: LocalAdapter[]
  try {
    adapters = await localAdapters()
  } catch (error) {
    return { reason: errorText(error), remedy: `load the Bluetooth modules anew, ${IN_THE_LAB}` }
  }
  const [first, ...others] = adapters.filter(({ powered }) => powered)
  if (first !== undefined && others.length > 0) return { address: `${scheme}://${first.address}/0` }
  const on = first === undefined ? 'none is on' : 'one is on'
  return {
    reason: `two Bluetooth adapters are needed, and ${adapters.length === 0 ? 'there is none' : on}`,
    remedy: `plug one in and switch it on (bluetoothctl power on), ${IN_THE_LAB}`,
  }
}
