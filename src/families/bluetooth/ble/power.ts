import { explained, type SocketError } from '../../../core/errors.ts'
import { unavailable } from '../../../engine/kernel-open.ts'
import { step } from '../driver/step.ts'
import { reasonOf } from './errors.ts'
import { forgetNoble } from './load.ts'
import type { Noble } from './noble.ts'

/** An adapter that is there says so within a fraction of a second. */
const POWER_LIMIT = 5000

/**
 * Resolves once the adapter is usable. Rejects with the reason where noble tells one, and after 5 s where it does not:
 *
 * - `EHOSTUNREACH`: there is no adapter, or it is switched off
 * - `EBUSY`: the adapter is up, and HCI_CHANNEL_USER asks for it alone
 * - `EPERM`: the process may not use it
 * - `ERR_FAMILY_UNAVAILABLE`: the adapter knows no BLE
 */
export function poweredOn(noble: Noble, signal: AbortSignal | undefined, address: string): Promise<void> {
  return step<void>({
    signal,
    limit: POWER_LIMIT,
    expired: () => explained('EHOSTUNREACH', 'connect', address, `noble found no adapter within ${POWER_LIMIT} ms`),
    begin: (resolve, reject) => {
      const onState = (state: string): void => {
        if (state === 'poweredOn') resolve()
        const refusal = refusalOf(state, address)
        if (refusal !== undefined) reject(refusal)
      }
      // How noble reports that it could not open the adapter, when it was started by somebody else.
      const onWarning = (text: unknown): void => {
        if (/^Initialization/.test(String(text))) reject(openFailure(noble, text, address))
      }
      noble.on('warning', onWarning)
      try {
        onState(noble.state)
      } catch (error) {
        reject(openFailure(noble, error, address))
      }
      noble.on('stateChange', onState)
      return () => noble.off('stateChange', onState).off('warning', onWarning)
    },
  })
}

function refusalOf(state: string, address: string): SocketError | undefined {
  switch (state) {
    case 'poweredOff':
      return explained('EHOSTUNREACH', 'connect', address, 'the Bluetooth adapter is switched off')
    case 'unauthorized':
      return explained('EPERM', 'connect', address, NOT_ALLOWED)
    case 'unsupported':
      return unavailable(
        'ble',
        'the adapter knows no Bluetooth Low Energy',
        'choose another one by NOBLE_HCI_DEVICE_ID',
      )
    default:
      return undefined
  }
}

const NOT_ALLOWED =
  'the process may not use the adapter; on Linux it needs CAP_NET_RAW and CAP_NET_ADMIN, on macOS the permission Bluetooth'

/**
 * noble could not open the adapter, and cannot be started a second time; another instance may find one that was plugged in
 * meanwhile. The errno stands in the text: `ENODEV, No such device`.
 */
function openFailure(noble: Noble, failure: unknown, address: string): SocketError {
  forgetNoble(noble)
  const reason = reasonOf(failure)
  const [name] = /\bE[A-Z]{3,}\b/.exec(reason.message) ?? []
  switch (name) {
    case 'EPERM':
    case 'EACCES':
      return explained('EPERM', 'connect', address, NOT_ALLOWED, reason)
    case 'EBUSY':
      return explained(
        'EBUSY',
        'connect',
        address,
        'HCI_CHANNEL_USER needs an adapter that is down: hciconfig hci0 down',
        reason,
      )
    default:
      return explained('EHOSTUNREACH', 'connect', address, `noble cannot open an adapter: ${reason.message}`, reason)
  }
}
