import { EventEmitter } from 'node:events'
import { expect, test, vi } from 'vitest'
import { completeUserChannel, isUnplugged, sleep, wake } from '../../src/families/bluetooth/ble/internals.ts'
import { isNoble } from '../../src/families/bluetooth/ble/noble.ts'
import { ScriptedNoble } from './ble-scripted.ts'

/** noble's own, as far as it matters here: a socket that is polled, and in raw mode a timer that begins itself anew. */
class ScriptedHci {
  readonly _socket = { start: vi.fn(), stop: vi.fn() }
  readonly _userChannel: boolean
  polls = 0

  constructor(userChannel: boolean) {
    this._userChannel = userChannel
  }

  pollIsDevUp(): void {
    this.polls++
  }
}

function nobleWith(hci: ScriptedHci): ScriptedNoble {
  return Object.assign(new ScriptedNoble(), { _bindings: { _hci: hci } })
}

test('asleep noble neither polls its socket nor begins its timer anew; awake it does both again', () => {
  const hci = new ScriptedHci(false)
  const noble = nobleWith(hci)
  const next = (): void => hci.pollIsDevUp()
  next()
  sleep(noble)
  next()
  expect([hci.polls, hci._socket.stop.mock.calls.length, hci._socket.start.mock.calls.length]).toEqual([1, 1, 0])
  wake(noble)
  expect([hci.polls, hci._socket.start.mock.calls.length]).toEqual([2, 1])
  next()
  expect(hci.polls).toBe(3)
})

test('in user channel mode there is no timer to begin', () => {
  const hci = new ScriptedHci(true)
  const noble = nobleWith(hci)
  sleep(noble)
  wake(noble)
  expect(hci.polls).toBe(0)
})

test('a noble of another make is left alone', () => {
  for (const _bindings of [undefined, {}, { _hci: {} }, { _hci: null }]) {
    const noble = Object.assign(new ScriptedNoble(), { _bindings })
    for (const touch of [sleep, wake, completeUserChannel, isUnplugged]) expect(() => touch(noble)).not.toThrow()
  }
})

test('what is no noble is told apart', () => {
  expect(isNoble(new ScriptedNoble())).toBe(true)
  for (const value of [undefined, null, 5, 'noble', {}, new EventEmitter()]) expect(isNoble(value)).toBe(false)
})
