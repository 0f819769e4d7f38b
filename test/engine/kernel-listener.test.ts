import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { DISCONNECTED, READABLE } from '../../src/engine/addon.ts'
import { KernelListener } from '../../src/engine/kernel-listener.ts'
import { KernelStream } from '../../src/engine/kernel-stream.ts'
import { ScriptedAddon, type TestAddress, testKind } from './scripted-addon.ts'

vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

const EAGAIN = -11
const EMFILE = -24
const EINVAL = -22
const EPERM = -1
const ECONNABORTED = -103
const EHOSTUNREACH = -113

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function listenerOver(addon: ScriptedAddon) {
  const kind = testKind()
  const connections = new ScriptedAddon()
  const wrap = (fd: number, remoteName: string | undefined) =>
    new KernelStream<TestAddress>(connections.addon, kind, fd, remoteName)
  const listener = new KernelListener<TestAddress>(addon.addon, kind, 3, wrap)
  const events = { onAccept: vi.fn(), onError: vi.fn() }
  addon.script('getsockname', 0)
  listener.start(events)
  return { listener, events }
}

test('accepts until the kernel has no more, with the peer that accept told', () => {
  const named = (_fd: never, name: never, length: never) => {
    ;(name as Uint8Array).set([1, 0, 42])
    ;(length as Int32Array)[0] = 3
    return 11
  }
  const addon = new ScriptedAddon().script('accept', named, ECONNABORTED, EPERM, EHOSTUNREACH, 12, EAGAIN)
  const { listener, events } = listenerOver(addon)
  listener.resume()
  addon.ready(READABLE)
  expect(events.onAccept.mock.calls.map(([handle]) => handle.fd)).toEqual([11, 12])
  expect(events.onAccept.mock.calls[0]?.[0].remote).toMatchObject({ bytes: 42 })
})

test('takes nothing before resume and nothing after a pause in between, yet holds the process', () => {
  const addon = new ScriptedAddon().script('accept', 11)
  const { listener, events } = listenerOver(addon)
  expect(addon.waitingFor).toBe(DISCONNECTED)
  listener.resume()
  events.onAccept.mockImplementation(() => listener.pause())
  addon.ready(READABLE)
  expect(events.onAccept).toHaveBeenCalledTimes(1)
  expect(addon.waitingFor).toBe(DISCONNECTED)
})

test('without a free descriptor it looks away for a while, says so, and goes on', () => {
  const addon = new ScriptedAddon().script('accept', EMFILE, 11, EAGAIN)
  const { listener, events } = listenerOver(addon)
  listener.resume()
  addon.ready(READABLE)
  expect(events.onError.mock.calls).toEqual([[expect.objectContaining({ code: 'EMFILE', syscall: 'accept' }), false]])
  expect(addon.waitingFor).toBe(DISCONNECTED)
  vi.runAllTimers()
  expect(addon.waitingFor).toBe(READABLE | DISCONNECTED)
  addon.ready(READABLE)
  expect(events.onAccept).toHaveBeenCalledTimes(1)
})

test('while it looks away its watch keeps the process alive, and no timer does', () => {
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const addon = new ScriptedAddon().script('accept', EMFILE)
  listenerOver(addon).listener.resume()
  addon.ready(READABLE)
  expect(timers.mock.results.map(({ value }) => value.hasRef())).toEqual([false])
})

test('any other failure of accept is fatal', () => {
  const addon = new ScriptedAddon().script('accept', EINVAL)
  const { listener, events } = listenerOver(addon)
  listener.resume()
  addon.ready(READABLE)
  expect(events.onError.mock.calls).toEqual([[expect.objectContaining({ code: 'EINVAL' }), true]])
})

test('close while it looks away leaves no timer behind', () => {
  const addon = new ScriptedAddon().script('accept', EMFILE)
  const { listener } = listenerOver(addon)
  listener.resume()
  addon.ready(READABLE)
  listener.close()
  expect(vi.getTimerCount()).toBe(0)
})

test('one that somebody else has shut down is told when connections are waited for, and does not spin before', () => {
  const addon = new ScriptedAddon().script('accept', EAGAIN)
  const { listener, events } = listenerOver(addon)
  addon.ready(READABLE | DISCONNECTED)
  expect(addon.waitingFor).toBe(0)
  listener.resume()
  expect(addon.waitingFor).toBe(READABLE | DISCONNECTED)
  addon.ready(READABLE | DISCONNECTED)
  expect(events.onError.mock.calls).toEqual([[expect.objectContaining({ code: 'EINVAL', syscall: 'accept' }), true]])
})
