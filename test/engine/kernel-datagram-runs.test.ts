import { expect, test, vi } from 'vitest'
import type { Outgoing } from '../../src/core/family.ts'
import { FAILED, READABLE, SEND_META, WRITABLE } from '../../src/engine/addon.ts'
import { KernelDatagram } from '../../src/engine/kernel-datagram.ts'
import { datagramEvents } from './datagram-events.ts'
import { ScriptedAddon, type Step, type TestAddress, testKind } from './scripted-addon.ts'

const EIO = -5
const EAGAIN = -11
const EINVAL = -22
const EMSGSIZE = -90
const ENOPROTOOPT = -92
const ECONNREFUSED = -111

/** What each sendmmsg(2) was given: bytes and segment size of each place. */
type Calls = [length: number, segment: number][][]

function socketOver(addon: ScriptedAddon, unread = false) {
  const kind = testKind({ kind: 'datagram', connected: false, boundaries: true, reliable: false })
  // UDP_GRO
  addon.script('setsockopt', 0)
  const socket = new KernelDatagram<TestAddress>(addon.addon, { ...kind, coalesces: true }, 5)
  const events = datagramEvents()
  socket.start(events)
  if (!unread) socket.resume()
  return { socket, events }
}

/** Calls of sendmmsg(2) that answer so; the last answer is to take everything. */
function sending(addon: ScriptedAddon, ...answers: (number | 'all')[]): Calls {
  const calls: Calls = []
  const step =
    (answer: number | 'all'): Step =>
    (_fd: never, _slab: never, meta: never, _names: never, count: never) => {
      const words = Array.from((meta as Int32Array).subarray(0, SEND_META * (count as number)))
      calls.push(Array.from({ length: count }, (_, i) => [words[SEND_META * i] ?? 0, words[SEND_META * i + 2] ?? 0]))
      return answer === 'all' ? count : answer
    }
  addon.script('sendmmsg', ...answers.map(step))
  return calls
}

const messages = (count: number, length: number): Outgoing[] =>
  Array.from({ length: count }, () => ({ data: new Uint8Array(length), target: undefined }))

const alone = (count: number, length: number): Calls[number] => Array.from({ length: count }, () => [length, 0])

test('a system that does not know UDP_SEGMENT is never given a run', () => {
  const addon = new ScriptedAddon().script('getsockopt', ENOPROTOOPT)
  const calls = sending(addon, 'all', 'all')
  const { socket } = socketOver(addon)
  expect(socket.send(messages(3, 10), 0)).toBe(3)
  expect(socket.send(messages(2, 10), 0)).toBe(2)
  expect(calls).toEqual([alone(3, 10), alone(2, 10)])
  expect(addon.calls.filter((call) => call === 'getsockopt')).toHaveLength(1)
})

test('a kind whose messages do not coalesce is never given a run, nor asked', () => {
  const addon = new ScriptedAddon()
  const calls = sending(addon, 'all')
  const kind = testKind({ kind: 'datagram', connected: false, boundaries: true, reliable: false })
  const socket = new KernelDatagram<TestAddress>(addon.addon, kind, 5)
  expect(socket.send(messages(3, 10), 0)).toBe(3)
  expect(calls).toEqual([alone(3, 10)])
})

test('EIO, no device that does checksums: all go alone, then and from then on', () => {
  const addon = new ScriptedAddon().script('getsockopt', 4)
  const calls = sending(addon, EIO, 'all', 'all')
  const { socket } = socketOver(addon)
  expect(socket.send(messages(3, 10), 0)).toBe(3)
  expect(socket.send(messages(3, 5), 0)).toBe(3)
  expect(calls).toEqual([[[30, 10]], alone(3, 10), alone(3, 5)])
})

test('EMSGSIZE, too long for one packet: those go alone from then on, shorter ones still in runs', () => {
  const addon = new ScriptedAddon().script('getsockopt', 4)
  const calls = sending(addon, EMSGSIZE, 'all', 'all', 'all')
  const { socket } = socketOver(addon)
  expect(socket.send(messages(3, 2000), 0)).toBe(3)
  expect(socket.send(messages(2, 2000), 0)).toBe(2)
  expect(socket.send(messages(4, 1400), 0)).toBe(4)
  expect(calls).toEqual([[[6000, 2000]], alone(3, 2000), alone(2, 2000), [[5600, 1400]]])
})

test.each([EINVAL, EMSGSIZE, EIO])('what is refused as a run and alone (%i) costs the socket no runs', (errno) => {
  const addon = new ScriptedAddon().script('getsockopt', 4)
  const calls = sending(addon, errno, errno, 'all')
  const { socket } = socketOver(addon)
  expect(() => socket.send(messages(2, 10), 0)).toThrow(expect.objectContaining({ syscall: 'send', errno }))
  expect(socket.send(messages(2, 10), 0)).toBe(2)
  expect(calls).toEqual([[[20, 10]], alone(2, 10), [[20, 10]]])
})

test('a run behind others is refused only once it is the first', () => {
  const addon = new ScriptedAddon().script('getsockopt', 4)
  const calls = sending(addon, 1, EIO, 'all')
  const { socket } = socketOver(addon)
  expect(socket.send([...messages(1, 5), ...messages(3, 10)], 0)).toBe(4)
  expect(calls).toEqual([
    [
      [5, 0],
      [30, 10],
    ],
    [[30, 10]],
    alone(3, 10),
  ])
})

test('a call that takes some of the places has taken the messages in them', () => {
  const addon = new ScriptedAddon().script('getsockopt', 4)
  const calls = sending(addon, 1, EAGAIN, EAGAIN, 'all')
  const { socket, events } = socketOver(addon)
  const all = [...messages(3, 10), ...messages(2, 20)]
  expect(socket.send(all, 0)).toBe(3)
  expect(socket.send(all, 3)).toBe(0)
  addon.ready(WRITABLE)
  expect(events.onWritable).toHaveBeenCalledTimes(1)
  expect(socket.send(all, 3)).toBe(2)
  expect(calls).toEqual([
    [
      [30, 10],
      [40, 20],
    ],
    [[40, 20]],
    [[40, 20]],
    [[40, 20]],
  ])
})

test('an error that answers a run is that of its first message; the others go', () => {
  const addon = new ScriptedAddon().script('getsockopt', 4)
  const calls = sending(addon, ECONNREFUSED, 'all')
  const { socket } = socketOver(addon)
  const all = messages(3, 10)
  expect(() => socket.send(all, 0)).toThrow(expect.objectContaining({ code: 'ECONNREFUSED' }))
  expect(socket.send(all, 1)).toBe(2)
  expect(calls).toEqual([[[30, 10]], [[20, 10]]])
})

/** recvmmsg(2) with one run of these messages. */
const run =
  (texts: string[], flags = 0): Step =>
  (_fd: never, slab: never, offset: never, _slot: never, _count: never, meta: never) => {
    const length = (slab as Buffer).write(texts.join(''), offset)
    ;(meta as Int32Array).set([length, flags, 0, 0, texts.length > 1 ? (texts[0]?.length ?? 0) : 0])
    return 1
  }

test('a run that is received is cut where its messages end', () => {
  const addon = new ScriptedAddon().script('recvmmsg', run(['abc', 'def', 'gh']))
  const { events } = socketOver(addon)
  addon.ready(READABLE)
  const [batch = []] = events.onMessages.mock.calls[0] ?? []
  expect(batch.map(({ data }) => data.toString())).toEqual(['abc', 'def', 'gh'])
})

/** getsockopt(2) of SO_ERROR. */
const pending =
  (errno: number): Step =>
  (_fd: never, _level: never, _name: never, value: never) => {
    ;(value as Buffer).writeInt32LE(-errno)
    return 4
  }

test('an error that nobody receives is taken from the kernel, and is what the next send tells', () => {
  const addon = new ScriptedAddon().script('getsockopt', pending(ECONNREFUSED), pending(0)).script('send', 1)
  const { socket, events } = socketOver(addon, true)
  addon.ready(READABLE | WRITABLE | FAILED)
  expect(() => socket.send(messages(1, 1), 0)).toThrow(expect.objectContaining({ code: 'ECONNREFUSED' }))
  addon.ready(READABLE | WRITABLE | FAILED)
  expect(socket.send(messages(1, 1), 0)).toBe(1)
  expect(events.onError).not.toHaveBeenCalled()
})

test('or, where somebody begins to receive first, what that tells', async () => {
  const addon = new ScriptedAddon().script('getsockopt', pending(ECONNREFUSED))
  const { socket, events } = socketOver(addon, true)
  addon.ready(READABLE | WRITABLE | FAILED)
  socket.resume()
  await vi.waitFor(() => expect(events.onError).toHaveBeenCalledTimes(1))
  expect(events.onError).toHaveBeenCalledWith(expect.objectContaining({ code: 'ECONNREFUSED' }), false)
  addon.script('send', 1)
  expect(socket.send(messages(1, 1), 0)).toBe(1)
})

test('closed before that, it is told to nobody', async () => {
  const addon = new ScriptedAddon().script('getsockopt', pending(ECONNREFUSED))
  const { socket, events } = socketOver(addon, true)
  addon.ready(READABLE | WRITABLE | FAILED)
  socket.resume()
  socket.close()
  await new Promise(process.nextTick)
  expect(events.onError).not.toHaveBeenCalled()
})
