import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import {
  type AddressInput,
  type DatagramEndpoint,
  type EngineName,
  isTransient,
  memoryLink,
  type PersistentConnection,
  type PersistentOptions,
  persistent,
  type Retry,
  type RetryOptions,
  type StreamEndpoint,
} from '../../src/index.ts'
import { misuse } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { Server } from './servers.ts'
import { Sluggish } from './sluggish.ts'

type Endpoint = StreamEndpoint | DatagramEndpoint

const quick: RetryOptions = { minDelay: 5, maxDelay: 20 }
const withCode = (code: string) => expect.objectContaining({ code })

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

/** Reads whatever comes, so that the end of a connection is noticed. */
function read(endpoint: Endpoint): void {
  if ('batches' in endpoint) endpoint.on('message', () => undefined)
  else endpoint.resume()
}

/** What happened, in order. */
function log(connection: PersistentConnection): string[] {
  const events: string[] = []
  for (const name of ['connect', 'disconnect', 'retry', 'drop', 'error', 'close'] as const) {
    connection.on(name, () => events.push(name))
  }
  return events
}

function keep(address: AddressInput, options: PersistentOptions = {}): PersistentConnection {
  const connection = persistent(address, { retry: quick, ...options })
  connection.on('connect', read)
  return connection
}

describe.each<[string, EngineName | undefined]>([
  ['tcp', 'kernel'],
  ['tcp', 'node'],
  ['unix', 'kernel'],
  ['unix', 'node'],
  ['unixpacket', 'kernel'],
  ['memory', undefined],
])('%s, engine %s', (name, engine) => {
  const test = engine === undefined ? given() : given(scheme(name, engine))
  const options = engine === undefined ? {} : { engine }
  const somewhere = (file: (name: string) => string): string =>
    ({ tcp: 'tcp://127.0.0.1:0', memory: 'memory:persistent' })[name] ?? `${name}:${file('socket')}`

  test('connects, and connects again whenever the server has come back', async () => {
    await using directory = await temporaryDirectory()
    const before = openDescriptors()
    await using server = await Server.start(somewhere(directory.file), options)
    const connection = keep(server.address, options)
    const events = log(connection)
    const endpoints = new Set<Endpoint>()
    for (const round of ['one ', 'two ', 'three ']) {
      endpoints.add(await connection.connection({ timeout: 5000 }))
      await connection.send(round)
      expect(await eventually(() => server.text.endsWith(round))).toBe(true)
      const lost = once(connection, 'disconnect')
      await server.stop()
      await lost
      expect(connection.endpoint).toBe(undefined)
      await server.start()
    }
    endpoints.add(await connection.connection({ timeout: 5000 }))
    expect(endpoints.size).toBe(4)
    expect(server.text).toBe('one two three ')
    await connection.close()
    expect(events.filter((event) => event === 'connect')).toHaveLength(4)
    expect(events.filter((event) => event === 'disconnect')).toHaveLength(4)
    expect(events.filter((event) => event === 'retry').length).toBeGreaterThanOrEqual(3)
    expect(events.slice(-2)).toEqual(['disconnect', 'close'])
    await server.stop()
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  test('what is sent before there is a server waits for it, in order', async () => {
    await using directory = await temporaryDirectory()
    await using server = await Server.start(somewhere(directory.file), options)
    await server.stop()
    await using connection = keep(server.address, options)
    const sent = [...'abcdefgh'].map((letter) => connection.send(letter))
    await once(connection, 'retry')
    expect(connection.queued).toEqual({ messages: 8, bytes: 8 })
    await server.start()
    await Promise.all(sent)
    expect(await eventually(() => server.text === 'abcdefgh')).toBe(true)
    expect(connection.queued).toEqual({ messages: 0, bytes: 0 })
  })

  test('a server that accepts and closes at once is not stormed', async () => {
    await using directory = await temporaryDirectory()
    let accepted = 0
    await using server = await Server.start(somewhere(directory.file), {
      ...options,
      onPeer: (peer) => {
        accepted++
        void peer[Symbol.asyncDispose]()
      },
    })
    const delays: number[] = []
    await using connection = keep(server.address, { ...options, retry: { minDelay: 20, jitter: 0 } })
    connection.on('retry', ({ delay }) => delays.push(delay))
    await sleep(500)
    await vi.waitFor(() => expect(accepted).toBeGreaterThanOrEqual(2), 10_000)
    expect(accepted).toBeLessThanOrEqual(delays.length + 1)
    expect(delays).toEqual(delays.map((_, index) => 20 * 2 ** index))
  })
})

test('a connection that lasted lets the pauses begin with the shortest', async () => {
  await using server = await Server.start('memory:stable')
  const delays: number[] = []
  await using connection = keep(server.address, { stableAfter: 400, retry: { minDelay: 5, jitter: 0 } })
  connection.on('retry', ({ delay }) => delays.push(delay))
  for (const lasts of [0, 0, 0, 500, 0]) {
    await connection.connection()
    await sleep(lasts)
    const lost = once(connection, 'disconnect')
    memoryLink(server.address).cut()
    await lost
  }
  expect(await eventually(() => delays.length === 5)).toBe(true)
  expect(delays).toEqual([5, 10, 20, 5, 10])
})

describe('what ended the connection', () => {
  test('an error is told by disconnect, and nobody has to listen for it on the endpoint', async () => {
    await using server = await Server.start('memory:cut')
    await using connection = keep(server.address)
    await connection.connection()
    const lost = once(connection, 'disconnect')
    const retried = once(connection, 'retry')
    memoryLink(server.address).cut()
    expect(await lost).toEqual([withCode('ECONNRESET')])
    expect(await retried).toEqual([{ attempt: 1, delay: expect.any(Number), error: withCode('ECONNRESET') }])
  })

  test('an end in good order is none', async () => {
    await using server = await Server.start('memory:end')
    await using connection = keep(server.address)
    await connection.connection()
    await eventually(() => server.peers.length === 1)
    const lost = once(connection, 'disconnect')
    const retried = once(connection, 'retry')
    ;(server.peers[0] as StreamEndpoint).end()
    expect(await lost).toEqual([undefined])
    expect(await retried).toEqual([expect.objectContaining({ error: withCode('ERR_SOCKET_CLOSED') })])
  })

  test('an endpoint that its user destroys is replaced', async () => {
    await using server = await Server.start('memory:destroyed')
    await using connection = keep(server.address)
    const first = (await connection.connection()) as StreamEndpoint
    first.destroy(new Error('mine'))
    expect(await once(connection, 'disconnect')).toEqual([expect.objectContaining({ message: 'mine' })])
    expect(await connection.connection()).not.toBe(first)
  })
})

given(scheme('unixpacket'))('who only sends messages notices with the next one, and loses none', async () => {
  await using directory = await temporaryDirectory()
  await using server = await Server.start(`unixpacket:${directory.file('socket')}`)
  await using connection = persistent(server.address, { retry: quick })
  await connection.send('first')
  await eventually(() => server.text === 'first')
  await server.stop()
  await server.start()
  const sent = ['a', 'b', 'c'].map((text) => connection.send(text))
  const [error] = await once(connection, 'disconnect')
  expect(error).toEqual(withCode('EPIPE'))
  await Promise.all(sent)
  expect(await eventually(() => server.text === 'firstabc')).toBe(true)
})

describe('connection()', () => {
  test('is the one that there is, or the next, for all who wait', async () => {
    await using server = await Server.start('memory:next')
    await using connection = keep(server.address)
    const [first, second] = await Promise.all([connection.connection(), connection.connection()])
    expect(first).toBe(second)
    expect(await connection.connection()).toBe(first)
    expect(connection.endpoint).toBe(first)
  })

  test('times out and is aborted, and leaves nothing', async () => {
    await using connection = keep('memory:nobody')
    const reason = new Error('changed our mind')
    await expect(connection.connection({ timeout: 10 })).rejects.toEqual(withCode('ETIMEDOUT'))
    await expect(connection.connection({ signal: AbortSignal.abort(reason) })).rejects.toMatchObject({ cause: reason })
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 5)
    await expect(connection.connection({ signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
      cause: reason,
    })
    await expect(connection.connection({ timeout: -1 })).rejects.toEqual(misuse)
    expect(connection.closed).toBe(false)
  })
})

describe('iteration', () => {
  test('gives each connection once, and ends when it is closed', async () => {
    await using server = await Server.start('memory:iteration')
    const connection = keep(server.address)
    await connection.connection()
    const seen: StreamEndpoint[] = []
    for await (const endpoint of connection) {
      seen.push(endpoint as StreamEndpoint)
      if (seen.length === 3) void connection.close()
      else memoryLink(server.address).cut()
    }
    expect(new Set(seen).size).toBe(3)
    expect(seen.every(({ destroyed }) => destroyed)).toBe(true)
  })

  test('leaves out what came and went, and leaving it closes nothing', async () => {
    await using server = await Server.start('memory:busy')
    await using connection = keep(server.address)
    const seen: Endpoint[] = []
    for await (const endpoint of connection) {
      seen.push(endpoint)
      if (seen.length === 2) break
      for (let round = 0; round < 2; round++) {
        const next = once(connection, 'connect')
        memoryLink(server.address).cut()
        await next
      }
    }
    expect(connection.endpoint).toBe(seen[1])
    expect(connection.closed).toBe(false)
  })

  test('two of them are independent', async () => {
    await using server = await Server.start('memory:two')
    await using connection = keep(server.address)
    const [first, second] = [connection[Symbol.asyncIterator](), connection[Symbol.asyncIterator]()]
    const one = await first.next()
    expect(await second.next()).toEqual(one)
    const waiting = [first.next(), second.next()]
    memoryLink(server.address).cut()
    const [next, same] = await Promise.all(waiting)
    expect(next).toEqual(same)
    expect(next?.value).not.toBe(one.value)
  })
})

describe('it gives up', () => {
  test('after so many tries in a row: error and close, and everybody is told', async () => {
    const connection = keep('memory:nobody', { retry: { ...quick, attempts: 3 } })
    const events = log(connection)
    const failure = expect.objectContaining({ code: 'ECONNREFUSED', attempts: 3 })
    const failed = once(connection, 'error')
    const closed = { code: 'ERR_SOCKET_CLOSED', cause: failure }
    const message = expect(connection.send('x')).rejects.toMatchObject(closed)
    await expect(connection.connection()).rejects.toEqual(failure)
    expect(await failed).toEqual([failure])
    await message
    await connection.close()
    expect(events).toEqual(['retry', 'retry', 'drop', 'error', 'close'])
    await expect(connection.connection()).rejects.toEqual(failure)
    await expect(connection.send('x')).rejects.toMatchObject(closed)
    await expect(connection[Symbol.asyncIterator]().next()).rejects.toEqual(failure)
  })

  test('a connection that did not last counts as a try, and one that did starts over', async () => {
    let accepted = 0
    await using server = await Server.start('memory:flapping', {
      onPeer: (peer) => {
        accepted++
        void peer[Symbol.asyncDispose]()
      },
    })
    const flapping = keep(server.address, { retry: { ...quick, attempts: 4 } })
    const [error] = await once(flapping, 'error')
    expect(error).toEqual(withCode('ERR_SOCKET_CLOSED'))
    expect(accepted).toBe(4)
    await using lasting = keep(server.address, { stableAfter: 0, retry: { ...quick, attempts: 2 } })
    expect(await eventually(() => accepted > 10)).toBe(true)
    expect(lasting.closed).toBe(false)
  })

  test('at a name that is not found, unless the caller says that it may come to be', async () => {
    const connection = keep('tcp://name.invalid:1')
    await expect(connection.connection()).rejects.toEqual(withCode('ENOTFOUND'))
    await expect(connection.send('x')).rejects.toMatchObject({
      code: 'ERR_SOCKET_CLOSED',
      cause: withCode('ENOTFOUND'),
    })
    const when = (error: NodeJS.ErrnoException): boolean => isTransient(error) || error.code === 'ENOTFOUND'
    await using waiting = keep('tcp://name.invalid:1', { retry: { ...quick, when } })
    for (let tries = 1; tries < 4; tries++) {
      expect(await once(waiting, 'retry')).toEqual([expect.objectContaining({ error: withCode('ENOTFOUND') })])
    }
    expect(waiting.closed).toBe(false)
  })

  given(scheme('unix'))('at what is not worth another try', async () => {
    await using directory = await temporaryDirectory()
    await writeFile(directory.file('plain'), '')
    const connection = keep(`unix:${directory.file('plain/x')}`)
    await expect(connection.connection()).rejects.toEqual(withCode('ENOTDIR'))
    expect(connection.closed).toBe(true)
  })

  test('when its time is over; the cause tells what the last try said', async () => {
    const connection = keep('memory:nobody', { timeout: 60 })
    await expect(connection.connection()).rejects.toMatchObject({ code: 'ETIMEDOUT', cause: withCode('ECONNREFUSED') })
  })

  test('the time counts from each loss', async () => {
    await using server = await Server.start('memory:time')
    await using connection = keep(server.address, { timeout: 100 })
    await connection.connection()
    await sleep(150)
    memoryLink(server.address).cut()
    await once(connection, 'connect')
    await server.stop()
    const [error] = await once(connection, 'error')
    expect(error).toEqual(withCode('ETIMEDOUT'))
  })

  test('an iteration that waits is told, and error needs no listener then', async () => {
    const connection = keep('memory:nobody', { retry: { ...quick, attempts: 2 } })
    const all = async (): Promise<void> => {
      for await (const _ of connection);
    }
    await expect(all()).rejects.toEqual(withCode('ECONNREFUSED'))
  })

  test('a listener that throws ends it, and nothing stays open', async () => {
    await using server = await Server.start('memory:thrower')
    const connection = persistent(server.address, { retry: quick })
    connection.on('connect', () => {
      throw new RangeError('mine')
    })
    const message = expect(connection.send('x')).rejects.toEqual(withCode('ERR_SOCKET_CLOSED'))
    const closed = new Promise<void>((resolve) => connection.once('close', resolve))
    const [error] = await once(connection, 'error')
    expect(error).toEqual(expect.objectContaining({ message: 'mine' }))
    await message
    await closed
    expect(await eventually(() => server.peers.every((peer) => (peer as StreamEndpoint).destroyed))).toBe(true)
  })
})

describe('close', () => {
  const hanging = (): { family: Sluggish; connection: PersistentConnection } => {
    const family = new Sluggish()
    family.hang = true
    return { family, connection: family.sockets.persistent('memory:hang', { retry: quick }) }
  }

  test('before the first try has begun to answer, twice', async () => {
    const before = timers()
    const connection = keep('memory:nobody')
    const events = log(connection)
    await Promise.all([connection.close(), connection.close()])
    await connection.close()
    expect(events).toEqual(['close'])
    expect(await eventually(() => timers() <= before)).toBe(true)
    await expect(connection.connection()).rejects.toEqual(withCode('ERR_SOCKET_CLOSED'))
    expect(await connection[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined })
  })

  test('during a try: the family is told, and what it still brings is closed', async () => {
    const before = timers()
    await using server = await Server.start('memory:hang')
    const { family, connection } = hanging()
    const waiting = expect(connection.connection()).rejects.toEqual(withCode('ERR_SOCKET_CLOSED'))
    await sleep(5)
    await connection.close()
    await waiting
    expect([family.tries, family.aborts]).toEqual([1, 1])
    family.bring()
    expect(await eventually(() => (server.peers[0] as StreamEndpoint | undefined)?.destroyed === true)).toBe(true)
    expect(await eventually(() => timers() <= before)).toBe(true)
  })

  test('during a pause', async () => {
    const before = timers()
    const family = new Sluggish()
    const connection = family.sockets.persistent('memory:nobody', {
      retry: { minDelay: 60_000, maxDelay: 60_000, jitter: 0 },
    })
    await once(connection, 'retry')
    await connection.close()
    expect(await eventually(() => timers() <= before)).toBe(true)
    expect(family.tries).toBe(1)
  })

  test.each(['connect', 'disconnect', 'retry'] as const)('from within %s', async (event) => {
    await using server = await Server.start('memory:within')
    const before = timers()
    const connection = keep(server.address)
    const events = log(connection)
    connection.once(event, () => void connection.close())
    if (event !== 'connect') {
      await connection.connection()
      memoryLink(server.address).cut()
    }
    await once(connection, 'close')
    expect(events.at(-1)).toBe('close')
    expect(events.filter((name) => name === 'connect')).toHaveLength(1)
    expect(events.filter((name) => name === 'disconnect')).toHaveLength(1)
    expect(await eventually(() => timers() <= before)).toBe(true)
  })

  test('at any moment between a connect and its event', async () => {
    await using server = await Server.start('memory:moment')
    for (let moment = 0; moment < 40; moment++) {
      const connection: PersistentConnection = persistent(server.address, {
        retry: quick,
        prepare: () => {
          void later(moment).then(() => connection.close())
        },
      })
      const events = log(connection)
      await once(connection, 'close')
      expect([['close'], ['connect', 'disconnect', 'close']]).toContainEqual(events)
    }
    const isClosed = (peer: Endpoint): boolean => (peer as StreamEndpoint).destroyed
    expect(await eventually(() => server.peers.every(isClosed))).toBe(true)

    async function later(microtasks: number): Promise<void> {
      for (let turn = 0; turn < microtasks; turn++) await undefined
    }
  })

  test('by its signal: those who wait get an AbortError, and there is no error event', async () => {
    const reason = new Error('changed our mind')
    const aborted = expect.objectContaining({ name: 'AbortError', cause: reason })
    const controller = new AbortController()
    const connection = keep('memory:nobody', { signal: controller.signal })
    const events = log(connection)
    const waiting = expect(connection.connection()).rejects.toEqual(aborted)
    const iterating = expect(connection[Symbol.asyncIterator]().next()).rejects.toEqual(aborted)
    controller.abort(reason)
    await Promise.all([waiting, iterating, once(connection, 'close')])
    expect(events).toEqual(['close'])
    await expect(connection.connection()).rejects.toEqual(aborted)
  })

  test('by a signal that had fired before: nothing is tried', async () => {
    const family = new Sluggish()
    const connection = family.sockets.persistent('memory:x', { signal: AbortSignal.abort() })
    await once(connection, 'close')
    await expect(connection.connection()).rejects.toMatchObject({ name: 'AbortError' })
    expect(family.tries).toBe(0)
  })

  test('leaves no listener on a long-lived signal', async () => {
    const warnings: Error[] = []
    const onWarning = (warning: Error): number => warnings.push(warning)
    process.on('warning', onWarning)
    const { signal } = new AbortController()
    for (let turn = 0; turn < 20; turn++) await keep('memory:nobody', { signal }).close()
    await sleep(10)
    process.off('warning', onWarning)
    expect(warnings).toEqual([])
  })

  test('using closes it', async () => {
    let connection: PersistentConnection
    {
      await using one = keep('memory:nobody')
      connection = one
    }
    expect(connection.closed).toBe(true)
  })
})

describe('prepare', () => {
  test('goes before everything else on each connection', async () => {
    await using server = await Server.start('memory:login', {
      onPeer: (peer) => (peer as StreamEndpoint).write('hello'),
    })
    const prepare = async (endpoint: Endpoint): Promise<void> => {
      const [greeting] = await once(endpoint, 'data')
      ;(endpoint as StreamEndpoint).write(`[${greeting}]`)
    }
    await using connection = persistent(server.address, { retry: quick, prepare })
    const sent = connection.send('a')
    expect(connection.endpoint).toBe(undefined)
    await sent
    await eventually(() => server.text === '[hello]a')
    const lost = once(connection, 'disconnect')
    memoryLink(server.address).cut()
    await lost
    await connection.send('b')
    expect(await eventually(() => server.text === '[hello]a[hello]b')).toBe(true)
  })

  test('what it throws is the error of the try', async () => {
    await using server = await Server.start('memory:wrong')
    const connection = persistent(server.address, {
      retry: quick,
      prepare: () => Promise.reject(new Error('wrong password')),
    })
    await expect(connection.connection()).rejects.toThrow('wrong password')
    expect(await eventually(() => server.peers.every((peer) => (peer as StreamEndpoint).destroyed))).toBe(true)
  })

  test('a connection that is lost meanwhile is tried again, whatever prepare says', async () => {
    let accepted = 0
    await using server = await Server.start('memory:moody', {
      onPeer: (peer) => {
        if (++accepted < 4) void peer[Symbol.asyncDispose]()
        else (peer as StreamEndpoint).write('hello')
      },
    })
    const retries: Retry[] = []
    const prepare = async (endpoint: Endpoint): Promise<void> => {
      if (accepted === 2) await once(endpoint, 'data')
      for await (const _ of (endpoint as StreamEndpoint).iterator({ destroyOnReturn: false })) return
      throw new Error('no greeting')
    }
    await using connection = persistent(server.address, {
      retry: { ...quick, onRetry: (retry) => retries.push(retry) },
      prepare,
    })
    await connection.connection({ timeout: 5000 })
    expect(retries.map(({ error }) => (error as NodeJS.ErrnoException).code)).toEqual(Array(3).fill('ECONNABORTED'))
  })

  test.each(['a timeout', 'close'])('that never ends is ended by %s, with its connection', async (what) => {
    await using server = await Server.start('memory:never')
    const prepare = (): Promise<void> => new Promise(() => undefined)
    const retry = { ...quick, attemptTimeout: what === 'close' ? 60_000 : 20, attempts: 2 }
    const connection = persistent(server.address, { retry, prepare })
    const refused = expect(connection.connection()).rejects.toEqual(
      withCode(what === 'close' ? 'ERR_SOCKET_CLOSED' : 'ETIMEDOUT'),
    )
    await eventually(() => server.peers.length > 0)
    if (what === 'close') await connection.close()
    await refused
    expect(await eventually(() => server.peers.every((peer) => (peer as StreamEndpoint).destroyed))).toBe(true)
  })
})

describe('misuse', () => {
  test.each([
    { retry: 5 },
    { retry: true },
    { retry: null },
    { retry: { jitter: 2 } },
    { stableAfter: -1 },
    { stableAfter: '5' },
    { prepare: 'login' },
    { timeout: -1 },
    { outbox: 5 },
    { outbox: null },
    { outbox: { messages: -1 } },
    { outbox: { bytes: 1.5 } },
    { outbox: { whenFull: 'panic' } },
    null,
    5,
  ])('%o is refused', (options) => {
    expect(() => persistent('memory:x', options as never)).toThrow(misuse)
  })

  test('what is wrong with the address or a name is thrown at once', () => {
    expect(() => persistent('tcp://x:99999')).toThrow(withCode('ERR_ADDRESS_INVALID'))
    expect(() => persistent('nowhere:x')).toThrow(withCode('ERR_FAMILY_UNKNOWN'))
    expect(() => persistent('memory:x', { outbox: { limit: 5 } } as never)).toThrow(withCode('ERR_OPTION_UNKNOWN'))
  })

  test('a message that is none, and times that are none', async () => {
    await using connection = keep('memory:nobody')
    await expect(connection.send(5 as never)).rejects.toEqual(misuse)
    await expect(connection.send('x', { timeout: -1 })).rejects.toEqual(misuse)
  })

  test('an option that the scheme does not know is told by the first try', async () => {
    const connection = keep('memory:x', { speed: 'high' } as object)
    await expect(connection.connection()).rejects.toEqual(withCode('ERR_OPTION_UNKNOWN'))
  })
})
