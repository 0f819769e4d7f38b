import type { BluetoothAddress } from '../../src/families/bluetooth/address.ts'
import { bluetooth } from '../../src/families/bluetooth.ts'
import type { AddressFamily, AnyHandle, OpenRequest } from '../../src/index.ts'
import { testFamily } from '../conformance/run.ts'
import { restartControllers } from './support.ts'

const open = bluetooth.connect as NonNullable<typeof bluetooth.connect>

/** Above all for 8 MiB both ways, on a machine that emulates another one. */
const TIMEOUT = 180_000

/**
 * The conformance suite over sockets of the kernel. There is one RFCOMM connection between two adapters on one channel, so
 * that one adapter listens and each connection comes from another one of seven.
 *
 * The adapters are new for each scheme: when a listener is closed while an L2CAP channel to it is being made, Linux 6.12 may
 * keep that channel's number taken for as long as the link is up.
 */
export function testFromEverywhere(scheme: 'rfcomm' | 'l2cap'): void {
  const [home, ...others] = restartControllers(8).map(({ address }) => address)
  let next = 0

  const elsewhere = (): BluetoothAddress => {
    next = (next + 1) % others.length
    return bluetooth.parse(scheme, `//${others[next]}/0`)
  }
  const connect = async (
    address: BluetoothAddress,
    request: OpenRequest<BluetoothAddress>,
  ): Promise<AnyHandle<BluetoothAddress>> => open(address, { ...request, local: request.local ?? elsewhere() })
  const family = { ...bluetooth, connect } as unknown as AddressFamily

  testFamily(`${scheme}, by sockets of the kernel`, family, {
    schemes: [scheme],
    address: () => bluetooth.parse(scheme, `//${home}/0`),
    connections: others.length,
    timeout: TIMEOUT,
  })
}
