import { once } from 'node:events'
import { type AddressInfo, BlockList, type LookupFunction } from 'node:net'
import { describe, expect, test } from 'vitest'
import dgram from '../../src/dgram.ts'
import net, { type Server, type Socket } from '../../src/net.ts'
import { given, scheme } from '../support/need.ts'

const tcp = given(scheme('tcp'))
const udp = given(scheme('udp'))

/** Of 127.0.0.2, as IPv4 or as IPv6 has it. */
function list(): BlockList {
  const blocked = new BlockList()
  blocked.addAddress('127.0.0.2')
  return blocked
}

async function listening(server: Server, address: string): Promise<{ port: number } & AsyncDisposable> {
  server.listen(0, address)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      server.close()
      await once(server, 'close')
    },
  }
}

/** How an attempt to connect ends. */
async function outcome(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.on('connect', () => resolve('connected')).on('error', (error: Error) => resolve(String(error)))
  }).then((told) => {
    socket.destroy()
    return String(told)
  })
}

describe('a block list of polysocket/net', () => {
  const refused = 'Error [ERR_IP_BLOCKED]: IP(127.0.0.2) is blocked by net.BlockList'

  tcp('keeps a socket from connecting there: by host, by name, by an address of ours', async () => {
    const accepted: string[] = []
    const server = net.createServer((socket) => {
      accepted.push(socket.localAddress ?? '')
      socket.destroy()
    })
    await using place = await listening(server, '0.0.0.0')
    const { port } = place
    const lookup = (_host: string, options: object, done: (...found: unknown[]) => void): void =>
      'all' in options ? done(null, [{ address: '127.0.0.2', family: 4 }]) : done(null, '127.0.0.2', 4)
    const ways = [
      { host: '127.0.0.2', port },
      { host: 'somewhere', port, lookup },
      { host: 'somewhere', port, lookup, autoSelectFamily: false },
      { address: `tcp://127.0.0.2:${port}` },
      { path: `tcp://127.0.0.2:${port}` },
    ]
    for (const way of ways) expect(await outcome(net.connect({ ...way, blockList: list() } as never))).toBe(refused)
    expect(accepted).toEqual([])
    expect(await outcome(net.connect({ host: '127.0.0.1', port, blockList: list() }))).toBe('connected')
    expect(await outcome(net.connect({ address: `tcp://127.0.0.1:${port}`, blockList: list() }))).toBe('connected')
  })

  tcp('is asked for each address of a name', async () => {
    await using place = await listening(net.createServer(), '127.0.0.1')
    const { port } = place
    const both = [
      { address: '127.0.0.2', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ]
    const lookup: LookupFunction = (_host, _options, done) => process.nextTick(done, null, both)
    const socket = net.connect({ host: 'somewhere', port, lookup, blockList: list(), autoSelectFamily: true })
    const failed: string[] = []
    socket.on('connectionAttemptFailed', (...words: unknown[]) => failed.push(String(words.at(-1))))
    expect(await outcome(socket)).toBe('connected')
    expect(failed).toEqual([refused])
    expect(socket.autoSelectFamilyAttemptedAddresses).toEqual([`127.0.0.1:${port}`])
  })

  for (const address of ['0.0.0.0', '::'])
    tcp(`keeps a server at ${address} from serving clients of its addresses`, async () => {
      const served: string[] = []
      const server = net.createServer({ blockList: list() }, (socket) => {
        served.push(socket.remoteAddress ?? '')
        socket.end()
      })
      server.on('drop', () => served.push('dropped'))
      await using place = await listening(server, address)
      const { port } = place
      for (const localAddress of ['127.0.0.2', '127.0.0.1']) {
        const client = net.connect({ host: '127.0.0.1', port, localAddress })
        client.on('error', () => undefined).resume()
        await once(client, 'close')
      }
      expect(served).toEqual([expect.stringMatching(/127\.0\.0\.1$/)])
    })

  test('has to be one', () => {
    const wrong = { blockList: ['127.0.0.2'] } as never
    for (const make of [() => net.createServer(wrong), () => new net.Socket(wrong), () => net.connect(wrong)]) {
      expect(make).toThrow(expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }))
    }
  })
})

describe('block lists of polysocket/dgram', () => {
  udp('keep it from sending and connecting there, and from hearing of it', async () => {
    const heard: string[] = []
    const receiver = dgram.createSocket({ type: 'udp4', receiveBlockList: list() })
    receiver.on('message', (data) => heard.push(String(data)))
    await new Promise<void>((resolve) => void receiver.bind(0, '0.0.0.0', resolve))
    const { port } = receiver.address()

    const sender = dgram.createSocket({ type: 'udp4', sendBlockList: list() })
    const told = (address: string): Promise<unknown> =>
      new Promise((resolve) => sender.send('not sent', port, address, resolve))
    for (const address of ['127.0.0.2', `udp://127.0.0.2:${port}`]) {
      const error = address.startsWith('udp')
        ? await new Promise((resolve) => sender.send('not sent', address, resolve))
        : await told(address)
      expect(error).toMatchObject({ code: 'ERR_IP_BLOCKED', message: 'IP(127.0.0.2) is blocked by net.BlockList' })
    }
    sender.send('not sent', port, '127.0.0.2')
    const refusal = await new Promise((resolve) => sender.connect(port, '127.0.0.2', resolve))
    expect(refusal).toMatchObject({ code: 'ERR_IP_BLOCKED' })

    const blocked = dgram.createSocket('udp4')
    await new Promise<void>((resolve) => void blocked.bind(0, '127.0.0.2', resolve))
    blocked.send('not heard', port, '127.0.0.1')
    const all = once(receiver, 'message')
    sender.send('heard', port, '127.0.0.1')
    await all
    expect(heard).toEqual(['heard'])
    for (const socket of [receiver, sender, blocked]) socket.close()
  })

  test('have to be such lists, and a scheme that has IP addresses', () => {
    for (const name of ['sendBlockList', 'receiveBlockList']) {
      expect(() => dgram.createSocket({ type: 'udp4', [name]: {} })).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }),
      )
      expect(() => dgram.createSocket({ scheme: 'memorygram', [name]: list() })).toThrow(
        expect.objectContaining({ code: 'ERR_INVALID_ARG_VALUE' }),
      )
    }
  })
})
