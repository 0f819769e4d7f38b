import { expect, test } from 'vitest'
import type { ConnectFailure } from '../../src/engine/kernel-family.ts'
import type { RfcommAddress } from '../../src/families/bluetooth/address.ts'
import { bluetoothDefinition } from '../../src/families/bluetooth/sockets.ts'

// Which refusals of a connect pass; native-notes/bluetooth.md, "One at a time", and test/lab have them of the kernel.

const peer: RfcommAddress = { family: 'bluetooth', scheme: 'rfcomm', bdaddr: 'AA:BB:CC:DD:EE:FF', channel: 3 }

type Socket = Pick<ConnectFailure<RfcommAddress>, 'local' | 'isBound'>
const at = (bdaddr: string): RfcommAddress => ({ ...peer, bdaddr, channel: 0 })
const unconnected: Socket = { local: at('any'), isBound: false }
const connected: Socket = { local: at('00:AA:01:00:00:00'), isBound: false }
const bound: Socket = { ...connected, isBound: true }

/** Whether an RFCOMM connect that failed is tried again. `codes`: as they came, the last one being what is decided about. */
function isTriedAgain(codes: readonly string[], elapsed: number, socket: Socket): boolean {
  const failure = { code: codes.at(-1) as string, elapsed, codes: new Set(codes), ...socket }
  return bluetoothDefinition.retryConnect?.(peer, failure) !== undefined
}

test.each([
  ['EBUSY', 1000],
  ['ECONNREFUSED', 250],
])('%s is tried again for %i ms', (code, limit) => {
  for (const socket of [unconnected, connected, bound]) {
    expect([0, limit - 1, limit].map((elapsed) => isTriedAgain([code], elapsed, socket))).toEqual([true, true, false])
  }
})

test.each([
  ['of a socket without an address is tried again: the connection was not made', ['ECONNRESET'], unconnected, true],
  ['of one that got its address by connecting stands: the peer closed at once', ['ECONNRESET'], connected, false],
  ['of it stands after EBUSY, too', ['EBUSY', 'ECONNRESET'], connected, false],
  ['of one that was bound may be either, and stands', ['ECONNRESET'], bound, false],
  ['of it is tried again where the last connection was in the way', ['EBUSY', 'ECONNRESET'], bound, true],
  ['of it stands after a refusal alone', ['ECONNREFUSED', 'ECONNRESET'], bound, false],
])('a reset %s', (_which, codes, socket, again) => {
  expect(isTriedAgain(codes, 0, socket)).toBe(again)
  expect(isTriedAgain(codes, 250, socket)).toBe(false)
})

test.each(['EHOSTDOWN', 'ETIMEDOUT', 'EACCES'])('%s stands', (code) => {
  expect(isTriedAgain(['EBUSY', code], 0, unconnected)).toBe(false)
})

test('so does all that an L2CAP connect fails with: a PSM takes as many connections as come', () => {
  const l2cap = { family: 'bluetooth', scheme: 'l2cap', bdaddr: peer.bdaddr, psm: 0x1001 } as const
  const failure = { code: 'EBUSY', elapsed: 0, codes: new Set(['EBUSY']), local: undefined, isBound: false }
  expect(bluetoothDefinition.retryConnect?.(l2cap, failure)).toBeUndefined()
})
