import { expect, test, vi } from 'vitest'
import type { StreamEvents } from '../../src/core/family.ts'
import { FAILED, READABLE, WRITABLE } from '../../src/engine/addon.ts'
import { KernelStream } from '../../src/engine/kernel-stream.ts'
import { ScriptedAddon, type TestAddress, testAddress, testKind } from './scripted-addon.ts'

const EINTR = -4
const EAGAIN = -11
const EPIPE = -32
const ECONNRESET = -104
const ENOTCONN = -107
const ECONNREFUSED = -111
const EINPROGRESS = -115

function streamOver(addon: ScriptedAddon) {
  const events = { onData: vi.fn<StreamEvents['onData']>(), onEnd: vi.fn(), onError: vi.fn<StreamEvents['onError']>() }
  const stream = new KernelStream<TestAddress>(addon.addon, testKind(), 5)
  stream.start(events)
  return { stream, events }
}

const bytes = (...lengths: number[]): Uint8Array[] => lengths.map((length) => new Uint8Array(length))

/** An addon that takes so many bytes of each send, whichever call it is, and keeps them. */
function takingAddon(results: number[]) {
  const addon = new ScriptedAddon()
  const taken: number[] = []
  const take = (offered: readonly number[]): number => {
    const result = results.shift() ?? 0
    if (result > 0) taken.push(...offered.slice(0, result))
    return result
  }
  const send = (_fd: never, chunk: never, offset: never, length: never) =>
    take([...(chunk as Uint8Array).subarray(offset, offset + length)])
  const sendv = (_fd: never, chunks: never, first: never, offset: never) =>
    take((chunks as Uint8Array[]).slice(first).flatMap((chunk, index) => [...chunk.subarray(index === 0 ? offset : 0)]))
  addon.script('send', ...results.map(() => send)).script('sendv', ...results.map(() => sendv))
  return { addon, taken, left: results }
}

test.for([
  { calls: ['send'], lengths: [10, 0, 10], results: [3, EINTR, 9, EAGAIN, 4, 4] },
  { calls: ['send', 'sendv'], lengths: [3000, 0, 3000], results: [1, EINTR, 3000, EAGAIN, 400, 2599] },
  { calls: ['sendv'], lengths: [100, 3000, 100], results: [100, EAGAIN, 3100] },
  { calls: ['send'], lengths: [0, 5, 0], results: [2, EAGAIN, 3] },
  { calls: ['send'], lengths: Array.from({ length: 50 }, () => 2000), results: [64_000, EAGAIN, 35_999, 1] },
])('a write goes on after partial writes of $lengths, past EINTR and EAGAIN', ({ calls, lengths, results }) => {
  const { addon, taken, left } = takingAddon([...results])
  const { stream } = streamOver(addon)
  const done = vi.fn()
  let next = 0
  const chunks = lengths.map((length) => Uint8Array.from({ length }, () => next++))
  stream.write(chunks, done)
  expect(addon.waitingFor).toBe(WRITABLE)
  expect(done).not.toHaveBeenCalled()
  addon.ready(WRITABLE)
  expect(done.mock.calls).toEqual([[null]])
  expect(Buffer.from(taken).equals(Buffer.concat(chunks))).toBe(true)
  expect(left).toEqual([])
  expect([...new Set(addon.calls)].sort()).toEqual(calls)
})

test('interest in writing is dropped only when the kernel reports room that nobody needs', () => {
  const addon = new ScriptedAddon().script('send', EAGAIN, 1)
  const { stream } = streamOver(addon)
  stream.write(bytes(1), () => undefined)
  addon.ready(WRITABLE)
  expect(addon.waitingFor).toBe(WRITABLE)
  addon.ready(WRITABLE)
  expect(addon.waitingFor).toBe(0)
})

test('a failed write reports the system error by its name and number', () => {
  const addon = new ScriptedAddon().script('send', EPIPE)
  const { stream } = streamOver(addon)
  const done = vi.fn()
  stream.write(bytes(1), done)
  expect(done.mock.calls[0]?.[0]).toMatchObject({ code: 'EPIPE', errno: EPIPE, syscall: 'write' })
})

test('close gives back a write that waits, and nothing is delivered after it', () => {
  const addon = new ScriptedAddon().script('send', EAGAIN)
  const { stream, events } = streamOver(addon)
  const done = vi.fn()
  stream.resume()
  stream.write(bytes(1), done)
  stream.close()
  stream.close()
  expect(done.mock.calls).toEqual([[expect.objectContaining({ code: 'ERR_SOCKET_CLOSED' })]])
  expect(addon.watchClosed).toBe(true)
  expect(stream.fd).toBeUndefined()
  expect(events.onError).not.toHaveBeenCalled()
})

test('a write on a closed handle is ERR_SOCKET_CLOSED and no system call', () => {
  const addon = new ScriptedAddon()
  const { stream } = streamOver(addon)
  stream.close()
  const done = vi.fn()
  stream.write(bytes(1), done)
  expect(done.mock.calls[0]?.[0]).toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
  expect(addon.calls).toEqual([])
})

test('a read takes data, ignores EAGAIN and EINTR, and reports the end once', () => {
  const fill = (_fd: never, block: never, offset: never) => {
    const buffer = block as unknown as Buffer
    buffer.write('hello', offset)
    return 5
  }
  const addon = new ScriptedAddon().script('recv', fill, EAGAIN, EINTR, 0)
  const { stream, events } = streamOver(addon)
  stream.resume()
  expect(addon.waitingFor).toBe(READABLE)
  for (let times = 0; times < 4; times++) addon.ready(READABLE)
  expect(events.onData.mock.calls.map(([chunk]) => chunk.toString())).toEqual(['hello'])
  expect(events.onEnd).toHaveBeenCalledTimes(1)
  stream.resume()
  expect(addon.waitingFor).toBe(0)
})

test('nothing is read while paused', () => {
  const addon = new ScriptedAddon()
  const { stream } = streamOver(addon)
  stream.resume()
  stream.pause()
  expect(addon.waitingFor).toBe(0)
  addon.ready(READABLE)
  expect(addon.calls).toEqual([])
})

test('an error condition stops the watch: the error is read, and what is still wanted is waited for again', () => {
  const addon = new ScriptedAddon().script('recv', EAGAIN, ECONNRESET)
  const { stream, events } = streamOver(addon)
  stream.resume()
  addon.waitingFor = 0
  addon.ready(READABLE | WRITABLE | FAILED)
  expect(addon.waitingFor).toBe(READABLE)
  addon.ready(READABLE | WRITABLE | FAILED)
  expect(events.onError.mock.calls[0]?.[0]).toMatchObject({ code: 'ECONNRESET', syscall: 'read' })
})

test('a listener that throws while there is an error condition does not end the waiting', () => {
  const addon = new ScriptedAddon().script('recv', 1, EAGAIN)
  const { stream, events } = streamOver(addon)
  events.onData.mockImplementation(() => {
    throw new Error('thrown by a listener')
  })
  stream.resume()
  addon.waitingFor = 0
  expect(() => addon.ready(READABLE | WRITABLE | FAILED)).toThrow('thrown by a listener')
  expect(addon.waitingFor).toBe(READABLE)
})

test('end of our direction: a peer that is gone needs none, any other failure is told', () => {
  const addon = new ScriptedAddon().script('shutdown', 0, ENOTCONN, EPIPE)
  const { stream } = streamOver(addon)
  const done = vi.fn()
  stream.end(done)
  stream.end(done)
  stream.end(done)
  expect(done.mock.calls).toEqual([[null], [null], [expect.objectContaining({ code: 'EPIPE', syscall: 'shutdown' })]])
})

test('a descriptor that cannot be watched stays with whoever opened it', () => {
  const addon = new ScriptedAddon()
  addon.watchResult = -17
  expect(() => streamOver(addon)).toThrow(expect.objectContaining({ code: 'EEXIST', syscall: 'watch' }))
  expect(addon.closed).toEqual([])
})

/** getsockopt(SO_ERROR) with this outcome. */
const pendingError = (errno: number) => (_fd: never, _level: never, _option: never, value: never) => {
  const buffer = value as unknown as Buffer
  buffer.writeInt32LE(-errno)
  return 4
}

test('connect waits while it is in progress and then asks for the outcome', async () => {
  const addon = new ScriptedAddon().script('connect', EINPROGRESS).script('getsockopt', pendingError(0))
  const { stream } = streamOver(addon)
  const connected = stream.connect(testAddress, undefined)
  expect(addon.waitingFor).toBe(WRITABLE)
  addon.ready(WRITABLE)
  await connected
  expect(addon.waitingFor).toBe(0)
})

test('connect reports a refusal that comes later, with the address', async () => {
  const addon = new ScriptedAddon().script('connect', EINTR).script('getsockopt', pendingError(ECONNREFUSED))
  const { stream } = streamOver(addon)
  const connected = stream.connect(testAddress, undefined)
  addon.ready(READABLE | WRITABLE | FAILED)
  await expect(connected).rejects.toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: 'test:7' })
})

test('connect tries again while a Unix backlog is full, until it is aborted', async () => {
  const addon = new ScriptedAddon().script('connect', EAGAIN, EAGAIN, 0)
  const { stream } = streamOver(addon)
  await stream.connect(testAddress, undefined)
  expect(addon.left()).toEqual([])

  const stuck = new ScriptedAddon().script('connect', ...Array<number>(100).fill(EAGAIN))
  const abort = new AbortController()
  const connecting = streamOver(stuck).stream.connect(testAddress, abort.signal)
  abort.abort(new Error('enough'))
  await expect(connecting).rejects.toThrow('enough')
})

test('an abort ends a connect in progress', async () => {
  const addon = new ScriptedAddon().script('connect', EINPROGRESS)
  const { stream } = streamOver(addon)
  const abort = new AbortController()
  const connecting = stream.connect(testAddress, abort.signal)
  abort.abort(new Error('enough'))
  await expect(connecting).rejects.toThrow('enough')
})
