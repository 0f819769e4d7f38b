import { expect, test } from 'vitest'
import type { RfcommAddress } from '../../src/families/bluetooth/address.ts'
import { bluetoothDefinition } from '../../src/families/bluetooth/sockets.ts'

// Which refusals of a connect pass; native-notes/bluetooth.md, "One at a time", and test/lab have them of the kernel.

const peer: RfcommAddress = { family: 'bluetooth', scheme: 'rfcomm', bdaddr: 'AA:BB:CC:DD:EE:FF', channel: 3 }
const unbound: RfcommAddress = { ...peer, bdaddr: 'any', channel: 0 }
const bound: RfcommAddress = { ...peer, bdaddr: '00:AA:01:00:00:00', channel: 0 }

/** Whether an RFCOMM connect that failed is tried again. `codes`: as they came, the last one being what is decided about. */
function isTriedAgain(codes: readonly string[], elapsed: number, local: RfcommAddress | undefined) {
  const failure = { code: codes.at(-1) as string, elapsed, codes: new Set(codes), local }
  return bluetoothDefinition.retryConnect?.(peer, failure) !== undefined
}

test.each([
  ['EBUSY', 1000],
  ['ECONNREFUSED', 250],
])('%s is tried again for %i ms', (code, limit) => {
  for (const local of [unbound, bound, undefined]) {
    expect([0, limit - 1, limit].map((elapsed) => isTriedAgain([code], elapsed, local))).toEqual([true, true, false])
  }
})

test.each([
  ['of a socket that the kernel gave no address: the connection was not made', ['ECONNRESET'], unbound, true],
  ['of one that it gave an address by connecting: the peer closed at once', ['ECONNRESET'], bound, false],
  ['of one that was bound, too, unless the last connection was just in the way', ['EBUSY', 'ECONNRESET'], bound, true],
  ['after a refusal alone', ['ECONNREFUSED', 'ECONNRESET'], bound, false],
])('a reset %s', (_which, codes, local, again) => {
  expect(isTriedAgain(codes, 0, local)).toBe(again)
  expect(isTriedAgain(codes, 250, local)).toBe(false)
})

test.each(['EHOSTDOWN', 'ETIMEDOUT', 'EACCES'])('%s stands', (code) => {
  expect(isTriedAgain(['EBUSY', code], 0, unbound)).toBe(false)
})

test('so does all that an L2CAP connect fails with: a PSM takes as many connections as come', () => {
  const l2cap = { family: 'bluetooth', scheme: 'l2cap', bdaddr: peer.bdaddr, psm: 0x1001 } as const
  const failure = { code: 'EBUSY', elapsed: 0, codes: new Set(['EBUSY']), local: undefined }
  expect(bluetoothDefinition.retryConnect?.(l2cap, failure)).toBeUndefined()
})
