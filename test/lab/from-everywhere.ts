import { readFileSync } from 'node:fs'
import { beforeEach, describe, onTestFailed } from 'vitest'
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

  describe('from everywhere', () => {
    // An adapter that the kernel holds to be busy shows there with the connection that is in the way.
    beforeEach(() => {
      onTestFailed(() => console.error(kernelConnections()))
    })
    testFamily(`${scheme}, by sockets of the kernel`, family, {
      schemes: [scheme],
      address: () => bluetooth.parse(scheme, `//${home}/0`),
      connections: others.length,
      timeout: TIMEOUT,
    })
  })
}

/** The kernel's own lists: addresses, state (8 is BT_DISCONN; include/net/bluetooth/bluetooth.h), channel or DLCI, credits. */
function kernelConnections(): string {
  const list = (name: string): string => `${name}:\n${readFileSync(`/sys/kernel/debug/bluetooth/${name}`, 'utf8')}`
  return ['rfcomm', 'rfcomm_dlc', 'l2cap'].map(list).join('\n')
}
