import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import {
  bind,
  connect,
  createConnection,
  type EngineName,
  listen,
  type Retry,
  type RetryOptions,
  SocketError,
  type StreamEndpoint,
} from '../../src/index.ts'
import { misuse } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { Server } from './servers.ts'
import { Sluggish } from './sluggish.ts'

const quick: RetryOptions = { minDelay: 5, maxDelay: 20 }
const withCode = (code: string) => expect.objectContaining({ code })

/** An address at which there is a server only while one is started. */
async function vacant(address: string, engine?: EngineName): Promise<Server> {
  const server = await Server.start(address, engine === undefined ? {} : { engine })
  await server.stop()
  return server
}

function timers(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
}

describe.each<[string, EngineName, string]>([
  ['tcp', 'kernel', 'ECONNREFUSED'],
  ['tcp', 'node', 'ECONNREFUSED'],
  ['unix', 'kernel', 'ENOENT'],
  ['unix', 'node', 'ENOENT'],
  ['unixpacket', 'kernel', 'ENOENT'],
])('%s on the %s engine', (name, engine, code) => {
  const test = given(scheme(name, engine))
  const somewhere = (file: (name: string) => string) =>
    name === 'tcp' ? 'tcp://127.0.0.1:0' : `${name}:${file('late')}`

  test('a server that starts late is connected to', async () => {
    await using directory = await temporaryDirectory()
    await using server = await vacant(somewhere(directory.file), engine)
    const retries: Retry[] = []
    const connecting = connect(server.address, { engine, retry: { ...quick, onRetry: (retry) => retries.push(retry) } })
    await eventually(() => retries.length >= 3)
    await server.start()
    await using endpoint = await connecting
    expect(endpoint.remote).toBeDefined()
    expect(retries.length).toBeGreaterThanOrEqual(3)
    expect(retries.map(({ attempt }) => attempt)).toEqual(retries.map((_, index) => index + 1))
    for (const { delay, error } of retries) {
      expect(error).toEqual(withCode(code))
      expect(delay).toBeLessThanOrEqual(20)
    }
  })

  test('the last error comes as it is, with the number of tries, and nothing stays open', async () => {
    await using directory = await temporaryDirectory()
    await using server = await vacant(somewhere(directory.file), engine)
    const before = openDescriptors()
    const retries: Retry[] = []
    const retry = { ...quick, attempts: 4, onRetry: (each: Retry) => retries.push(each) }
    const failure = await connect(server.address, { engine, retry }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(SocketError)
    expect(failure).toMatchObject({ code, attempts: 4, syscall: 'connect' })
    expect(retries).toHaveLength(3)
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })
})

given(scheme('unix'))('a path whose server has died (ECONNREFUSED), and one that is no path (ENOTDIR)', async () => {
  await using directory = await temporaryDirectory()
  await writeFile(directory.file('plain'), '')
  await expect(connect(`unix:${directory.file('plain')}`, { retry: { ...quick, attempts: 2 } })).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    attempts: 2,
  })
  await expect(connect(`unix:${directory.file('plain/x')}`, { retry: quick })).rejects.toMatchObject({
    code: 'ENOTDIR',
    attempts: 1,
  })
})

describe('what is not worth another try', () => {
  test.each([
    ['tcp://127.0.0.1:99999', 'ERR_ADDRESS_INVALID'],
    ['nowhere:x', 'ERR_FAMILY_UNKNOWN'],
  ])('%s', async (address, code) => {
    await expect(connect(address, { retry: true })).rejects.toEqual(withCode(code))
  })

  test('an option that the scheme does not know', async () => {
    const options = { retry: true, speed: 'high' } as object
    await expect(connect('memory:x', options)).rejects.toMatchObject({ code: 'ERR_OPTION_UNKNOWN', attempts: 1 })
  })

  test('what `when` says no to; it gets the error and the number of the try', async () => {
    const asked: unknown[] = []
    const when = (error: Error, attempt: number): boolean => {
      asked.push([(error as SocketError).code, attempt])
      return attempt < 3
    }
    await expect(connect('memory:nobody', { retry: { ...quick, when } })).rejects.toMatchObject({ attempts: 3 })
    expect(asked).toEqual([1, 2, 3].map((attempt) => ['ECONNREFUSED', attempt]))
  })

  test('what `when` throws is thrown, and so is what onRetry throws', async () => {
    const fail = (): never => {
      throw new RangeError('mine')
    }
    await expect(connect('memory:nobody', { retry: { ...quick, when: fail } })).rejects.toThrow('mine')
    await expect(connect('memory:nobody', { retry: { ...quick, onRetry: fail } })).rejects.toThrow('mine')
  })
})

test.each([{ retry: 'always' }, { retry: null }, { retry: 0 }, { retry: { attempts: 1.5 } }])(
  '%o is refused',
  async (options) => {
    await expect(connect('memory:x', options as never)).rejects.toEqual(misuse)
    expect(() => createConnection('memory:x', options as never)).toThrow(misuse)
  },
)

test('only connecting knows `retry`', async () => {
  await expect(listen('memory:x', { retry: true } as object)).rejects.toEqual(withCode('ERR_OPTION_UNKNOWN'))
  await expect(bind('memorygram:x', { retry: true } as object)).rejects.toEqual(withCode('ERR_OPTION_UNKNOWN'))
})

describe('the timeout', () => {
  test('holds for all tries and pauses; the cause tells what the last try said', async () => {
    const started = performance.now()
    const failure = (await connect('memory:nobody', { timeout: 120, retry: quick }).catch(
      (error) => error,
    )) as SocketError
    expect(performance.now() - started).toBeLessThan(2000)
    expect(failure).toMatchObject({ code: 'ETIMEDOUT', cause: withCode('ECONNREFUSED') })
    expect(failure.attempts).toBeGreaterThan(2)
  })

  test('ends a pause of any length, and leaves no timer', async () => {
    const before = timers()
    const retry = { minDelay: 60_000, maxDelay: 60_000, jitter: 0 }
    await expect(connect('memory:nobody', { timeout: 30, retry })).rejects.toEqual(withCode('ETIMEDOUT'))
    expect(await eventually(() => timers() <= before)).toBe(true)
  })
})

describe('an abort', () => {
  const reason = new Error('changed our mind')
  const aborted = expect.objectContaining({ name: 'AbortError', cause: reason })

  test('before: nothing is tried', async () => {
    const family = new Sluggish()
    await expect(
      family.sockets.connect('memory:x', { retry: true, signal: AbortSignal.abort(reason) }),
    ).rejects.toEqual(aborted)
    expect(family.tries).toBe(0)
  })

  test('during a pause', async () => {
    const before = timers()
    const controller = new AbortController()
    const retry = {
      minDelay: 60_000,
      maxDelay: 60_000,
      jitter: 0,
      onRetry: () => setImmediate(() => controller.abort(reason)),
    }
    await expect(connect('memory:nobody', { signal: controller.signal, retry })).rejects.toEqual(aborted)
    expect(await eventually(() => timers() <= before)).toBe(true)
  })

  test('from within onRetry', async () => {
    const controller = new AbortController()
    const retry = { ...quick, onRetry: () => controller.abort(reason) }
    await expect(connect('memory:nobody', { signal: controller.signal, retry })).rejects.toEqual(aborted)
  })

  test('during a try: the family is told, and what it still brings is closed', async () => {
    const before = timers()
    await using server = await Server.start('memory:late')
    const family = new Sluggish()
    family.hang = true
    const controller = new AbortController()
    const connecting = family.sockets.connect(server.address, { signal: controller.signal, retry: true })
    const refused = expect(connecting).rejects.toEqual(aborted)
    await sleep(5)
    controller.abort(reason)
    await refused
    expect(family.aborts).toBe(1)
    family.bring()
    expect(await eventually(() => (server.peers[0] as StreamEndpoint | undefined)?.destroyed === true)).toBe(true)
    expect(await eventually(() => timers() <= before)).toBe(true)
  })
})

test('attemptTimeout: a try that hangs is given up, and the next one connects', async () => {
  await using server = await Server.start('memory:slow')
  const family = new Sluggish()
  family.hang = true
  const retries: Retry[] = []
  const onRetry = (retry: Retry): void => {
    retries.push(retry)
    family.hang = false
  }
  await using endpoint = await family.sockets.connect(server.address, {
    retry: { ...quick, attemptTimeout: 30, onRetry },
  })
  expect(endpoint.remote).toMatchObject({ name: 'slow' })
  expect(retries).toEqual([expect.objectContaining({ attempt: 1, error: withCode('ETIMEDOUT') })])
  expect([family.tries, family.aborts]).toEqual([2, 1])
})

test("a family of one's own is tried again, and knows nothing of it", async () => {
  const family = new Sluggish()
  await expect(family.sockets.connect('memory:nobody', { retry: { ...quick, attempts: 3 } })).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    attempts: 3,
  })
  expect([family.tries, family.lastOptions]).toEqual([3, {}])
})

describe('createConnection', () => {
  test('is connecting until a server is there; what was written meanwhile arrives', async () => {
    await using server = await vacant('memory:later')
    const retries: Retry[] = []
    const endpoint = createConnection(server.address, { retry: { ...quick, onRetry: (retry) => retries.push(retry) } })
    endpoint.end('early')
    await eventually(() => retries.length >= 2)
    expect(endpoint.connecting).toBe(true)
    await server.start()
    await once(endpoint, 'connect')
    expect(await eventually(() => server.text === 'early')).toBe(true)
    endpoint.destroy()
  })

  test('destroyed during a pause it tries no more, and leaves no timer', async () => {
    const before = timers()
    const family = new Sluggish()
    const endpoint = family.sockets.createConnection('memory:nobody', {
      retry: { minDelay: 60_000, maxDelay: 60_000, jitter: 0 },
    })
    await eventually(() => family.tries === 1)
    await sleep(20)
    endpoint.destroy()
    await once(endpoint, 'close')
    expect(await eventually(() => timers() <= before)).toBe(true)
    expect(family.tries).toBe(1)
  })

  test('fails with the last error', async () => {
    const endpoint = createConnection('memory:nobody', { retry: { ...quick, attempts: 2 } })
    const [error] = await once(endpoint, 'error')
    expect(error).toMatchObject({ code: 'ECONNREFUSED', attempts: 2 })
  })
})
