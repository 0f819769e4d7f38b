import { once } from 'node:events'
import { describe, expect } from 'vitest'
import {
  adopt,
  bind,
  connect,
  type DatagramEndpoint,
  type Listener,
  listen,
  type Message,
  type SocketOptions,
  type StreamEndpoint,
  socketpair,
} from '../../src/index.ts'
import { us } from '../support/credentials.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const packets = given(scheme('unixpacket'))
const asked = { receiveCredentials: true, receiveTimestamp: true }

async function received(endpoint: DatagramEndpoint): Promise<Message> {
  const message = await endpoint.receive({ timeout: 5000 })
  if (message === undefined) throw new Error('it ended')
  return message
}

/** A message sent before its connection is accepted and one after, as the accepted end receives them. */
async function beforeAndAfter(listener: Listener<DatagramEndpoint>): Promise<Message[]> {
  await using client = (await connect(listener.address)) as DatagramEndpoint
  await client.send('before')
  await using accepted = await listener.accept({ timeout: 5000 })
  await client.send('after')
  const messages = [await received(accepted), await received(accepted)]
  expect(messages.map(({ data }) => String(data))).toEqual(['before', 'after'])
  return messages
}

function expectAll(messages: readonly Message[]): void {
  for (const { credentials, timestamp } of messages) {
    expect(credentials).toEqual(us)
    expect(Math.abs(Date.now() - Number((timestamp as bigint) / 1_000_000n))).toBeLessThan(60_000)
  }
}

describe('what comes with messages', () => {
  packets('comes on what a listener accepts, also with a message from before', async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen(`unixpacket:${directory.file('s')}`, asked)
    expectAll(await beforeAndAfter(listener))
  })

  packets('comes where the listener was told later, and no more once it was told so', async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen(`unixpacket:${directory.file('s')}`)
    for (const { credentials, timestamp } of await beforeAndAfter(listener)) {
      expect([credentials, timestamp]).toEqual([undefined, undefined])
    }
    for (const name of ['receiveCredentials', 'receiveTimestamp'] as const) listener.setOption(name, true)
    expectAll(await beforeAndAfter(listener))
    listener.setOption('receiveCredentials', false)
    const [, last] = await beforeAndAfter(listener)
    expect([last?.credentials, typeof last?.timestamp]).toEqual([undefined, 'bigint'])
  })

  packets('comes on a listening socket that is adopted: with options, and as it was opened', async () => {
    await using directory = await temporaryDirectory()
    for (const given of [{}, asked]) {
      await using opened = await listen(`unixpacket:${directory.file('s')}`, given)
      const [a, b] = socketpair('unix')
      const taking = once(a, 'fds')
      a.resume()
      b.writeWithFds(Buffer.from('x'), [opened.fd as number])
      const [[fd]] = (await taking) as [[number]]
      await using adopted = adopt(fd, given === asked ? {} : asked) as Listener<DatagramEndpoint>
      opened.unref()
      expectAll(await beforeAndAfter(adopted))
      a.destroy()
      b.destroy()
    }
  })

  packets('comes on a connecting end and on both ends of a pair', async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen(`unixpacket:${directory.file('s')}`)
    await using client = (await connect(listener.address, asked)) as DatagramEndpoint
    await using accepted = await listener.accept({ timeout: 5000 })
    await accepted.send('x')
    expectAll([await received(client)])
    for (const name of ['unixgram', 'unixpacket'] as const) {
      const [near, far] = socketpair(name, asked)
      await near.send('x')
      await far.send('y')
      expectAll([await received(near), await received(far)])
      await near.close()
      await far.close()
    }
  })

  packets('an option that a pair does not have is refused', () => {
    expect(() => socketpair('unixgram', { receiveTtl: true })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }),
    )
    expect(() => socketpair('memory', { noDelay: true })).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }),
    )
  })
})

describe('options of listen hold for what it accepts', () => {
  const cases: [where: string, options: SocketOptions, read?: SocketOptions][] = [
    [
      'tcp://127.0.0.1:0',
      {
        noDelay: true,
        keepAlive: true,
        keepAliveDelay: 77_000,
        keepAliveInterval: 7000,
        keepAliveCount: 3,
        userTimeout: 5000,
        linger: 3,
        ttl: 33,
        tos: 32,
      },
    ],
    ['tcp://[::1]:0', { noDelay: true, ttl: 33, tos: 32, linger: 0 }],
    ['tcp://127.0.0.1:0', { quickAck: false }],
    ['tcp://127.0.0.1:0', { receiveBuffer: 30_000, sendBuffer: 20_000 }, { receiveBuffer: 60_000, sendBuffer: 40_000 }],
    ['unix:', { receiveBuffer: 30_000, sendBuffer: 20_000 }, { receiveBuffer: 60_000, sendBuffer: 40_000 }],
    ['unixpacket:', { receiveBuffer: 30_000, sendBuffer: 20_000 }, { receiveBuffer: 60_000, sendBuffer: 40_000 }],
  ]
  for (const [where, options, read = options] of cases) {
    given(scheme(where.split(':')[0] as string))(`${where} ${Object.keys(options).join(', ')}`, async () => {
      await using directory = await temporaryDirectory()
      const address = where.startsWith('unix') ? `${where}${directory.file('s')}` : where
      await using listener = (await listen(address, options)) as Listener<StreamEndpoint>
      await using client = await connect(listener.address)
      await using accepted = await listener.accept({ timeout: 5000 })
      expect(client.remote).toBeDefined()
      const names = Object.keys(read) as (keyof SocketOptions)[]
      expect(Object.fromEntries(names.map((name) => [name, accepted.getOption(name)]))).toEqual(read)
    })
  }

  given(scheme('udp'))('and those of bind for what it is', async () => {
    await using endpoint = await bind('udp://127.0.0.1:0', { receiveTtl: true })
    await endpoint.send('x', endpoint.local)
    expect((await received(endpoint)).ttl).toBe(64)
  })
})
