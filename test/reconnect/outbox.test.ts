import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  bind,
  type DatagramEndpoint,
  type Dropped,
  type EngineName,
  memoryLink,
  type OutboxOptions,
  type PersistentConnection,
  type PersistentOptions,
  persistent,
  type SocketError,
  type StreamEndpoint,
} from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { Server } from './servers.ts'

const retry = { minDelay: 5, maxDelay: 20 }
const withCode = (code: string) => expect.objectContaining({ code })

/** A connection to nobody, and what its outbox dropped. */
function offline(outbox: OutboxOptions): { connection: PersistentConnection; dropped: string[] } {
  const connection = persistent('memory:outbox', { retry, outbox })
  const dropped: string[] = []
  connection.on('drop', ({ data, error }: Dropped) =>
    dropped.push(`${Buffer.from(data)} ${(error as SocketError).code}`),
  )
  return { connection, dropped }
}

/** What became of each message, in the order of sending: 'sent', or the code of the error. */
async function fates(sent: readonly Promise<void>[]): Promise<string[]> {
  const results = await Promise.allSettled(sent)
  return results.map((result) => (result.status === 'fulfilled' ? 'sent' : (result.reason as SocketError).code))
}

describe('while there is no connection', () => {
  test.each<[string, OutboxOptions]>([
    ['messages', { messages: 3 }],
    ['bytes', { bytes: 3 }],
  ])('reject: what finds it full, by %s, is refused', async (_, limits) => {
    const { connection, dropped } = offline(limits)
    const sent = [...'abcde'].map((letter) => connection.send(letter))
    await once(connection, 'retry')
    expect(dropped).toEqual(['d ERR_QUEUE_FULL', 'e ERR_QUEUE_FULL'])
    await using server = await Server.start('memory:outbox')
    expect(await fates(sent)).toEqual(['sent', 'sent', 'sent', 'ERR_QUEUE_FULL', 'ERR_QUEUE_FULL'])
    expect(await eventually(() => server.text === 'abc')).toBe(true)
    await connection.close()
  })

  test.each<[string, OutboxOptions]>([
    ['messages', { messages: 3 }],
    ['bytes', { bytes: 3 }],
  ])('drop-oldest: the first make room, by %s', async (_, limits) => {
    const { connection, dropped } = offline({ ...limits, whenFull: 'drop-oldest' })
    const sent = [...'abcde'].map((letter) => connection.send(letter))
    await once(connection, 'retry')
    expect(dropped).toEqual(['a ERR_QUEUE_FULL', 'b ERR_QUEUE_FULL'])
    await using server = await Server.start('memory:outbox')
    expect(await fates(sent)).toEqual(['ERR_QUEUE_FULL', 'ERR_QUEUE_FULL', 'sent', 'sent', 'sent'])
    expect(await eventually(() => server.text === 'cde')).toBe(true)
    await connection.close()
  })

  test('drop-oldest: a message that cannot have room drops nothing but itself', async () => {
    const { connection, dropped } = offline({ bytes: 3, whenFull: 'drop-oldest' })
    const sent = ['ab', 'long', 'cd', 'e'].map((text) => connection.send(text))
    await once(connection, 'retry')
    expect(dropped).toEqual(['long ERR_QUEUE_FULL', 'ab ERR_QUEUE_FULL'])
    expect(connection.queued).toEqual({ messages: 2, bytes: 3 })
    await connection.close()
    expect(await fates(sent)).toEqual(['ERR_QUEUE_FULL', 'ERR_QUEUE_FULL', 'ERR_SOCKET_CLOSED', 'ERR_SOCKET_CLOSED'])
  })

  test('wait: nothing gives way, and who awaits is held up', async () => {
    const { connection, dropped } = offline({ messages: 1, whenFull: 'wait' })
    const sent = [...'abc'].map((letter) => connection.send(letter))
    await once(connection, 'retry')
    expect(connection.queued).toEqual({ messages: 3, bytes: 3 })
    await using server = await Server.start('memory:outbox')
    expect(await fates(sent)).toEqual(['sent', 'sent', 'sent'])
    expect(await eventually(() => server.text === 'abc')).toBe(true)
    expect(dropped).toEqual([])
    await connection.close()
  })

  test.each<OutboxOptions>([{ messages: 0 }, { messages: 0, whenFull: 'drop-oldest' }])(
    '%o: nothing waits, and what is sent on a connection is',
    async (limits) => {
      const { connection } = offline(limits)
      await expect(connection.send('early')).rejects.toEqual(withCode('ERR_QUEUE_FULL'))
      await using server = await Server.start('memory:outbox')
      await connection.connection()
      await connection.send('now')
      expect(await eventually(() => server.text === 'now')).toBe(true)
      await connection.close()
    },
  )

  test('what waits when it is closed was not sent', async () => {
    const { connection, dropped } = offline({})
    const sent = [connection.send('a'), connection.send('b')]
    await connection.close()
    expect(await fates(sent)).toEqual(['ERR_SOCKET_CLOSED', 'ERR_SOCKET_CLOSED'])
    expect(dropped).toEqual(['a ERR_SOCKET_CLOSED', 'b ERR_SOCKET_CLOSED'])
  })

  test('a message may have its own time and signal; the others go on', async () => {
    const { connection, dropped } = offline({})
    const controller = new AbortController()
    const sent = [
      connection.send('a'),
      connection.send('b', { timeout: 10 }),
      connection.send('c', { signal: controller.signal }),
      connection.send('d', { signal: AbortSignal.abort() }),
      connection.send('e'),
    ]
    await expect(sent[1]).rejects.toEqual(withCode('ETIMEDOUT'))
    controller.abort()
    await expect(sent[2]).rejects.toMatchObject({ name: 'AbortError' })
    expect(connection.queued).toEqual({ messages: 2, bytes: 2 })
    await using server = await Server.start('memory:outbox')
    expect(await fates(sent)).toEqual(['sent', 'ETIMEDOUT', 'ABORT_ERR', 'ABORT_ERR', 'sent'])
    expect(await eventually(() => server.text === 'ae')).toBe(true)
    expect(dropped).toEqual(['b ETIMEDOUT', 'c ABORT_ERR'])
    await connection.close()
  })

  test('a promise that nobody looks at ends no process', async () => {
    const rejections: unknown[] = []
    const onRejection = (reason: unknown): number => rejections.push(reason)
    process.on('unhandledRejection', onRejection)
    const { connection, dropped } = offline({ messages: 1 })
    void connection.send('a')
    void connection.send('b')
    await connection.close()
    void connection.send('c')
    await sleep(10)
    process.off('unhandledRejection', onRejection)
    expect(rejections).toEqual([])
    expect(dropped).toEqual(['b ERR_QUEUE_FULL', 'a ERR_SOCKET_CLOSED'])
  })

  test('many of them are sent in order', async () => {
    const count = 20_000
    const { connection } = offline({ messages: count })
    const sent = Array.from({ length: count }, (_, index) => connection.send(`${index} `))
    await once(connection, 'retry')
    await using server = await Server.start('memory:outbox')
    await Promise.all(sent)
    const expected = Array.from({ length: count }, (_, index) => `${index} `).join('')
    await connection.close()
    expect(await eventually(() => (server.peers[0] as StreamEndpoint).readableEnded)).toBe(true)
    expect(server.text).toBe(expected)
  })
})

test('a connection that takes no more fills the outbox, and no buffer behind it', async () => {
  await using server = await Server.start('memory:slow', { onPeer: (peer) => (peer as StreamEndpoint).pause() })
  await using connection = persistent(server.address, { retry, outbox: { messages: 10 } })
  const endpoint = (await connection.connection()) as StreamEndpoint
  const chunk = Buffer.alloc(32_768)
  const sent = Array.from({ length: 100 }, () => connection.send(chunk))
  expect(await eventually(() => connection.queued.messages === 10)).toBe(true)
  expect(endpoint.writableLength).toBeLessThanOrEqual(65_536 + chunk.length)
  await eventually(() => server.peers.length === 1)
  ;(server.peers[0] as StreamEndpoint).resume()
  const ends = await fates(sent)
  const taken = ends.filter((fate) => fate === 'sent').length
  expect(taken + ends.filter((fate) => fate === 'ERR_QUEUE_FULL').length).toBe(100)
  expect(
    await eventually(
      () => server.received.flat().reduce((sum, { length }) => sum + length, 0) === taken * chunk.length,
    ),
  ).toBe(true)
})

test('what was on its way on a stream when it broke fails with its error; what had still to wait goes to the next', async () => {
  await using server = await Server.start('memory:broken', { onPeer: (peer) => (peer as StreamEndpoint).pause() })
  await using connection = persistent(server.address, { retry, outbox: { messages: 1000 } })
  const endpoint = (await connection.connection()) as StreamEndpoint
  const sent = Array.from({ length: 40 }, (_, index) => connection.send(Buffer.alloc(32_768, index)))
  await eventually(() => endpoint.writableNeedDrain)
  const waiting = connection.queued.messages
  expect(waiting).toBeGreaterThan(10)
  memoryLink(server.address).cut()
  await once(connection, 'connect')
  await eventually(() => server.peers.length === 2)
  ;(server.peers[1] as StreamEndpoint).resume()
  const ends = await fates(sent)
  const lost = ends.filter((fate) => fate === 'ECONNRESET').length
  const first = ends.length - waiting - lost
  expect(lost).toBeGreaterThan(0)
  expect(ends).toEqual([
    ...Array(first).fill('sent'),
    ...Array(lost).fill('ECONNRESET'),
    ...Array(waiting).fill('sent'),
  ])
  const second = server.received[1] ?? []
  const size = (): number => second.reduce((sum, { length }) => sum + length, 0)
  expect(await eventually(() => size() === waiting * 32_768)).toBe(true)
  const bytes = Buffer.concat(second)
  for (let index = 0; index < waiting; index++) {
    const message = bytes.subarray(index * 32_768, (index + 1) * 32_768)
    expect(message.equals(Buffer.alloc(32_768, first + lost + index))).toBe(true)
  }
})

describe('each message arrives once at most, whole, and is accounted for', () => {
  const count = 3000

  /** Messages sent over a server that keeps dropping its connections, some of them coming back late. */
  async function storm(server: Server, options: PersistentOptions, size: number): Promise<void> {
    await using connection = persistent(server.address, { retry, ...options })
    connection.on('connect', (endpoint) => {
      if ('batches' in endpoint) endpoint.on('message', () => undefined)
      else endpoint.resume()
    })
    const dropped = new Map<string, string>()
    connection.on('drop', ({ data, error }) => dropped.set(label(data), (error as SocketError).code))
    const outcome = new Map<string, string>()
    const sending: Promise<void>[] = []
    for (let index = 0; index < count; index++) {
      const name = String(index).padStart(8, '0')
      const message = Buffer.alloc(size, '.')
      message.write(name)
      message.write('\n', size - 1)
      sending.push(
        connection.send(message).then(
          () => void outcome.set(name, 'sent'),
          (error: SocketError) => void outcome.set(name, error.code),
        ),
      )
      if (index % 500 === 250) await server.dropPeers()
      if (index % 1000 === 600) {
        await server.stop()
        await sleep(5)
        await server.start()
      }
      if (index % 50 === 0) await sleep(1)
    }
    await Promise.all(sending)
    const codes = [...new Set(outcome.values())].sort()
    expect(outcome.size).toBe(count)
    expect(codes).toContain('sent')
    // What was rejected was told by 'drop', and nothing else was.
    const rejected = new Map([...outcome].filter(([, fate]) => fate !== 'sent'))
    expect(dropped).toEqual(rejected)
    // The last connection lives, so what was sent on it arrives.
    await connection.send(Buffer.from('end'.padEnd(size - 1, '.').concat('\n')))
    expect(await eventually(() => arrivals(server).at(-1)?.startsWith('end') === true, 10_000)).toBe(true)
    const arrived = arrivals(server).slice(0, -1)
    expect(new Set(arrived).size).toBe(arrived.length)
    for (const name of arrived) expect(outcome.has(name), name).toBe(true)
    const refused = new Set([...rejected].filter(([, code]) => code === 'ERR_QUEUE_FULL').map(([name]) => name))
    expect(arrived.filter((name) => refused.has(name))).toEqual([])
    expect(arrived).toEqual([...arrived].sort())
    expect(arrived.length).toBeGreaterThan(count / 10)
  }

  const label = (data: Uint8Array): string => Buffer.from(data).toString('latin1', 0, 8)

  /** The messages that arrived whole, connection by connection. A connection may end within one. */
  function arrivals(server: Server): string[] {
    return server.received.flatMap((chunks) => {
      const lines = Buffer.concat(chunks).toString('latin1').split('\n')
      return lines.slice(0, -1).map((line) => line.slice(0, 8).replace(/\.+$/, ''))
    })
  }

  test.each<OutboxOptions>([
    { whenFull: 'reject', messages: 100 },
    { whenFull: 'drop-oldest', messages: 100 },
    { whenFull: 'wait' },
  ])(
    'memory, %o',
    async (outbox) => {
      await using server = await Server.start('memory:storm')
      await storm(server, { outbox }, 1000)
    },
    60_000,
  )

  for (const engine of ['kernel', 'node'] satisfies EngineName[]) {
    given(scheme('tcp', engine))(
      `tcp, ${engine} engine`,
      async () => {
        await using server = await Server.start('tcp://127.0.0.1:0', { engine })
        await storm(server, { engine, outbox: { messages: 100, whenFull: 'drop-oldest' } }, 1000)
      },
      60_000,
    )
  }

  given(scheme('unixpacket'))(
    'unixpacket',
    async () => {
      await using directory = await temporaryDirectory()
      await using server = await Server.start(`unixpacket:${directory.file('socket')}`)
      await storm(server, { outbox: { messages: 100, whenFull: 'drop-oldest' } }, 1000)
    },
    60_000,
  )
})

describe('without a connection', () => {
  given(scheme('unixgram'))(
    'unixgram: a receiver that was bound anew gets what is sent to it, and nothing fails',
    async () => {
      await using directory = await temporaryDirectory()
      const address = `unixgram:${directory.file('log')}` as const
      const first = await bind(address)
      await using connection = persistent(address, { retry })
      await connection.send('one')
      expect(String((await first.receive({ timeout: 5000 }))?.data)).toBe('one')
      await first.close()
      const sent = [connection.send('two'), connection.send('three')]
      const [error] = await once(connection, 'disconnect')
      expect(error).toEqual(withCode('ECONNREFUSED'))
      await once(connection, 'retry')
      await using second = await bind(address)
      await Promise.all(sent)
      for (const text of ['two', 'three']) expect(String((await second.receive({ timeout: 5000 }))?.data)).toBe(text)
    },
  )

  given(scheme('unixgram'))('unixgram: given up while the receiver is full, or gone, it is never sent', async () => {
    await using directory = await temporaryDirectory()
    const address = `unixgram:${directory.file('log')}` as const
    const first = await bind(address)
    await using connection = persistent(address, { retry })
    const endpoint = (await connection.connection()) as DatagramEndpoint
    while (endpoint.trySend('filler'));
    const controller = new AbortController()
    const sent = [
      connection.send('late', { timeout: 30 }),
      connection.send('aborted', { signal: controller.signal }),
      connection.send('patient'),
    ]
    const fate = fates(sent)
    await expect(sent[0]).rejects.toEqual(withCode('ETIMEDOUT'))
    expect(endpoint.queued.outgoing).toBe(2)
    const lost = once(connection, 'disconnect')
    controller.abort()
    await first.close()
    await lost
    await using second = await bind(address)
    expect(String((await second.receive({ timeout: 5000 }))?.data)).toBe('patient')
    expect(await fate).toEqual(['ETIMEDOUT', 'ABORT_ERR', 'sent'])
    await expect(second.receive({ timeout: 50 })).rejects.toEqual(withCode('ETIMEDOUT'))
  })

  given(scheme('udp'))('udp: what is refused fails, and the socket stays', async () => {
    const silent = await bind('udp://127.0.0.1:0')
    const address = silent.local
    await silent.close()
    await using connection = persistent(address as object as { family: string }, { retry })
    const endpoint = (await connection.connection()) as DatagramEndpoint
    await connection.send('one')
    await sleep(50)
    await expect(connection.send('two')).rejects.toEqual(withCode('ECONNREFUSED'))
    expect(connection.endpoint).toBe(endpoint)
  })

  given(scheme('unixpacket'))('a message that is too long fails alone', async () => {
    await using directory = await temporaryDirectory()
    await using server = await Server.start(`unixpacket:${directory.file('socket')}`)
    await using connection = persistent(server.address, { retry, sendBuffer: 8192 })
    const endpoint = await connection.connection()
    const sent = [connection.send('a'), connection.send(Buffer.alloc(1_000_000)), connection.send('b')]
    expect(await fates(sent)).toEqual(['sent', 'EMSGSIZE', 'sent'])
    expect(await eventually(() => server.text === 'ab')).toBe(true)
    expect(connection.endpoint).toBe(endpoint)
  })
})
