import { once } from 'node:events'
import { describe, expect } from 'vitest'
import {
  bind,
  connect,
  type DatagramEndpoint,
  type EngineName,
  type Listener,
  listen,
  type StreamEndpoint,
} from '../../src/index.ts'
import { MiB } from '../support/bytes.ts'
import { given, type Need, scheme } from '../support/need.ts'
import { eventually } from '../support/resources.ts'

type Local = NonNullable<DatagramEndpoint['local']>

const carriers: { title: string; need: Need; engine?: EngineName; stream: string; messages: string }[] = [
  ...(['kernel', 'node'] as const).map((engine) => ({
    title: `${engine} engine`,
    need: scheme('tcp', engine),
    engine,
    stream: 'tcp://127.0.0.1:0',
    messages: 'udp://127.0.0.1:0',
  })),
  { title: 'memory', need: { met: true, note: '' }, stream: 'memory:stats', messages: 'memorygram:stats' },
]

for (const { title, need, engine, stream, messages } of carriers) {
  const it = given(need)
  const options = engine === undefined ? {} : { engine }

  describe(`stats, ${title}`, () => {
    it('of a stream: what went, what waits, and both after it is closed', async () => {
      await using listener = (await listen(stream, options)) as Listener<StreamEndpoint>
      const accepting = listener.accept()
      const client = (await connect(listener.address, options)) as StreamEndpoint
      const server = await accepting
      const nothing = { bytesRead: 0, bytesWritten: 0, bytesUnread: 0, bytesUnsent: 0 }
      expect(client.stats()).toEqual(nothing)
      client.write('12345')
      expect(client.stats()).toEqual({ ...nothing, bytesUnsent: 5 })
      expect(await eventually(() => server.stats().bytesUnread === 5)).toBe(true)
      expect(client.stats()).toEqual({ ...nothing, bytesWritten: 5 })
      expect(server.stats()).toEqual({ ...nothing, bytesRead: 5, bytesUnread: 5 })
      server.read()
      expect(server.stats()).toEqual({ ...nothing, bytesRead: 5 })
      client.write(Buffer.alloc(32 * MiB))
      client.write('x')
      expect(await eventually(() => server.stats().bytesRead > 5)).toBe(true)
      const { bytesWritten, bytesUnsent } = client.stats()
      expect([bytesWritten, bytesUnsent]).toEqual([5, 32 * MiB + 1])
      expect(client.bytesWritten).toBe(bytesWritten + bytesUnsent)
      server.resume()
      client.end()
      await Promise.all([once(client.resume(), 'close'), once(server, 'close')])
      expect(client.stats()).toEqual({ ...nothing, bytesWritten: 32 * MiB + 6 })
      expect(server.stats()).toEqual({ ...nothing, bytesRead: 32 * MiB + 6 })
    })

    it('of a listener: accepted, dropped, open', async () => {
      const listener = (await listen(stream, { ...options, maxConnections: 2 })) as Listener<StreamEndpoint>
      const accepted: StreamEndpoint[] = []
      listener.on('connection', (endpoint) => accepted.push(endpoint.on('error', () => undefined).resume()))
      expect(listener.stats()).toEqual({ accepted: 0, dropped: 0, connections: 0 })
      const dropped = once(listener, 'drop')
      const clients: StreamEndpoint[] = []
      for (let count = 0; count < 3; count++) {
        const client = (await connect(listener.address, options)) as StreamEndpoint
        clients.push(client.on('error', () => undefined).resume())
      }
      await dropped
      expect(listener.stats()).toEqual({ accepted: 2, dropped: 1, connections: 2 })
      for (const endpoint of clients) endpoint.destroy()
      expect(await eventually(() => listener.stats().connections === 0)).toBe(true)
      await listener.close()
      expect(listener.stats()).toEqual({ accepted: 2, dropped: 1, connections: 0 })
      for (const endpoint of accepted) endpoint.destroy()
    })

    it('of datagrams: sent, received, waiting, and each message once', async () => {
      await using server = await bind(messages, options)
      const client = (await connect(server.local as Local, options)) as DatagramEndpoint
      const nothing = {
        messagesReceived: 0,
        bytesReceived: 0,
        messagesSent: 0,
        bytesSent: 0,
        messagesDropped: 0,
        messagesFailed: 0,
        messagesUnread: 0,
        messagesUnsent: 0,
      }
      expect(server.stats()).toEqual(nothing)
      const first = client.send('1')
      await first
      const batch = await client.sendBatch([{ data: '22' }, { data: '' }, { data: '333' }])
      expect(batch.sent).toBe(3)
      expect(client.trySend('4444')).toBe(true)
      expect(client.stats()).toEqual({ ...nothing, messagesSent: 5, bytesSent: 10 })
      // What waits until there is a listener goes through the queue, and is not counted again.
      expect(String((await server.receive())?.data)).toBe('1')
      expect(await eventually(() => server.stats().messagesReceived === 5)).toBe(true)
      expect(server.stats()).toEqual({ ...nothing, messagesReceived: 5, bytesReceived: 10, messagesUnread: 4 })
      const heard: number[] = []
      server.on('message', ({ data }) => heard.push(data.length))
      expect(await eventually(() => heard.length === 4)).toBe(true)
      expect(server.stats()).toEqual({ ...nothing, messagesReceived: 5, bytesReceived: 10 })
      await client.close()
      expect(client.stats()).toEqual({ ...nothing, messagesSent: 5, bytesSent: 10 })
    })

    it('of datagrams: what is refused, and what is dropped', async () => {
      await using server = await bind(messages, { ...options, receiveQueue: 4 })
      const client = (await connect(server.local as Local, { ...options, sendQueue: 2 })) as DatagramEndpoint
      await expect(client.send(Buffer.alloc(70_000))).rejects.toMatchObject({ code: 'EMSGSIZE' })
      expect(client.stats()).toMatchObject({ messagesSent: 0, messagesFailed: 1 })
      const waiting = ['a', 'b', 'c'].map((text) => client.send(text).catch((error) => error.code))
      expect(client.stats()).toMatchObject({ messagesUnsent: 2, messagesFailed: 2 })
      expect(await Promise.all(waiting)).toEqual([undefined, undefined, 'ERR_QUEUE_FULL'])
      const late = client.send('d').catch((error) => error.code)
      expect(client.stats().messagesUnsent).toBe(1)
      await client.close()
      expect(await late).toBe('ERR_SOCKET_CLOSED')
      expect(client.stats()).toMatchObject({ messagesSent: 2, messagesFailed: 3, messagesUnsent: 0 })
      await using sender = (await connect(server.local as Local, options)) as DatagramEndpoint
      await server.receive()
      await sender.sendBatch(Array.from({ length: 20 }, () => ({ data: 'xx' })))
      expect(await eventually(() => server.stats().messagesReceived === 22)).toBe(true)
      const { messagesUnread, messagesDropped, bytesReceived } = server.stats()
      expect({ messagesUnread, messagesDropped, bytesReceived }).toEqual({
        messagesUnread: 4,
        messagesDropped: 17,
        bytesReceived: 42,
      })
    })
  })
}
