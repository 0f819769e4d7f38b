import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import {
  bind,
  connect,
  type DatagramEndpoint,
  type EngineName,
  type Listener,
  listen,
  type StreamEndpoint,
  socketpair,
} from '../../src/index.ts'
import { factsOf, given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const closed = expect.objectContaining({ name: 'SocketError', code: 'ERR_SOCKET_CLOSED' })

describe('using what is closed', () => {
  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('udp', engine))(`a datagram endpoint: ERR_SOCKET_CLOSED, ${engine} engine`, async () => {
      const endpoint = (await bind('udp://127.0.0.1:0', { engine })) as DatagramEndpoint
      const to = endpoint.local
      await endpoint.close()
      await endpoint.close()
      await expect(endpoint.send('x', to)).rejects.toEqual(closed)
      await expect(endpoint.sendBatch([{ data: 'x' }])).rejects.toEqual(closed)
      expect(() => endpoint.trySend('x', to)).toThrow(closed)
      expect(() => endpoint.getOption('receiveBuffer')).toThrow(closed)
      expect(() => endpoint.setOption('receiveBuffer', 4096)).toThrow(closed)
      expect(await endpoint.receive()).toBeUndefined()
      for await (const message of endpoint) expect(message).toBe('nothing comes')
    })

    given(scheme('tcp', engine))(`a listener: ERR_SOCKET_CLOSED, ${engine} engine`, async () => {
      const listener = await listen('tcp://127.0.0.1:0', { engine })
      const waiting = listener.accept()
      await Promise.all([listener.close(), expect(waiting).rejects.toEqual(closed)])
      await listener.close()
      await expect(listener.accept()).rejects.toEqual(closed)
      for await (const endpoint of listener) expect(endpoint).toBe('nobody comes')
    })

    given(scheme('tcp', engine))(`a stream endpoint, as net.Socket: ${engine} engine`, async () => {
      await using pair = await streamPair(engine)
      const { client, accepted } = pair
      client.end('x')
      const [afterEnd] = await Promise.all([once(client, 'error'), client.write('y')])
      expect(afterEnd[0]).toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' })
      accepted.destroy()
      const afterDestroy = await new Promise((resolve) => accepted.write('z', resolve))
      expect(afterDestroy).toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
      expect(() => accepted.getOption('receiveBuffer')).toThrow(closed)
    })

    given(scheme('tcp', engine))(`writing to a peer that reset: EPIPE or ECONNRESET, ${engine} engine`, async () => {
      await using pair = await streamPair(engine)
      const { client, accepted } = pair
      client.resume()
      const failed = once(client, 'error').catch((error) => [error])
      accepted.resetAndDestroy()
      const writing = setInterval(() => client.write('x'), 10)
      const [error] = await failed
      clearInterval(writing)
      expect(error.code).toMatch(/^(EPIPE|ECONNRESET)$/)
    })
  }

  given(scheme('unixgram'))('a message that waits when its endpoint closes fails with ERR_SOCKET_CLOSED', async () => {
    await using peers = await fullPeer()
    const waiting = peers.sender.send('waits')
    await peers.sender.close()
    await expect(waiting).rejects.toEqual(closed)
  })

  test('memory: the same', async () => {
    const endpoint = (await bind('memorygram:closing')) as DatagramEndpoint
    await endpoint.close()
    await expect(endpoint.send('x', 'memorygram:closing')).rejects.toEqual(closed)
  })
})

describe('a message over the limit is EMSGSIZE, and the endpoint lives on', () => {
  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('udp', engine))(`udp, ${engine} engine`, async () => {
      await using endpoint = (await bind('udp://127.0.0.1:0', { engine })) as DatagramEndpoint
      await checkLimit(endpoint, endpoint, endpoint.local)
    })
  }

  given(scheme('unixgram'))('unixgram', async () => {
    await using directory = await temporaryDirectory()
    await using endpoint = (await bind(`unixgram:${directory.file('socket')}`)) as DatagramEndpoint
    await checkLimit(endpoint, endpoint, endpoint.local)
  })

  given(scheme('unixpacket'))('unixpacket', async () => {
    const [one, two] = socketpair('unixpacket') as [DatagramEndpoint, DatagramEndpoint]
    await checkLimit(one, two)
    await one.close()
    await two.close()
  })

  async function checkLimit(
    sender: DatagramEndpoint,
    receiver: DatagramEndpoint,
    to?: DatagramEndpoint['local'],
  ): Promise<void> {
    const { maxMessage } = sender.facts
    if (maxMessage === undefined) throw new Error('the facts name no largest message')
    const tooLong = Buffer.alloc(maxMessage + 1)
    const error = expect.objectContaining({ name: 'SocketError', code: 'EMSGSIZE' })
    await expect(sender.send(tooLong, to)).rejects.toEqual(error)
    expect(() => sender.trySend(tooLong, to)).toThrow(error)
    const between = [Buffer.from('before'), tooLong, Buffer.from('after')].map((data) =>
      to === undefined ? { data } : { data, to },
    )
    expect(await sender.sendBatch(between)).toEqual({ sent: 2, failed: [{ index: 1, error }] })
    await sender.send(Buffer.alloc(maxMessage, 'x'), to)
    const sizes = []
    while (sizes.length < 3) sizes.push((await receiver.receive({ timeout: 5000 }))?.data.length)
    expect(sizes).toEqual([6, 5, maxMessage])
  }
})

describe('a send queue that is full', () => {
  given(scheme('unixgram'))('is ERR_QUEUE_FULL; ready and drain tell when there is room again', async () => {
    await using peers = await fullPeer({ sendQueue: 2 })
    const { sender, receiver } = peers
    const waiting = [sender.send('one'), sender.send('two')]
    await expect(sender.send('three')).rejects.toMatchObject({ name: 'SocketError', code: 'ERR_QUEUE_FULL' })
    expect(sender.trySend('four')).toBe(false)
    const drained = once(sender, 'drain')
    const texts: string[] = []
    receiver.on('message', ({ data }) => texts.push(String(data)))
    await Promise.all([...waiting, sender.ready(), drained])
    await sender.send('last')
    while (!texts.includes('last')) await once(receiver, 'message')
    expect(texts.slice(-3)).toEqual(['one', 'two', 'last'])
  })
})

describe('what the peer of a datagram reports', () => {
  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('udp', engine))(
      `nobody at the port: ECONNREFUSED once, and the endpoint lives on, ${engine} engine`,
      async () => {
        const gone = (await bind('udp://127.0.0.1:0', { engine })) as DatagramEndpoint
        const address = gone.local ?? ''
        await gone.close()
        await using endpoint = (await connect(address, { engine })) as DatagramEndpoint
        const receiving = endpoint.receive({ timeout: 5000 })
        await endpoint.send('anybody?')
        await expect(receiving).rejects.toMatchObject({ code: 'ECONNREFUSED' })
        await using back = (await bind(address, { engine })) as DatagramEndpoint
        await endpoint.send('here?')
        expect(String((await back.receive({ timeout: 5000 }))?.data)).toBe('here?')
      },
    )
  }

  given(scheme('unixpacket'))('sending to one that has closed: EPIPE or ECONNRESET', async () => {
    const [one, two] = socketpair('unixpacket') as [DatagramEndpoint, DatagramEndpoint]
    await two.close()
    await expect(one.send('x')).rejects.toMatchObject({ code: expect.stringMatching(/^(EPIPE|ECONNRESET)$/) })
    await one.close()
  })
})

test('facts name the largest message wherever EMSGSIZE can come', () => {
  expect(factsOf('udp').maxMessage).toBe(65_507)
  expect(factsOf('unixgram').maxMessage).toBeGreaterThan(4096)
  expect(factsOf('unixpacket').maxMessage).toBeGreaterThan(4096)
})

interface StreamPair extends AsyncDisposable {
  readonly client: StreamEndpoint
  readonly accepted: StreamEndpoint
}

async function streamPair(engine: EngineName): Promise<StreamPair> {
  await using listener = (await listen('tcp://127.0.0.1:0', { engine })) as Listener<StreamEndpoint>
  const client = (await connect(listener.address, { engine })) as StreamEndpoint
  const accepted = await listener.accept({ timeout: 5000 })
  const dispose = async (): Promise<void> => {
    client.destroy()
    accepted.destroy()
  }
  return { client, accepted, [Symbol.asyncDispose]: dispose }
}

interface Peers extends AsyncDisposable {
  readonly sender: DatagramEndpoint
  readonly receiver: DatagramEndpoint
}

/** A sender whose connected peer does not read and has no room left. */
async function fullPeer(options: { sendQueue?: number } = {}): Promise<Peers> {
  const directory = await temporaryDirectory()
  const receiver = (await bind(`unixgram:${directory.file('socket')}`)) as DatagramEndpoint
  const sender = (await connect(`unixgram:${directory.file('socket')}`, options)) as DatagramEndpoint
  for (let sent = 0; sender.trySend('fill'); sent++) if (sent > 100_000) throw new Error('the peer is never full')
  const dispose = async (): Promise<void> => {
    await sender.close()
    await receiver.close()
    await directory[Symbol.asyncDispose]()
  }
  return { sender, receiver, [Symbol.asyncDispose]: dispose }
}
