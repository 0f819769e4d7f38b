import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { AbstractConnector, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { createConnection, type EngineName } from '../../src/index.ts'
import { MiB } from '../support/bytes.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { accepts, installed, locate, Server } from '../support/servers.ts'

const command = locate('redis-server')
const there = installed('redis-server', command, 'redis-server')
let server: Server | undefined
let address = ''

beforeAll(async () => {
  if (command === undefined) return
  server = await Server.start((directory) => {
    const socket = directory.file('socket')
    address = `unix:${socket}`
    const args = [
      '--port',
      '0',
      '--unixsocket',
      socket,
      '--unixsocketperm',
      '777',
      '--save',
      '',
      '--requirepass',
      'secret',
    ]
    return { command, args: [...args, '--dir', directory.path], ready: () => accepts(address) }
  })
})
afterAll(() => server?.[Symbol.asyncDispose]())

describe.each<EngineName>(['kernel', 'node'])('Redis through ioredis, %s engine', (engine) => {
  const test = given(there, scheme('unix', engine))

  /** ioredis asks it for a connection, and for another when one is lost. */
  class OurConnector extends AbstractConnector {
    constructor(options: unknown) {
      super((options as { disconnectTimeout: number }).disconnectTimeout)
    }

    override async connect(): Promise<Socket> {
      this.connecting = true
      this.stream = createConnection(address, { engine }) as unknown as Socket
      return this.stream
    }
  }

  /** Its commands go out as soon as they are called, those of one tick in one write. */
  async function client(): Promise<Redis & AsyncDisposable> {
    const made = new Redis({ Connector: OurConnector, password: 'secret', lazyConnect: true, retryStrategy: () => 20 })
    // It connects again by itself, and would print what made it do so.
    made.on('error', () => undefined)
    await made.connect()
    await made.flushall()
    return Object.assign(made, { [Symbol.asyncDispose]: async () => void (await made.quit()) })
  }

  test('600 commands, one after the other and at once', async () => {
    await using redis = await client()
    for (let at = 0; at < 200; at++) {
      await redis.hset('żółw', `field ${at}`, `value ${at} 🐢`)
      expect(await redis.hget('żółw', `field ${at}`)).toBe(`value ${at} 🐢`)
    }
    expect(await redis.hlen('żółw')).toBe(200)
    const counted = await Promise.all(Array.from({ length: 200 }, () => redis.incr('counter')))
    expect(counted).toEqual(Array.from({ length: 200 }, (_, at) => at + 1))
    await expect(redis.incr('żółw')).rejects.toThrow(/WRONGTYPE/)
  })

  test('a pipeline of 10,000 commands, and a transaction', async () => {
    await using redis = await client()
    const pipeline = redis.pipeline()
    for (let at = 0; at < 5_000; at++) pipeline.set(`key ${at}`, at).get(`key ${at}`)
    const answers = await pipeline.exec()
    expect(answers?.filter((_, at) => at % 2 === 1)).toEqual(
      Array.from({ length: 5_000 }, (_, at) => [null, String(at)]),
    )
    expect(await redis.multi().incr('counter').incr('counter').exec()).toEqual([
      [null, 1],
      [null, 2],
    ])
  })

  test('500 messages are published, and all subscribers get them in order', async () => {
    await using publisher = await client()
    await using one = await client()
    await using other = await client()
    const arrived = [one, other].map((subscriber) => {
      const messages: string[] = []
      subscriber.on('message', (_channel, message) => messages.push(message))
      return messages
    })
    await Promise.all([one.subscribe('news'), other.subscribe('news')])
    const sent = Array.from({ length: 500 }, (_, at) => `message ${at}`)
    const reached = await Promise.all(sent.map((message) => publisher.publish('news', message)))
    expect(new Set(reached)).toEqual(new Set([2]))
    expect(await eventually(() => arrived.every(({ length }) => length >= sent.length))).toBe(true)
    expect(arrived).toEqual([sent, sent])
  })

  test('values of 8 MiB there and back', async () => {
    await using redis = await client()
    const value = randomBytes(8 * MiB)
    await redis.set('big', value)
    expect(value.equals((await redis.getBuffer('big')) as Buffer)).toBe(true)
  })

  test('a connection that the server kills is made again, and what waited is answered', async () => {
    const before = openDescriptors()
    {
      await using redis = await client()
      const id = await redis.client('ID')
      await using killer = await client()
      await killer.client('KILL', 'ID', id)
      expect(await redis.ping()).toBe('PONG')
      expect(await redis.client('ID')).not.toBe(id)
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })
})
