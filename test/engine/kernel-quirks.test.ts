import { expect, test, vi } from 'vitest'
import type { StreamEvents } from '../../src/core/family.ts'
import type { OpenRequest } from '../../src/core/options.ts'
import { FAILED, READABLE, WRITABLE } from '../../src/engine/addon.ts'
import { KernelDatagram } from '../../src/engine/kernel-datagram.ts'
import type { ConnectFailure, KernelFamilyDefinition } from '../../src/engine/kernel-family.ts'
import { KernelOpener } from '../../src/engine/kernel-open.ts'
import { encodeInt, SOCK_STREAM } from '../../src/engine/kernel-options.ts'
import { KernelStream } from '../../src/engine/kernel-stream.ts'
import { datagramEvents } from './datagram-events.ts'
import { ScriptedAddon, type TestAddress, testAddress, testKind } from './scripted-addon.ts'

const EAGAIN = -11
const EBUSY = -16
const ECONNRESET = -104
const ETIMEDOUT = -110
const ECONNREFUSED = -111
const EINPROGRESS = -115

const HUNG_UP = READABLE | WRITABLE | FAILED

/** getsockopt of SO_ERROR. */
const pendingError =
  (errno: number) =>
  (_fd: never, _level: never, _name: never, value: never): number => {
    ;(value as Uint8Array).set(encodeInt(-errno))
    return 4
  }

function streamOver(addon: ScriptedAddon) {
  const events = { onData: vi.fn<StreamEvents['onData']>(), onEnd: vi.fn(), onError: vi.fn<StreamEvents['onError']>() }
  const kind = { ...testKind(), endsWithReset: true, finishesConnect: true }
  return { stream: new KernelStream<TestAddress>(addon.addon, kind, 5), events }
}

test('where a reset is the end, it is told as such, once, after the data before it', () => {
  const addon = new ScriptedAddon().script('recv', 3, ECONNRESET)
  const { stream, events } = streamOver(addon)
  stream.start(events)
  stream.resume()
  addon.ready(HUNG_UP)
  addon.ready(HUNG_UP)
  expect(events.onData.mock.calls.map(([chunk]) => chunk.length)).toEqual([3])
  expect([events.onEnd.mock.calls.length, events.onError.mock.calls.length]).toEqual([1, 0])
})

test('any other error of the same stream is one', () => {
  const addon = new ScriptedAddon().script('recv', ETIMEDOUT)
  const { stream, events } = streamOver(addon)
  stream.start(events)
  stream.resume()
  addon.ready(HUNG_UP)
  expect(events.onEnd).not.toHaveBeenCalled()
  expect(events.onError.mock.calls[0]?.[0]).toMatchObject({ code: 'ETIMEDOUT' })
})

test('a connection that was made, used and closed before we looked: connect succeeds, and what came is read', async () => {
  const addon = new ScriptedAddon()
    .script('connect', EINPROGRESS)
    .script('getsockopt', pendingError(ECONNRESET))
    // The first recv is of no bytes: is there anything?
    .script('recv', 0, 5, EAGAIN)
  const { stream, events } = streamOver(addon)
  const connected = stream.connect(testAddress, undefined)
  addon.ready(HUNG_UP)
  await connected
  stream.start(events)
  stream.resume()
  addon.ready(READABLE)
  addon.ready(READABLE)
  expect(events.onData.mock.calls.map(([chunk]) => chunk.length)).toEqual([5])
  expect([events.onEnd.mock.calls.length, events.onError.mock.calls.length]).toEqual([1, 0])
})

test('a connect that is reset with nothing to read has failed', async () => {
  const addon = new ScriptedAddon()
    .script('connect', EINPROGRESS)
    .script('getsockopt', pendingError(ECONNRESET))
    .script('recv', EAGAIN)
  const { stream } = streamOver(addon)
  const connected = stream.connect(testAddress, undefined)
  addon.ready(HUNG_UP)
  await expect(connected).rejects.toMatchObject({ code: 'ECONNRESET', syscall: 'connect' })
})

test('a message socket reports the reset before its messages: they are delivered, then the end', () => {
  const kind = { ...testKind({ kind: 'datagram', boundaries: true }), endsWithReset: true }
  const message = (_fd: never, _slab: never, _at: never, _slot: never, _count: never, meta: never): number => {
    ;(meta as Int32Array).set([4, 0, 0, 16, 0])
    return 1
  }
  const addon = new ScriptedAddon().script('setsockopt', 0).script('recvmmsg', ECONNRESET, message, EAGAIN)
  const socket = new KernelDatagram<TestAddress>(addon.addon, kind, 5)
  const events = datagramEvents()
  socket.start(events)
  socket.resume()
  addon.ready(HUNG_UP)
  expect(events.onEnd).not.toHaveBeenCalled()
  addon.ready(READABLE)
  addon.ready(READABLE)
  expect(events.onMessages.mock.calls.flatMap(([batch]) => batch.map(({ data }) => data.length))).toEqual([4])
  expect([events.onEnd.mock.calls.length, events.onError.mock.calls.length]).toEqual([1, 0])
})

/** A busy peer is tried again for `patience` ms. */
const whileBusy =
  (patience: number) =>
  (_address: TestAddress, { code, elapsed }: ConnectFailure<TestAddress>): number | undefined =>
    code === 'EBUSY' && elapsed < patience ? 10 : undefined

/** By default a busy peer is tried again for longer than a busy machine stands still. */
function openerOver(addon: ScriptedAddon, finishesConnect: boolean, retryConnect = whileBusy(20_000)) {
  const definition: KernelFamilyDefinition<TestAddress> = {
    name: 'test',
    domain: 1,
    schemes: { test: { type: SOCK_STREAM, protocol: 0, finishesConnect } },
    encode: ({ bytes }) => Uint8Array.of(1, 0, bytes),
    decode: () => undefined,
    parse: () => testAddress,
    format: ({ bytes }) => `test:${bytes}`,
    retryConnect,
  }
  return new KernelOpener(addon.addon, definition, () => testKind().facts)
}

function requestOf(signal?: AbortSignal): OpenRequest<TestAddress> {
  return { signal, engine: undefined, local: undefined, options: {} }
}

test('a connect that is given up rejects at once, and its socket is closed when it has come to its end', async () => {
  const addon = new ScriptedAddon().script('socket', 5).script('connect', EINPROGRESS)
  const abort = new AbortController()
  const connecting = openerOver(addon, true).connect(testAddress, requestOf(abort.signal))
  await vi.waitFor(() => expect(addon.waitingFor).toBe(WRITABLE))
  abort.abort(new Error('enough'))
  await expect(connecting).rejects.toThrow('enough')
  expect([addon.watchClosed, addon.waitingFor]).toEqual([false, WRITABLE])
  // It keeps nothing alive.
  expect(addon.calls).toContain('unref')
  addon.ready(WRITABLE)
  expect(addon.watchClosed).toBe(true)
})

test('elsewhere its socket is closed at once', async () => {
  const addon = new ScriptedAddon().script('socket', 5).script('connect', EINPROGRESS)
  const abort = new AbortController()
  const connecting = openerOver(addon, false).connect(testAddress, requestOf(abort.signal))
  await vi.waitFor(() => expect(addon.waitingFor).toBe(WRITABLE))
  abort.abort(new Error('enough'))
  await expect(connecting).rejects.toThrow('enough')
  expect(addon.watchClosed).toBe(true)
})

test('a refusal that passes is tried again with a new socket, until it passes', async () => {
  const addon = new ScriptedAddon()
    .script('socket', 5, 6, 7)
    .script('connect', EBUSY, EBUSY, 0)
    .script('getsockname', 0, 0)
  const handle = await openerOver(addon, false).connect(testAddress, requestOf())
  expect(handle.fd).toBe(7)
  expect(addon.left()).toEqual([])
})

test('or until it has lasted too long, or is aborted', async () => {
  const forever = (): ScriptedAddon =>
    new ScriptedAddon()
      .script('socket', ...Array<number>(100).fill(5))
      .script('connect', ...Array<number>(100).fill(EBUSY))
      .script('getsockname', ...Array<number>(100).fill(0))
  await expect(openerOver(forever(), false, whileBusy(200)).connect(testAddress, requestOf())).rejects.toMatchObject({
    code: 'EBUSY',
  })
  const abort = new AbortController()
  const connecting = openerOver(forever(), false).connect(testAddress, requestOf(abort.signal))
  setTimeout(() => abort.abort(new Error('enough')), 30)
  await expect(connecting).rejects.toThrow('enough')
})

test('each code has its time from when it first came, and the codes before it are told', async () => {
  const addon = new ScriptedAddon()
    .script('socket', 5, 6, 7, 8)
    .script('connect', EBUSY, EBUSY, ECONNREFUSED, ECONNREFUSED)
    .script('getsockname', 0, 0, 0, 0)
  const failures: [code: string, elapsed: number, codes: string[]][] = []
  const opener = openerOver(addon, false, (_address, { code, elapsed, codes }) => {
    failures.push([code, elapsed, [...codes]])
    return failures.length < 4 ? 20 : undefined
  })
  await expect(opener.connect(testAddress, requestOf())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  const both = ['EBUSY', 'ECONNREFUSED']
  const later = expect.toSatisfy((elapsed: number) => elapsed >= 19, 'at least the pause')
  expect(failures).toEqual([
    ['EBUSY', 0, ['EBUSY']],
    ['EBUSY', later, ['EBUSY']],
    ['ECONNREFUSED', 0, both],
    ['ECONNREFUSED', later, both],
  ])
})

test.each([
  ['one that was bound', testAddress, true],
  ['one that was not', undefined, false],
])('a failed connect tells of its socket: %s', async (_which, local, isBound) => {
  const addon = new ScriptedAddon().script('socket', 5).script('connect', EBUSY).script('getsockname', 0)
  if (isBound) addon.script('bind', 0)
  const seen: boolean[] = []
  const opener = openerOver(addon, false, (_address, failure) => {
    seen.push(failure.isBound)
    return undefined
  })
  await expect(opener.connect(testAddress, { ...requestOf(), local })).rejects.toMatchObject({ code: 'EBUSY' })
  expect(seen).toEqual([isBound])
  expect(addon.left()).toEqual([])
})
