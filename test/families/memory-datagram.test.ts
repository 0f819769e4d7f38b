import { describe, expect, test } from 'vitest'
import { memory } from '../../src/families/memory.ts'
import { bind, bound, DatagramEnd, fresh, named, settle, until } from './memory-ends.ts'

const code = (code: string): unknown => expect.objectContaining({ code })
const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `message ${i}`)

async function connectTo(end: DatagramEnd): Promise<DatagramEnd> {
  const address = end.handle.local
  if (address === undefined) throw new Error('no address')
  const request = { signal: undefined, engine: undefined, local: undefined, options: {} }
  const handle = await memory.connect?.(address, request)
  if (handle?.type !== 'datagram') throw new Error('not a datagram socket')
  return new DatagramEnd(handle)
}

describe('memory datagrams', () => {
  test('arrive whole, in order and under the sender’s name when there are no faults', async () => {
    using sender = await bound()
    using receiver = await bound()
    const sizes = [0, 1, 1_000, 65_507, 0, 7]
    const sent = sizes.map((size, i) => Buffer.alloc(size, i + 1))
    await sender.send(sent, receiver.handle.local)
    await until('all', () => receiver.messages.length === sizes.length)
    for (const [i, message] of receiver.messages.entries()) {
      expect(message.data.equals(sent[i] as Buffer)).toBe(true)
      expect(message).toMatchObject({ from: sender.handle.local, truncated: false })
    }
  })

  test('come in one batch, in a later turn, and keep no sender’s buffer', async () => {
    using sender = await bound()
    using receiver = await bound()
    const mine = Buffer.from('first')
    const target = sender.handle.target(receiver.handle.local ?? fresh('memorygram'))
    expect(
      sender.handle.send(
        [
          { data: mine, target },
          { data: mine, target },
        ],
        1,
      ),
    ).toBe(1)
    for (let i = 0; i < 99; i++) sender.handle.send([{ data: mine, target }], 0)
    mine.fill('x')
    expect(sender.handle.send([{ data: mine, target }], 1)).toBe(0)
    expect(receiver.batches).toBe(0)
    await settle()
    expect(receiver.batches).toBe(1)
    expect(receiver.texts).toEqual(Array(100).fill('first'))
  })

  test('nobody there is ECONNREFUSED, too long is EMSGSIZE, no target is EDESTADDRREQ; the socket lives on', async () => {
    using sender = await bound()
    using receiver = await bound()
    const address = receiver.handle.local
    await expect(sender.send(['x'], fresh('memorygram'))).rejects.toThrow(code('ECONNREFUSED'))
    await expect(sender.send([Buffer.alloc(65_508)], address)).rejects.toThrow(code('EMSGSIZE'))
    await expect(sender.send(['x'])).rejects.toThrow(code('EDESTADDRREQ'))
    // Those before it go out; what is wrong is said when it comes first.
    await expect(sender.send(['good', Buffer.alloc(65_508), 'after'], address)).rejects.toThrow(code('EMSGSIZE'))
    await settle()
    expect(receiver.texts).toEqual(['good'])
    sender.handle.close()
    await expect(sender.send(['x'], address)).rejects.toThrow(code('ERR_SOCKET_CLOSED'))
  })

  test('a name in use is EADDRINUSE, until it is closed', async () => {
    const address = fresh('memorygram')
    const first = await bind(address)
    await expect(bind(address)).rejects.toThrow(code('EADDRINUSE'))
    first.close()
    first.close()
    ;(await bind(address)).close()
  })

  test('a full receiver holds up its senders, and nothing is lost', async () => {
    using sender = await bound()
    using receiver = await bound(undefined, true)
    const target = sender.handle.target(receiver.handle.local ?? fresh('memorygram'))
    const small = texts(5_000).map((text) => ({ data: Buffer.from(text), target }))
    expect(sender.handle.send(small, 0)).toBe(1_024)
    expect(sender.handle.send(small, 1_024)).toBe(0)
    const sending = sender.send(texts(5_000), receiver.handle.local)
    receiver.handle.resume()
    await sending
    await until('all', () => receiver.messages.length === 1_024 + 5_000)
    expect(receiver.texts).toEqual([...texts(1_024), ...texts(5_000)])

    receiver.handle.pause()
    const large = Array.from({ length: 20 }, () => ({ data: Buffer.alloc(65_507), target }))
    expect(sender.handle.send(large, 0)).toBe(17)
  })

  test('a sender that waits learns that the receiver is gone', async () => {
    using sender = await bound()
    const receiver = await bound(undefined, true)
    const sending = sender.send(texts(2_000), receiver.handle.local)
    await settle()
    receiver.handle.close()
    await expect(sending).rejects.toThrow(code('ECONNREFUSED'))
  })

  test('what was sent before closing arrives', async () => {
    const sender = await bound()
    using receiver = await bound()
    await sender.send(texts(10), receiver.handle.local)
    sender.handle.close()
    await until('all', () => receiver.messages.length === 10)
  })

  test('pause stops the next batch', async () => {
    using sender = await bound()
    using receiver = await bound()
    await sender.send(['before'], receiver.handle.local)
    await settle()
    await sender.send(['after'], receiver.handle.local)
    // It is on its way already.
    receiver.handle.pause()
    await settle()
    expect(receiver.texts).toEqual(['before'])
    receiver.handle.resume()
    await settle()
    expect(receiver.texts).toEqual(['before', 'after'])
  })
})

describe('a connected memory datagram socket', () => {
  test('sends to its peer, is answered under its own name, and hears nobody else', async () => {
    using server = await bound()
    using client = await connectTo(server)
    using stranger = await bound()
    expect(client.handle.remote).toEqual(server.handle.local)
    await client.send(['question'])
    await until('question', () => server.messages.length === 1)
    await stranger.send(['spam'], client.handle.local)
    await server.send(['answer'], server.messages[0]?.from)
    await until('answer', () => client.messages.length === 1)
    await settle()
    expect(client.texts).toEqual(['answer'])
  })

  test('nobody there is ECONNREFUSED, at connect and when the peer has gone', async () => {
    const server = await bound()
    using client = await connectTo(server)
    server.handle.close()
    await expect(connectTo(server)).rejects.toThrow(code('ECONNREFUSED'))
    await expect(client.send(['x'])).rejects.toThrow(code('ECONNREFUSED'))
  })

  test('a pair is connected both ways', async () => {
    const pair = memory.socketpair?.('memorygram')
    if (pair?.[0].type !== 'datagram' || pair[1].type !== 'datagram') throw new Error('no pair of datagram sockets')
    using a = new DatagramEnd(pair[0])
    using b = new DatagramEnd(pair[1])
    await a.send(['ping'])
    await b.send(['pong', ''])
    await until('both', () => a.messages.length === 2 && b.messages.length === 1)
    expect([a.texts, b.texts]).toEqual([['pong', ''], ['ping']])
  })
})

describe('the target of a memory datagram', () => {
  test('is of the same scheme, and has no faults', async () => {
    using socket = await bound()
    expect(() => socket.handle.target(fresh('memory'))).toThrow(code('ERR_ADDRESS_INVALID'))
    expect(() => socket.handle.target(fresh('memorygram', { loss: 1 }))).toThrow(code('ERR_ADDRESS_INVALID'))
    expect(named(fresh('memorygram', { loss: 1 }))).not.toHaveProperty('faults')
  })
})
