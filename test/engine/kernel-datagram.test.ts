import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Outgoing } from '../../src/core/family.ts'
import { DISCONNECTED, FAILED, NAME_SIZE, READABLE, WRITABLE } from '../../src/engine/addon.ts'
import { KernelDatagram } from '../../src/engine/kernel-datagram.ts'
import { datagramEvents } from './datagram-events.ts'
import { ScriptedAddon, type TestAddress, testAddress, testKind } from './scripted-addon.ts'

vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

const EINTR = -4
const EAGAIN = -11
const EMSGSIZE = -90
const EINPROGRESS = -115
const ENOBUFS = -105
const ECONNREFUSED = -111
const ECONNRESET = -104

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

function datagramOver(addon: ScriptedAddon, connected = false) {
  const kind = testKind({ kind: 'datagram', connected, boundaries: true, reliable: connected })
  const socket = new KernelDatagram<TestAddress>(addon.addon, kind, 5)
  const events = datagramEvents()
  // Connected message sockets ask for timestamps; see the engine.
  if (connected) addon.script('setsockopt', 0)
  socket.start(events)
  return { socket, events }
}

const messages = (...lengths: number[]): Outgoing[] =>
  lengths.map((length) => ({ data: new Uint8Array(length), target: undefined }))

interface Arrival {
  readonly text: string
  readonly flags?: number
  readonly from?: number
  readonly stamped?: boolean
}

/** recvmmsg with these messages. */
const arrivals =
  (...all: Arrival[]) =>
  (_fd: never, slab: never, offset: never, _slot: never, _count: never, meta: never, names: never): number => {
    let at = offset as number
    for (const [index, { text, flags = 0, from, stamped = true }] of all.entries()) {
      at += (slab as Buffer).write(text, at)
      if (from !== undefined) (names as Uint8Array).set([1, 0, from], index * NAME_SIZE)
      const words = [Buffer.byteLength(text), flags, from === undefined ? 0 : 3, stamped ? 32 : 0, 0]
      ;(meta as Int32Array).set(words, index * words.length)
    }
    return all.length
  }

test('messages come with their boundaries, senders and truncation', () => {
  const MSG_TRUNC = 0x20
  const addon = new ScriptedAddon().script(
    'recvmmsg',
    arrivals(
      { text: 'one', from: 1 },
      { text: '', from: 1 },
      { text: 'three', from: 2, flags: MSG_TRUNC },
      { text: 'x' },
    ),
  )
  const { socket, events } = datagramOver(addon)
  socket.resume()
  addon.ready(READABLE)
  const [batch = []] = events.onMessages.mock.calls[0] ?? []
  expect(batch.map(({ data, from, truncated }) => [data.toString(), from?.bytes, truncated])).toEqual([
    ['one', 1, false],
    ['', 1, false],
    ['three', 2, true],
    ['x', undefined, false],
  ])
  expect(batch[0]?.from).toBe(batch[1]?.from)
})

test('the end of a message socket is an empty message without a timestamp, and comes after what was sent before', () => {
  const addon = new ScriptedAddon().script(
    'recvmmsg',
    arrivals({ text: 'last' }, { text: '' }, { text: '', stamped: false }, { text: '', stamped: false }),
  )
  const { socket, events } = datagramOver(addon, true)
  socket.resume()
  addon.ready(READABLE)
  expect(events.onMessages.mock.calls.flatMap(([batch]) => batch.map(({ data }) => data.toString()))).toEqual([
    'last',
    '',
  ])
  expect(events.onEnd).toHaveBeenCalledTimes(1)
  socket.resume()
  expect(addon.waitingFor).toBe(0)
})

test('a listener that throws at an error does not end the waiting', () => {
  const addon = new ScriptedAddon().script('recvmmsg', ECONNREFUSED, arrivals({ text: 'next', from: 1 }))
  const { socket, events } = datagramOver(addon)
  events.onError.mockImplementation(() => {
    throw new Error('thrown by a listener')
  })
  socket.resume()
  addon.waitingFor = 0
  expect(() => addon.ready(READABLE | WRITABLE | FAILED)).toThrow('thrown by a listener')
  expect(addon.waitingFor & READABLE).toBe(READABLE)
  addon.ready(READABLE)
  expect(events.onMessages).toHaveBeenCalledTimes(1)
})

test('an interruption is no error; an error of an earlier datagram is told and the socket goes on', () => {
  const addon = new ScriptedAddon().script('recvmmsg', EINTR, EAGAIN, ECONNREFUSED)
  const { socket, events } = datagramOver(addon)
  socket.resume()
  addon.ready(READABLE)
  addon.ready(READABLE)
  addon.ready(READABLE | WRITABLE | FAILED)
  expect(events.onError.mock.calls).toEqual([[expect.objectContaining({ code: 'ECONNREFUSED' }), false]])
  expect(addon.waitingFor).toBe(READABLE | DISCONNECTED)
})

test('a connected message socket is lost with its peer', () => {
  const addon = new ScriptedAddon().script('recvmmsg', ECONNRESET)
  const { socket, events } = datagramOver(addon, true)
  socket.resume()
  addon.ready(READABLE)
  expect(events.onError.mock.calls).toEqual([[expect.objectContaining({ code: 'ECONNRESET' }), true]])
  expect(addon.waitingFor).toBe(0)
})

test('a socket that reads nothing still keeps the process alive', () => {
  const addon = new ScriptedAddon()
  const { socket } = datagramOver(addon)
  expect(addon.waitingFor).toBe(DISCONNECTED)
  socket.resume()
  expect(addon.waitingFor).toBe(READABLE | DISCONNECTED)
  socket.pause()
  expect(addon.waitingFor).toBe(DISCONNECTED)
})

test('short messages go together, a long one and a single one by a call of its own, and EINTR is tried again', () => {
  const addon = new ScriptedAddon().script('sendmmsg', EINTR, 2, 2).script('send', 0)
  const { socket } = datagramOver(addon)
  expect(socket.send(messages(1, 2, 5000, 3, 4), 0)).toBe(5)
  expect(addon.calls.filter((call) => call.startsWith('send'))).toEqual(['sendmmsg', 'sendmmsg', 'send', 'sendmmsg'])
})

test('what went out before a refusal counts; the refusal comes with the next call', () => {
  const addon = new ScriptedAddon().script('sendmmsg', 2, EMSGSIZE, EMSGSIZE)
  const { socket } = datagramOver(addon)
  const batch = messages(1, 1, 1, 1)
  expect(socket.send(batch, 0)).toBe(2)
  expect(() => socket.send(batch, 2)).toThrow(expect.objectContaining({ code: 'EMSGSIZE', syscall: 'send' }))
})

test('without room it waits for the event first, and for time where the event says nothing', () => {
  const addon = new ScriptedAddon().script('sendmmsg', EAGAIN, EAGAIN, ENOBUFS, 2)
  const { socket, events } = datagramOver(addon)
  const batch = messages(1, 1)
  events.onWritable.mockImplementation(() => socket.send(batch, 0))
  expect(socket.send(batch, 0)).toBe(0)
  expect(addon.waitingFor).toBe(WRITABLE | DISCONNECTED)
  addon.ready(WRITABLE)
  expect(vi.getTimerCount()).toBe(1)
  expect(addon.waitingFor).toBe(DISCONNECTED)
  vi.runAllTimers()
  expect(addon.left()).toEqual([])
  expect(events.onWritable).toHaveBeenCalledTimes(3)
})

test('close while it waits for room leaves no timer', () => {
  const addon = new ScriptedAddon().script('send', EAGAIN, EAGAIN)
  const { socket } = datagramOver(addon)
  socket.send(messages(1), 0)
  socket.send(messages(1), 0)
  socket.close()
  expect(vi.getTimerCount()).toBe(0)
  expect(() => socket.send(messages(1), 0)).toThrow(expect.objectContaining({ code: 'ERR_SOCKET_CLOSED' }))
})

test('a destination of another scheme is refused', () => {
  const { socket } = datagramOver(new ScriptedAddon())
  expect(() => socket.target({ ...testAddress, scheme: 'other' })).toThrow(
    expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
  )
  expect(socket.target(testAddress)).toEqual(Uint8Array.of(1, 0, 7))
})

test('readiness to send is told once, whether or not anything is sent then', () => {
  const addon = new ScriptedAddon().script('send', EAGAIN, EAGAIN, EMSGSIZE)
  const { socket, events } = datagramOver(addon)
  expect(socket.send(messages(1), 0)).toBe(0)
  addon.ready(WRITABLE)
  expect(addon.waitingFor).toBe(DISCONNECTED)
  expect(socket.send(messages(1), 0)).toBe(0)
  events.onWritable.mockImplementation(() => expect(() => socket.send(messages(1), 0)).toThrow())
  vi.runAllTimers()
  expect(events.onWritable).toHaveBeenCalledTimes(2)
  expect(addon.waitingFor).toBe(DISCONNECTED)
})

test('a socket that somebody else has shut down gives what is there, and ends', () => {
  const addon = new ScriptedAddon().script('recvmmsg', arrivals({ text: 'last' }), EAGAIN)
  const { socket, events } = datagramOver(addon)
  addon.ready(DISCONNECTED)
  expect(addon.waitingFor).toBe(0)
  socket.resume()
  expect(addon.waitingFor).toBe(READABLE)
  addon.ready(READABLE)
  expect(events.onEnd).not.toHaveBeenCalled()
  addon.ready(READABLE)
  expect(events.onEnd).toHaveBeenCalledTimes(1)
  expect(addon.waitingFor).toBe(0)
})

test('the time until sending is tried again keeps the process alive as the socket does', () => {
  const timers = vi.spyOn(globalThis, 'setTimeout')
  const addon = new ScriptedAddon().script('send', ENOBUFS, ENOBUFS, ENOBUFS)
  const { socket } = datagramOver(addon)
  const isRef = () => timers.mock.results.at(-1)?.value.hasRef()
  socket.send(messages(1), 0)
  socket.send(messages(1), 0)
  expect(isRef()).toBe(true)
  socket.unref()
  expect(isRef()).toBe(false)
  socket.send(messages(1), 0)
  expect(isRef()).toBe(false)
  socket.ref()
  expect(isRef()).toBe(true)
  socket.close()
})

test('an error names the peer that a connect had to wait for, though the kernel has forgotten it', async () => {
  const addon = new ScriptedAddon()
    .script('connect', EINPROGRESS)
    .script('getsockopt', 0)
    .script('recvmmsg', ECONNRESET)
  const { socket, events } = datagramOver(addon, true)
  const connected = socket.connect(testAddress, undefined)
  addon.ready(WRITABLE)
  await connected
  socket.resume()
  addon.ready(READABLE)
  expect(events.onError.mock.calls).toEqual([
    [expect.objectContaining({ code: 'ECONNRESET', address: 'test:7' }), true],
  ])
})
