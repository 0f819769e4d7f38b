import { once } from 'node:events'
import { mock } from 'node:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import dgram from '../../src/dgram.ts'
import * as ps from '../../src/index.ts'
import net from '../../src/net.ts'

// Ways in which other people's tests stop the timers around our sockets. Neither stops those of node:net.
const ways: [name: string, fake: () => void][] = [
  [
    'as sinon does',
    () =>
      void vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'performance'] }),
  ],
  ['as node:test does', () => mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate', 'Date'] })],
]

describe.each(ways)('while timers are faked, %s', (_, fake) => {
  beforeEach(fake)
  afterEach(() => {
    vi.useRealTimers()
    mock.timers.reset()
  })

  it.each([
    ['tcp://127.0.0.1:0', {}],
    ['tcp://127.0.0.1:0', { engine: 'node' }],
    ['memory:faked?delay=20', {}],
  ] as const)('a connection of %s %o goes through its states', async (address, options) => {
    await using listener = await ps.listen(address, options)
    listener.on('connection', (peer: ps.StreamEndpoint) => peer.on('data', (chunk) => peer.end(chunk)))
    await using client = (await ps.connect(listener.address, { ...options, timeout: 20_000 })) as ps.StreamEndpoint
    const events: string[] = []
    for (const event of ['data', 'end', 'finish', 'close']) client.on(event, () => events.push(event))
    client.write('hi')
    await once(client, 'close')
    expect(events).toEqual(['data', 'end', 'finish', 'close'])
  })

  it('an idle endpoint tells of it, and what waits ends with its timeout', async () => {
    await using listener = await ps.listen('tcp://127.0.0.1:0')
    await using client = (await ps.connect(listener.address)) as ps.StreamEndpoint
    client.setTimeout(20)
    await once(client, 'timeout')
    await using messages = await ps.bind('udp://127.0.0.1:0')
    await expect(messages.receive({ timeout: 20 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })

  it('a socket of polysocket/net goes through its states', async () => {
    const events: string[] = []
    const server = net.createServer((socket) => socket.on('data', (chunk) => socket.end(chunk))).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = net.connect((server.address() as { port: number }).port, '127.0.0.1')
    client.setTimeout(20, () => client.write('hi'))
    for (const event of ['timeout', 'data', 'end', 'finish', 'close']) client.on(event, () => events.push(event))
    await once(client, 'close')
    server.close()
    await once(server, 'close')
    expect(events).toEqual(['timeout', 'data', 'end', 'finish', 'close'])
  })

  it('messages of polysocket/dgram come one after the other', async () => {
    const socket = dgram.createSocket('udp4')
    const received: string[] = []
    const all = new Promise<void>((resolve) =>
      socket.on('message', (data) => received.push(String(data)) === 3 && resolve()),
    )
    await new Promise<void>((resolve) => void socket.bind(0, '127.0.0.1', resolve))
    for (const text of ['a', 'b', 'c']) socket.send(text, socket.address().port, '127.0.0.1')
    await all
    socket.close()
    await once(socket, 'close')
    expect(received).toEqual(['a', 'b', 'c'])
  })
})
