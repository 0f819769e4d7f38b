import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  adopt,
  bind,
  type CloseMessage,
  connect,
  createConnection,
  type DatagramEndpoint,
  type DiagnosticsMessages,
  type ErrorMessage,
  Listener,
  type ListenerEvents,
  type ListenerHandle,
  listen,
  SocketError,
  type StreamEndpoint,
  socketpair,
} from '../../src/index.ts'
import { factsOf, given, scheme } from '../support/need.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

type Name = keyof DiagnosticsMessages
type Published = { [N in Name]: [channel: N, event: string, message: DiagnosticsMessages[N]] }[Name]

const log: Published[] = []
const note =
  (name: Name, event: string) =>
  (message: unknown): void => {
    // The channel says what is published through it.
    log.push([name, event, message] as Published)
  }
const plain = (['polysocket.accept', 'polysocket.error', 'polysocket.close'] as const).map(
  (name) => [name, note(name, '')] as const,
)
const traces = (['polysocket.connect', 'polysocket.listen', 'polysocket.bind'] as const).map((name) => {
  const handlers = Object.fromEntries(
    ['start', 'end', 'asyncStart', 'asyncEnd', 'error'].map((event) => [event, note(name, event)]),
  )
  return [
    tracingChannel(name),
    handlers as unknown as Parameters<ReturnType<typeof tracingChannel>['subscribe']>[0],
  ] as const
})

beforeEach(() => {
  log.length = 0
  for (const [name, handler] of plain) subscribe(name, handler)
  for (const [channel, handlers] of traces) channel.subscribe(handlers)
})

afterEach(async () => {
  // Closes of this test's endpoints are told a turn after it: they are not the next test's.
  await turn()
  for (const [name, handler] of plain) unsubscribe(name, handler)
  for (const [channel, handlers] of traces) channel.unsubscribe(handlers)
})

const of = <N extends Name>(name: N): DiagnosticsMessages[N][] =>
  log.filter(([channel]) => channel === name).map(([, , message]) => message as DiagnosticsMessages[N])
const events = (name: Name): string[] => log.filter(([channel]) => channel === name).map(([, event]) => event)
const errorsOf = (socket: unknown): ErrorMessage[] => of('polysocket.error').filter((each) => each.socket === socket)
const closesOf = (socket: unknown): CloseMessage[] => of('polysocket.close').filter((each) => each.socket === socket)

const succeeds = ['start', 'end', 'asyncStart', 'asyncEnd']
const fails = ['start', 'end', 'error', 'asyncStart', 'asyncEnd']

for (const engine of ['kernel', 'node'] as const) {
  const tcp = given(scheme('tcp', engine))
  const udp = given(scheme('udp', engine))

  describe(`diagnostics, ${engine} engine`, () => {
    tcp('listen, connect, accept and close, each once', async () => {
      const listener = await listen('tcp://127.0.0.1:0', { engine })
      expect(events('polysocket.listen')).toEqual(succeeds)
      expect(of('polysocket.listen')[0]).toEqual({ address: 'tcp://127.0.0.1:0', result: listener })
      const accepting = listener.accept()
      const client = (await connect(listener.address, { engine })) as StreamEndpoint
      expect(events('polysocket.connect')).toEqual(succeeds)
      expect(of('polysocket.connect')[0]).toEqual({ address: listener.address, result: client })
      const accepted = (await accepting) as StreamEndpoint
      expect(of('polysocket.accept')).toEqual([{ listener, endpoint: accepted }])
      accepted.resume()
      client.resume().end()
      await Promise.all([once(client, 'close'), once(accepted, 'close'), listener.close()])
      await listener.close()
      client.destroy()
      for (const socket of [client, accepted, listener])
        expect(closesOf(socket)).toEqual([{ socket, error: undefined }])
      expect(of('polysocket.error')).toEqual([])
      expect(of('polysocket.close')).toHaveLength(3)
    })

    tcp('createConnection: the endpoint is the result', async () => {
      await using listener = await listen('tcp://127.0.0.1:0', { engine })
      const client = createConnection(listener.address, { engine })
      await once(client, 'connect')
      expect(events('polysocket.connect')).toEqual(succeeds)
      expect(of('polysocket.connect')[0]?.result).toBe(client)
      await client[Symbol.asyncDispose]()
      expect(closesOf(client)).toHaveLength(1)
    })

    tcp('a refused createConnection: one error of the trace, one of the endpoint, one close', async () => {
      const address = await refusing(engine)
      const client = createConnection(address, { engine })
      const [error] = await new Promise<[Error]>((resolve) => {
        client.once('error', (...args: [Error]) => client.once('close', () => resolve(args)))
      })
      expect(error).toMatchObject({ code: 'ECONNREFUSED' })
      expect(events('polysocket.connect')).toEqual(fails)
      expect(of('polysocket.connect')[0]?.error).toBe(error)
      expect(errorsOf(client)).toEqual([{ socket: client, error, fatal: true }])
      expect(closesOf(client)).toEqual([{ socket: client, error }])
    })

    tcp('a refused connect: an error of the trace, and no endpoint', async () => {
      const address = await refusing(engine)
      log.length = 0
      const error = await connect(address, { engine }).catch((reason) => reason)
      expect(events('polysocket.connect')).toEqual(fails)
      expect(of('polysocket.connect')[0]?.error).toBe(error)
      expect(log).toHaveLength(fails.length)
    })

    tcp('destroy while connecting: a close, and no error of the endpoint', async () => {
      await using listener = await listen('tcp://127.0.0.1:0', { engine })
      const client = createConnection(listener.address, { engine })
      client.destroy()
      await once(client, 'close')
      expect(await eventually(() => events('polysocket.connect').includes('asyncEnd'))).toBe(true)
      expect(errorsOf(client)).toEqual([])
      expect(closesOf(client)).toEqual([{ socket: client, error: undefined }])
    })

    tcp('a reset by the peer: one error, one close with it', async () => {
      await using listener = await listen('tcp://127.0.0.1:0', { engine })
      const client = (await connect(listener.address, { engine })) as StreamEndpoint
      const accepted = (await listener.accept()) as StreamEndpoint
      const closed = new Promise((resolve) => client.once('close', resolve))
      client.on('error', () => undefined).resume()
      accepted.resetAndDestroy()
      await closed
      const [reported] = errorsOf(client)
      expect(reported).toEqual({ socket: client, error: expect.objectContaining({ code: 'ECONNRESET' }), fatal: true })
      expect(closesOf(client)).toEqual([{ socket: client, error: reported?.error }])
      expect(closesOf(accepted)).toEqual([{ socket: accepted, error: undefined }])
      expect(of('polysocket.error')).toHaveLength(1)
    })

    udp('a datagram endpoint: bind, an error that it survives, close', async () => {
      const server = await bind('udp://127.0.0.1:0', { engine })
      expect(events('polysocket.bind')).toEqual(succeeds)
      expect(of('polysocket.bind')[0]?.result).toBe(server)
      const client = (await connect(server.local as NonNullable<typeof server.local>, { engine })) as DatagramEndpoint
      await server.close()
      await server.close()
      expect(closesOf(server)).toEqual([{ socket: server, error: undefined }])
      client.on('message', () => undefined).on('error', () => undefined)
      await client.send('is anybody there?').catch(() => undefined)
      expect(await eventually(() => errorsOf(client).length > 0)).toBe(true)
      expect(errorsOf(client)[0]).toMatchObject({ error: { code: 'ECONNREFUSED' }, fatal: false })
      await client.close()
      expect(closesOf(client)).toEqual([{ socket: client, error: undefined }])
    })

    tcp('a subscriber that throws does not keep anybody from their connection', async () => {
      const thrown = new Error('a bad subscriber')
      const bad = (): never => {
        throw thrown
      }
      const uncaught: unknown[] = []
      const others = process.listeners('uncaughtException')
      process.removeAllListeners('uncaughtException')
      process.on('uncaughtException', (error) => uncaught.push(error))
      subscribe('polysocket.close', bad)
      try {
        await using listener = await listen('tcp://127.0.0.1:0', { engine })
        const client = (await connect(listener.address, { engine })) as StreamEndpoint
        await client[Symbol.asyncDispose]()
        await listener.close()
        expect(await eventually(() => uncaught.length === 2)).toBe(true)
        expect(uncaught).toEqual([thrown, thrown])
      } finally {
        unsubscribe('polysocket.close', bad)
        process.removeAllListeners('uncaughtException')
        for (const other of others) process.on('uncaughtException', other)
      }
    })

    tcp('a store that is bound to the start holds while the name is looked up', async () => {
      await using listener = await listen('tcp://127.0.0.1:0', { engine })
      const storage = new AsyncLocalStorage<string>()
      const { start } = tracingChannel('polysocket.connect')
      start.bindStore(storage, () => 'in the span')
      const seen: (string | undefined)[] = []
      const onEnd = (): void => void seen.push(storage.getStore())
      subscribe('tracing:polysocket.connect:asyncEnd', onEnd)
      try {
        const { port } = listener.address as { port: number } & typeof listener.address
        const client = (await connect(`tcp://localhost:${port}`, { engine })) as StreamEndpoint
        client.destroy()
        expect(storage.getStore()).toBeUndefined()
        expect(seen).toEqual(['in the span'])
      } finally {
        start.unbindStore(storage)
        unsubscribe('tracing:polysocket.connect:asyncEnd', onEnd)
      }
    })
  })
}

test('misuse is an error of the trace', async () => {
  const reason = await connect('nonsense:x').catch((error) => error)
  expect(reason).toMatchObject({ code: 'ERR_FAMILY_UNKNOWN' })
  expect(events('polysocket.connect')).toEqual(fails)
  expect(of('polysocket.connect')[0]).toEqual({ address: 'nonsense:x', error: reason })
})

for (const each of ['unix', 'unixgram', 'unixpacket'] as const) {
  given(scheme(each))(`a pair, ${each}: a close for each end`, async () => {
    const ends = socketpair(each) as [StreamEndpoint | DatagramEndpoint, StreamEndpoint | DatagramEndpoint]
    for (const end of ends) await end[Symbol.asyncDispose]()
    for (const end of ends) expect(closesOf(end)).toEqual([{ socket: end, error: undefined }])
    expect(of('polysocket.close')).toHaveLength(2)
  })
}

given(scheme('unix'))('what was adopted: a listener, its connection, and their closes', async () => {
  await using directory = await temporaryDirectory()
  const original = await listen(`unix:${directory.file('socket')}`)
  const [near, far] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
  const passed = once(far.resume(), 'fds') as Promise<[number[]]>
  near.writeWithFds(Buffer.from('x'), [original.fd as number])
  const [[fd]] = await passed
  const listener = adopt(fd as number) as Listener<StreamEndpoint>
  const accepting = listener.accept({ timeout: 5000 })
  const client = (await connect(original.address)) as StreamEndpoint
  const accepted = await accepting
  expect(of('polysocket.accept')).toEqual([{ listener, endpoint: accepted }])
  const all = [client, accepted, listener, original, near, far]
  for (const socket of all) await socket[Symbol.asyncDispose]()
  for (const socket of all) expect(closesOf(socket)).toHaveLength(1)
  expect(of('polysocket.close')).toHaveLength(all.length)
})

test('a listener that runs out of descriptors, and one that is lost', async () => {
  let events: ListenerEvents | undefined
  const handle = {
    facts: factsOf('memory'),
    engine: 'scripted',
    start: (those: ListenerEvents) => {
      events = those
    },
    close: () => undefined,
  } as unknown as ListenerHandle
  // No test can bring the system to lose a listening socket.
  const listener = new Listener(handle as never, () => {
    throw new Error('nobody connects')
  })
  const exhausted = once(listener, 'exhausted')
  const emfile = new SocketError('EMFILE', 'accept EMFILE')
  events?.onError(emfile, false)
  await exhausted
  expect(of('polysocket.error')).toEqual([{ socket: listener, error: emfile, fatal: false }])
  expect(of('polysocket.close')).toEqual([])
  const lost = new SocketError('ENETDOWN', 'accept ENETDOWN')
  const failed = once(listener, 'error')
  const closed = new Promise<void>((resolve) => listener.once('close', resolve))
  events?.onError(lost, true)
  await Promise.all([failed, closed, listener.close()])
  expect(errorsOf(listener).at(-1)).toEqual({ socket: listener, error: lost, fatal: true })
  expect(closesOf(listener)).toEqual([{ socket: listener, error: lost }])
})

async function refusing(engine: 'kernel' | 'node'): Promise<Listener['address']> {
  const listener = await listen('tcp://127.0.0.1:0', { engine })
  await listener.close()
  log.length = 0
  return listener.address
}
