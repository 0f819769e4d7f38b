import { expect, test, vi } from 'vitest'
import type { DescriptorPassing, HeldDescriptors, StreamEvents } from '../../src/core/family.ts'
import { READABLE, WRITABLE } from '../../src/engine/addon.ts'
import { KernelStream } from '../../src/engine/kernel-stream.ts'
import { ScriptedAddon, type TestAddress, testKind } from './scripted-addon.ts'

const EINTR = -4
const EAGAIN = -11
const EMFILE = -24
const ETOOMANYREFS = -109
const MSG_CTRUNC = 8

function streamOver(addon: ScriptedAddon) {
  const events = {
    onData: vi.fn<StreamEvents['onData']>(),
    onEnd: vi.fn(),
    onError: vi.fn<StreamEvents['onError']>(),
    wantsFds: vi.fn(() => true),
    onFds: vi.fn<(held: HeldDescriptors) => void>(),
  }
  const stream = new KernelStream<TestAddress>(addon.addon, testKind(), 5)
  stream.start(events)
  return { stream, events, passing: stream.passing as DescriptorPassing }
}

/** What recvfds answers: so many bytes, these descriptors, these flags. */
function arrive(count: number, fds: readonly number[] = [], flags = 0) {
  return (_fd: never, _buffer: never, _offset: never, _length: never, into: Int32Array, meta: Int32Array) => {
    into.set(fds)
    meta.set([fds.length, flags])
    return count
  }
}

test('descriptors go with the first bytes, past EINTR and EAGAIN, and are closed once those are taken', () => {
  const addon = new ScriptedAddon().script('duplicate', 10, 11)
  addon.script('sendmsg', EINTR, EAGAIN, 3).script('send', EAGAIN, 7)
  const { passing } = streamOver(addon)
  const done = vi.fn()
  passing.write(new Uint8Array(10), passing.hold([1, 2]), done)
  expect(addon.closed).toEqual([])
  addon.ready(WRITABLE)
  expect(addon.closed).toEqual([10, 11])
  expect(done).not.toHaveBeenCalled()
  addon.ready(WRITABLE)
  expect(done.mock.calls).toEqual([[null]])
  expect(addon.closed).toEqual([10, 11])
  expect(addon.left()).toEqual([])
})

test('duplicates are closed when one cannot be had, when the system refuses them, and when the stream is closed', () => {
  const addon = new ScriptedAddon().script('duplicate', 10, EMFILE, 12, 13, 14).script('sendmsg', ETOOMANYREFS, EAGAIN)
  const { stream, passing } = streamOver(addon)
  expect(() => passing.hold([1, 2])).toThrow(expect.objectContaining({ code: 'EMFILE', syscall: 'dup' }))
  expect(addon.closed).toEqual([10])
  const done = vi.fn()
  passing.write(new Uint8Array(1), passing.hold([1]), done)
  expect(done.mock.calls).toEqual([[expect.objectContaining({ errno: ETOOMANYREFS, syscall: 'write' })]])
  expect(addon.closed).toEqual([10, 12])
  passing.write(new Uint8Array(1), passing.hold([1]), done)
  stream.close()
  expect(addon.closed).toEqual([10, 12, 13])
  passing.write(new Uint8Array(1), passing.hold([1]), done)
  expect(addon.closed).toEqual([10, 12, 13, 14])
  expect(done).toHaveBeenLastCalledWith(expect.objectContaining({ code: 'ERR_SOCKET_CLOSED' }))
})

test('descriptors that were lost are an error, and their bytes are not delivered', () => {
  const addon = new ScriptedAddon().script('recvfds', EAGAIN, arrive(2, [20]), arrive(3, [], MSG_CTRUNC))
  const { stream, events } = streamOver(addon)
  stream.resume()
  addon.ready(READABLE)
  addon.ready(READABLE)
  addon.ready(READABLE)
  expect(events.onFds.mock.calls.map(([held]) => held.take())).toEqual([[20]])
  expect(events.onData).toHaveBeenCalledTimes(1)
  expect(events.onFds.mock.invocationCallOrder[0]).toBeLessThan(events.onData.mock.invocationCallOrder[0] as number)
  expect(events.onError.mock.calls).toEqual([[expect.objectContaining({ code: 'EMFILE', syscall: 'read' })]])
  expect(addon.waitingFor).toBe(0)
})

test('an error of a read says nothing of the descriptors of the read before', () => {
  const addon = new ScriptedAddon().script('recvfds', arrive(2, [20]), EAGAIN, 0)
  const { stream, events } = streamOver(addon)
  stream.resume()
  for (let i = 0; i < 3; i++) addon.ready(READABLE)
  expect(events.onFds).toHaveBeenCalledTimes(1)
  expect(events.onEnd).toHaveBeenCalledTimes(1)
})

test('whether somebody wants them is asked before each read; another family is not asked at all', () => {
  const addon = new ScriptedAddon().script('recv', 1, 1).script('recvfds', arrive(1))
  const { stream, events } = streamOver(addon)
  events.wantsFds.mockReturnValueOnce(false)
  stream.resume()
  addon.ready(READABLE)
  addon.ready(READABLE)
  expect(addon.calls).toEqual(['recv', 'recvfds'])
  const other = new KernelStream<TestAddress>(addon.addon, { ...testKind(), domain: 2 }, 6)
  other.start(events)
  other.resume()
  addon.ready(READABLE)
  expect(addon.calls).toEqual(['recv', 'recvfds', 'recv'])
  expect(other.passing).toBeUndefined()
})
