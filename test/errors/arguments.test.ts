import { describe, expect, test } from 'vitest'
import { builtinFamilies } from '../../src/families/index.ts'
import {
  adopt,
  bind,
  connect,
  createConnection,
  createSockets,
  type DatagramEndpoint,
  type EngineName,
  formatAddress,
  listen,
  parseAddress,
  type StreamEndpoint,
  socketpair,
} from '../../src/index.ts'
import { outOfRange, wrongNumber, wrongType, wrongValue } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'

const withCode = (code: string) => expect.objectContaining({ code })
const somewhere = 'unix:/nonexistent/socket'

/** A value of the wrong type, as JavaScript callers can pass it. */
const wrong = (value: unknown): never => value as never

describe('an argument of the wrong type is a TypeError, a number that cannot be a RangeError', () => {
  test.each([undefined, null, 5, true, [], {}, () => {}, Symbol('x'), Buffer.from('tcp://x:1')])(
    'as an address: %o',
    async (value) => {
      await expect(connect(wrong(value))).rejects.toEqual(wrongType)
      await expect(listen(wrong(value))).rejects.toEqual(wrongType)
      await expect(bind(wrong(value))).rejects.toEqual(wrongType)
      expect(() => createConnection(wrong(value))).toThrow(wrongType)
      expect(() => formatAddress(wrong(value))).toThrow(wrongType)
      expect(() => parseAddress(wrong(value))).toThrow(wrongType)
    },
  )

  test.each([null, 5, 'options'])('as options: %o', async (value) => {
    await expect(connect(somewhere, wrong(value))).rejects.toEqual(wrongType)
    await expect(listen(somewhere, wrong(value))).rejects.toEqual(wrongType)
    await expect(bind('udp://127.0.0.1:0', wrong(value))).rejects.toEqual(wrongType)
  })

  const options: [option: Record<string, unknown>, refusal: unknown][] = [
    [{ signal: {} }, wrongType],
    [{ signal: 'abort' }, wrongType],
    [{ timeout: '5' }, wrongType],
    [{ timeout: -1 }, outOfRange],
    [{ timeout: Number.NaN }, outOfRange],
    [{ timeout: 2 ** 31 }, outOfRange],
    [{ engine: 'magic' }, wrongValue],
    [{ allowHalfOpen: 1 }, wrongType],
    [{ highWaterMark: -1 }, outOfRange],
    [{ highWaterMark: 1.5 }, outOfRange],
    [{ sendQueue: '10' }, wrongType],
    [{ receiveQueue: Number.NaN }, outOfRange],
    [{ local: 5 }, wrongType],
  ]
  test.each(options)('as an option: %o', async (option, refusal) => {
    await expect(connect(somewhere, wrong(option))).rejects.toEqual(refusal)
  })

  test.each([{ backlog: -1 }, { backlog: '5' }, { maxConnections: -1 }, { maxConnections: 'all' }])(
    'as an option of listen: %o',
    async (option) => {
      await expect(listen(somewhere, wrong(option))).rejects.toEqual(wrongNumber(Object.values(option)[0]))
    },
  )

  test.each([undefined, null, '3', -1, 1.5, Number.NaN])('as a descriptor: %o', (value) => {
    expect(() => adopt(wrong(value))).toThrow(wrongNumber(value))
  })

  test('a family that is registered twice', () => {
    expect(() => createSockets([...builtinFamilies, ...builtinFamilies])).toThrow(TypeError)
  })
})

describe('an unknown option is ERR_OPTION_UNKNOWN', () => {
  for (const engine of ['kernel', 'node'] as const) {
    const option = { engine, bogus: 1 } as { engine: EngineName }

    given(scheme('unix', engine))(`on opening: ${engine} engine`, async () => {
      await expect(connect(somewhere, option)).rejects.toEqual(withCode('ERR_OPTION_UNKNOWN'))
      await expect(listen('tcp://127.0.0.1:0', option)).rejects.toEqual(withCode('ERR_OPTION_UNKNOWN'))
      await expect(bind('udp://127.0.0.1:0', option)).rejects.toEqual(withCode('ERR_OPTION_UNKNOWN'))
    })

    given(scheme('unix', engine))(`on an open endpoint, which lives on: ${engine} engine`, async () => {
      await using endpoint = (await bind('udp://127.0.0.1:0', { engine })) as DatagramEndpoint
      expect(() => endpoint.getOption('bogus')).toThrow(withCode('ERR_OPTION_UNKNOWN'))
      expect(() => endpoint.setOption('bogus', 1)).toThrow(withCode('ERR_OPTION_UNKNOWN'))
      expect(() => endpoint.setOption('noDelay', true)).toThrow(withCode('ERR_OPTION_UNKNOWN'))
      await endpoint.send('x', endpoint.local)
      expect(String((await endpoint.receive())?.data)).toBe('x')
    })
  }

  test('memory knows none at all', async () => {
    const option = { noDelay: true } as Record<string, unknown>
    await expect(connect('memory:nobody', option)).rejects.toEqual(withCode('ERR_OPTION_UNKNOWN'))
  })

  given(scheme('tcp'))('a value of the wrong type for a known one is a TypeError', async () => {
    await expect(listen('tcp://127.0.0.1:0', wrong({ reuseAddress: 'yes' }))).rejects.toEqual(wrongType)
    await expect(connect(somewhere, wrong({ sendBuffer: 'large' }))).rejects.toEqual(wrongType)
    await expect(connect(somewhere, wrong({ receiveBuffer: -1 }))).rejects.toEqual(outOfRange)
    await using endpoint = (await bind('udp://127.0.0.1:0')) as DatagramEndpoint
    expect(() => endpoint.setOption('broadcast', wrong('yes'))).toThrow(wrongType)
    expect(() => endpoint.setOption({ level: 1, name: 2 }, wrong('yes'))).toThrow(wrongType)
  })
})

describe('an operation that the scheme does not know is ERR_UNSUPPORTED', () => {
  const unsupported = withCode('ERR_UNSUPPORTED')

  test('listening where there are no connections, binding where there are', async () => {
    await expect(listen('udp://127.0.0.1:0')).rejects.toEqual(unsupported)
    await expect(listen('unixgram:/tmp/x')).rejects.toEqual(unsupported)
    await expect(listen('memorygram:x')).rejects.toEqual(unsupported)
    await expect(bind('tcp://127.0.0.1:0')).rejects.toEqual(unsupported)
    await expect(bind('unix:/tmp/x')).rejects.toEqual(unsupported)
    await expect(bind('memory:x')).rejects.toEqual(unsupported)
  })

  test('a byte stream over messages', () => {
    expect(() => createConnection('udp://127.0.0.1:1')).toThrow(unsupported)
  })

  given(scheme('tcp'))('a pair of a scheme that has none', () => {
    expect(() => socketpair('tcp')).toThrow(unsupported)
  })

  test('a pair of a scheme that nobody knows is ERR_FAMILY_UNKNOWN', () => {
    expect(() => socketpair(wrong('bogus'))).toThrow(withCode('ERR_FAMILY_UNKNOWN'))
  })

  test('an engine that does not carry the scheme', async () => {
    await expect(bind('unixgram:/tmp/x', { engine: 'node' })).rejects.toEqual(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_(UNSUPPORTED|FAMILY_UNAVAILABLE)$/) }),
    )
  })
})

describe('data of the wrong type', () => {
  given(scheme('udp'))('as a message is a TypeError, and the endpoint lives on', async () => {
    await using endpoint = (await bind('udp://127.0.0.1:0')) as DatagramEndpoint
    for (const value of [undefined, null, 5, {}, ['x'], new ArrayBuffer(1)]) {
      await expect(endpoint.send(wrong(value), endpoint.local)).rejects.toThrow(TypeError)
      expect(() => endpoint.trySend(wrong(value), endpoint.local)).toThrow(TypeError)
      await expect(endpoint.sendBatch([wrong({ data: value })])).rejects.toThrow(TypeError)
    }
    await expect(endpoint.sendBatch(wrong('messages'))).rejects.toThrow(TypeError)
    await expect(endpoint.send('x', wrong(5))).rejects.toThrow(TypeError)
    await expect(endpoint.send('x', 'unixgram:/tmp/x')).rejects.toEqual(withCode('ERR_ADDRESS_INVALID'))
    await endpoint.send('x', endpoint.local)
    expect(String((await endpoint.receive())?.data)).toBe('x')
  })

  given(scheme('unix'))('into a stream throws as any Writable does', async () => {
    const [one, two] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
    expect(() => one.write(5)).toThrow(TypeError)
    expect(() => one.setTimeout(wrong('soon'))).toThrow(TypeError)
    one.end('x')
    for await (const chunk of two) expect(String(chunk)).toBe('x')
    one.destroy()
  })

  given(scheme('udp'))('as a limit to wait is refused', async () => {
    await using endpoint = (await bind('udp://127.0.0.1:0')) as DatagramEndpoint
    await using listener = await listen('tcp://127.0.0.1:0')
    for (const option of [{ timeout: 'soon' }, { timeout: -1 }, { signal: 'abort' }]) {
      const refusal = wrongNumber(option.timeout)
      await expect(endpoint.receive(wrong(option))).rejects.toEqual(refusal)
      await expect(listener.accept(wrong(option))).rejects.toEqual(refusal)
    }
  })
})
