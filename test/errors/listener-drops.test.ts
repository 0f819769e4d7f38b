import { once } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import { Server } from '../../src/drop-in/net/server.ts'
import { READABLE } from '../../src/engine/addon.ts'
import { KernelListener } from '../../src/engine/kernel-listener.ts'
import { boolean } from '../../src/engine/kernel-options.ts'
import { KernelStream } from '../../src/engine/kernel-stream.ts'
import { inet, inetDefinition } from '../../src/families/inet.ts'
import type { DroppedConnection, ListenerEvents, ListenerHandle, StreamEndpoint } from '../../src/index.ts'
import { createSockets, kernelFamily, listen } from '../../src/index.ts'
import { ScriptedAddon, type TestAddress, testKind } from '../engine/scripted-addon.ts'
import { outOfRange, wrongType } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'

const tcp = scheme('tcp')
const EAGAIN = -11
const EINVAL = -22
const ECONNABORTED = -103

/** The kernel lets IPV6_V6ONLY be set until a socket is bound: on the one that is to listen, and on none that it accepts. */
const ipv6Only = { level: 41, name: 26, codec: boolean, phase: 'socket' } as const
const failing = createSockets([kernelFamily({ ...inetDefinition, options: { ipv6Only } })])

describe('a connection that an option cannot be set on', () => {
  given(tcp)('is dropped with its error, and counted; the next ones too, and the listener goes on', async () => {
    await using listener = await failing.listen('tcp://[::1]:0', { ipv6Only: true })
    const connections = vi.fn()
    listener.on('connection', connections)
    const before = openDescriptors()
    for (let turn = 1; turn <= 3; turn++) {
      const dropping = once(listener, 'drop')
      const client = (await failing.connect(listener.address)) as StreamEndpoint
      client.on('error', () => undefined).resume()
      const [dropped] = (await dropping) as [DroppedConnection]
      expect(dropped).toMatchObject({
        reason: 'failed',
        local: listener.address,
        remote: { host: '::1', port: client.localPort },
        error: { name: 'SocketError', code: 'EINVAL', syscall: 'setsockopt' },
      })
      expect(dropped.error?.message).toBe('setsockopt EINVAL: ipv6Only: invalid argument')
      if (!client.closed) await once(client, 'close')
      expect(listener.stats()).toEqual({ accepted: 0, dropped: turn, connections: 0 })
    }
    expect(connections).not.toHaveBeenCalled()
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  given(tcp)('ends an `accept` no earlier than the next connection', async () => {
    await using listener = await failing.listen('tcp://[::1]:0', { ipv6Only: true })
    const accepting = listener.accept({ timeout: 200 })
    const client = (await failing.connect(listener.address)) as StreamEndpoint
    client.on('error', () => undefined)
    await expect(accepting).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(listener.stats().dropped).toBe(1)
    client.destroy()
  })
})

describe('the descriptor of an accepted connection has one closer', () => {
  const unnamed = (_fd: never, _name: never, length: never): number => {
    ;(length as Int32Array)[0] = 0
    return 11
  }

  function listening(connections: ScriptedAddon, wrap?: (fd: number) => KernelStream<TestAddress>) {
    const kind = {
      ...testKind(),
      option: (name: string) =>
        name === 'set' ? ({ level: 1, name: 2, codec: boolean, phase: 'socket' } as const) : undefined,
    }
    const addon = new ScriptedAddon()
    const make = wrap ?? ((fd: number) => new KernelStream<TestAddress>(connections.addon, kind, fd))
    const listener = new KernelListener<TestAddress>(addon.addon, kind, 3, make)
    const events = { onAccept: vi.fn(), onDrop: vi.fn(), onError: vi.fn() }
    listener.start(events)
    addon.script('getsockname', 0, 0, 0)
    return { addon, listener, events }
  }

  test('the handle, once there is one', () => {
    const connections = new ScriptedAddon().script('setsockopt', EINVAL)
    const { addon, listener, events } = listening(connections)
    listener.noteOption('set', true)
    addon.script('accept', unnamed, EAGAIN)
    listener.resume()
    addon.ready(READABLE)
    expect(events.onAccept).not.toHaveBeenCalled()
    expect(events.onDrop.mock.calls).toEqual([[expect.objectContaining({ code: 'EINVAL' }), undefined]])
    // That of 11 goes by its own handle; the listener closes nothing.
    expect([connections.watchClosed, connections.closed, addon.closed]).toEqual([true, [], []])
  })

  test('who makes the handle, while there is none', () => {
    const { addon, listener, events } = listening(new ScriptedAddon(), () => {
      throw new Error('no handle')
    })
    addon.script('accept', unnamed, EAGAIN)
    listener.resume()
    addon.ready(READABLE)
    expect(events.onDrop.mock.calls).toEqual([[expect.objectContaining({ message: 'no handle' }), undefined]])
    expect(addon.closed).toEqual([])
  })

  test('one that the network lost before it was taken is told of', () => {
    const { addon, listener, events } = listening(new ScriptedAddon())
    addon.script('accept', ECONNABORTED, EAGAIN)
    listener.resume()
    addon.ready(READABLE)
    const error = expect.objectContaining({ code: 'ECONNABORTED', syscall: 'accept' })
    expect(events.onDrop.mock.calls).toEqual([[error, undefined]])
    expect(events.onError).not.toHaveBeenCalled()
  })
})

describe('values are checked before a socket is opened', () => {
  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('tcp', engine))(`listen, ${engine} engine`, async () => {
      const before = openDescriptors()
      await expect(listen('tcp://127.0.0.1:0', { engine, noDelay: 1 as never })).rejects.toEqual(wrongType)
      await expect(listen('tcp://127.0.0.1:0', { engine, keepAliveDelay: 1e9 })).rejects.toEqual(outOfRange)
      expect(openDescriptors()).toBe(before)
    })
  }

  given(tcp)('each option of a connection, by its name', async () => {
    const wrong = { keepAliveCount: 200, keepAliveInterval: 0, userTimeout: -1, linger: -1, ttl: 0, tos: 256 }
    for (const [name, value] of Object.entries(wrong)) {
      const refusal = await listen('tcp://127.0.0.1:0', { [name]: value }).catch((error: Error) => error)
      expect(refusal, name).toEqual(outOfRange)
      expect((refusal as Error).message).toMatch(new RegExp(`^${name} must be .*, not ${value}$`))
    }
  })
})

test('the drop-in server emits what Node has for a dropped connection', async () => {
  let events: ListenerEvents | undefined
  const handle = {
    local: { family: 'inet', scheme: 'tcp', host: '127.0.0.1', port: 80 },
    start: (given: ListenerEvents) => {
      events = given
    },
    resume: () => undefined,
    close: () => undefined,
  } as unknown as ListenerHandle
  const opening = vi.spyOn(inet, 'listenSync').mockReturnValue(handle as never)
  try {
    const server = new Server().listen(80, '127.0.0.1')
    await once(server, 'listening')
    const dropping = once(server, 'drop')
    events?.onDrop?.(new Error('lost'), { family: 'inet', scheme: 'tcp', host: '127.0.0.2', port: 5000 })
    expect(await dropping).toEqual([
      {
        localAddress: '127.0.0.1',
        localPort: 80,
        localFamily: 'IPv4',
        remoteAddress: '127.0.0.2',
        remotePort: 5000,
        remoteFamily: 'IPv4',
      },
    ])
    server.close()
  } finally {
    opening.mockRestore()
  }
})
