import { networkInterfaces } from 'node:os'
import { describe, expect } from 'vitest'
import { bind, connect, type DatagramEndpoint, listen, type Message, type SocketOptions } from '../../src/index.ts'
import { misuse } from '../support/errors.ts'
import { given, need, python, scheme } from '../support/need.ts'
import { startPython } from '../support/python.ts'
import { eventually } from '../support/resources.ts'

const ipv6 = need(
  Object.values(networkInterfaces()).some((one) => one?.some(({ address }) => address === '::1')),
  'there is no IPv6 loopback',
  'sysctl net.ipv6.conf.lo.disable_ipv6=0',
)

const everything: SocketOptions = {
  receivePacketInfo: true,
  receiveTtl: true,
  receiveTos: true,
  receiveTimestamp: true,
  receiveDrops: true,
}

/** The number of the loopback interface. */
const LOOPBACK = 1

async function received(endpoint: DatagramEndpoint): Promise<Message> {
  const message = await endpoint.receive({ timeout: 5000 })
  if (message === undefined) throw new Error('the endpoint ended')
  return message
}

describe.each([
  { version: 'IPv4', any: 'udp://0.0.0.0:0', host: '127.0.0.1', other: '127.0.0.2', needs: [scheme('udp')] },
  { version: 'IPv6', any: 'udp://[::]:0', host: '::1', other: undefined, needs: [scheme('udp'), ipv6] },
])('ancillary data of udp over $version', ({ any, host, other, needs }) => {
  const available = given(...needs)

  available('comes where it is asked for, and nowhere else', async () => {
    await using server = await bind(any, everything)
    await using plain = await bind(any)
    const { port } = server.local as { port: number }
    await using client = await connect({ family: 'inet', scheme: 'udp', host, port }, { ttl: 33, tos: 0x28 })
    const earlier = BigInt(Date.now()) * 1_000_000n
    await client.send('hello')
    const { timestamp, ...rest } = await received(server)
    expect(rest).toEqual({
      data: Buffer.from('hello'),
      from: client.local,
      truncated: false,
      packetInfo: { address: host, interface: LOOPBACK },
      ttl: 33,
      tos: 0x28,
      drops: 0,
    })
    const late = (timestamp as bigint) - earlier
    // The kernel's clock for packets may be a tick behind.
    expect(late > -100_000_000n && late < 5_000_000_000n).toBe(true)

    await client.send('plain').catch(() => undefined)
    await plain.send('x', { ...server.local, host } as typeof server.local)
    expect(Object.keys(await received(server)).sort()).toContain('packetInfo')
    await server.send('y', { ...plain.local, host } as typeof plain.local)
    expect(Object.keys(await received(plain)).sort()).toEqual(['data', 'from', 'truncated'])
  })

  available('is turned on and off by setOption, one by one', async () => {
    await using server = await bind(any)
    const { port } = server.local as { port: number }
    await using client = await connect({ family: 'inet', scheme: 'udp', host, port })
    expect(server.getOption('receiveTtl')).toBe(false)
    server.setOption('receiveTtl', true)
    await client.send('x')
    expect(await received(server)).toEqual({ data: Buffer.from('x'), from: client.local, truncated: false, ttl: 64 })
    server.setOption('receiveTtl', false)
    await client.send('y')
    expect(await received(server)).not.toHaveProperty('ttl')
  })

  available('goes with one message, and the next has the socket’s own again', async () => {
    await using server = await bind(any, { receiveTtl: true, receiveTos: true })
    const { port } = server.local as { port: number }
    await using client = await connect({ family: 'inet', scheme: 'udp', host, port })
    await client.send('a', undefined, { ttl: 7, tos: 0xb8 })
    await client.send('b')
    expect(await client.sendBatch([{ data: 'c', ttl: 9 }, { data: 'd' }])).toEqual({ sent: 2, failed: [] })
    const seen = [await received(server), await received(server), await received(server), await received(server)]
    expect(seen.map(({ data, ttl, tos }) => [String(data), ttl, tos])).toEqual([
      ['a', 7, 0xb8],
      ['b', 64, 0],
      ['c', 9, 0],
      ['d', 64, 0],
    ])
  })

  available('an answer can leave from the address that was asked', async () => {
    await using server = await bind(any, { receivePacketInfo: true })
    const { port } = server.local as { port: number }
    const asked = other ?? host
    await using client = await connect({ family: 'inet', scheme: 'udp', host: asked, port })
    await client.send('question')
    const { packetInfo, from } = await received(server)
    expect(packetInfo).toEqual({ address: asked, interface: LOOPBACK })
    await server.send('answer', from, { packetInfo })
    expect(String((await received(client)).data)).toBe('answer')
    await server.send('by name', from, { packetInfo: { address: asked, interface: 'lo' } })
    expect(String((await received(client)).data)).toBe('by name')
  })

  available('of the wrong shape is refused, and what cannot go is ERR_UNSUPPORTED', async () => {
    await using socket = await bind(any)
    const to = { ...socket.local, host } as typeof socket.local
    const wrong = [
      { ttl: 0 },
      { ttl: 256 },
      { ttl: '5' },
      { tos: -1 },
      { tos: 1.5 },
      { packetInfo: 7 },
      { packetInfo: null },
      { packetInfo: { address: 'localhost' } },
      { packetInfo: { address: host === '::1' ? '127.0.0.1' : '::1' } },
      { packetInfo: { interface: 'no-such-thing' } },
      { packetInfo: { interface: {} } },
    ] as object[]
    for (const ancillary of wrong) await expect(socket.send('x', to, ancillary)).rejects.toEqual(misuse)
    for (const ancillary of [{ drops: 1 }, { timestamp: 1n }, { hoplimit: 3 }, { toString: 1 }] as object[]) {
      await expect(socket.send('x', to, ancillary)).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    }
    await expect(
      socket.send('x', to, { packetInfo: { address: host === '::1' ? '2001:db8::1' : '192.0.2.1' } }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/^E(INVAL|ADDRNOTAVAIL|NETUNREACH)$/) })
  })
})

given(scheme('udp'), ipv6)('a socket for both tells of IPv4 packets in the words of IPv4', async () => {
  await using server = await bind('udp://*:0', everything)
  const { port } = server.local as { port: number }
  await using client = await connect(`udp://127.0.0.1:${port}`, { ttl: 12, tos: 0x10 })
  await client.send('x')
  const message = await received(server)
  expect(message).toMatchObject({ ttl: 12, tos: 0x10, packetInfo: { interface: LOOPBACK } })
  expect(message.packetInfo?.address).toMatch(/^(::ffff:)?127\.0\.0\.1$/)
  await server.send('answer', message.from, { ttl: 3, tos: 0x20, packetInfo: { address: '127.0.0.1' } })
  client.setOption('receiveTtl', true)
  client.setOption('receiveTos', true)
  await server.send('answer', message.from, { ttl: 3, tos: 0x20 })
  expect(String((await received(client)).data)).toBe('answer')
  expect(await received(client)).toMatchObject({ ttl: 3, tos: 0x20 })
})

given(scheme('udp'))('the drops of a full receive buffer are counted', async () => {
  await using server = await bind('udp://127.0.0.1:0', { receiveDrops: true, receiveBuffer: 4096 })
  await using client = await connect(server.local as never)
  const sent = 200
  for (let index = 0; index < sent; index++) expect((client as DatagramEndpoint).trySend(Buffer.alloc(512))).toBe(true)
  const first = await received(server)
  expect(first.drops).toBe(0)
  let got = 1
  server.on('message', () => got++)
  await eventually(() => server.queued.received === 0 && got > 1, 500)
  server.removeAllListeners('message')
  const last = received(server)
  await (client as DatagramEndpoint).send('after the flood')
  const { drops } = await last
  expect(drops).toBe(sent - got)
  expect(drops).toBeGreaterThan(0)
})

given(scheme('udp'), python)('Python sees the TTL and TOS of one message, and we see Python’s', async () => {
  await using peer = startPython('ancillary.py', {})
  const { port } = await peer.report<{ port: number }>()
  await using client = await connect(`udp://127.0.0.1:${port}`, { receiveTtl: true, receiveTos: true })
  await client.send('x', undefined, { ttl: 41, tos: 0x48 })
  expect(await peer.report()).toEqual({ ttl: 41, tos: 0x48 })
  expect(await received(client as DatagramEndpoint)).toMatchObject({ ttl: 17, tos: 0x30 })
  await peer.exited
})

given(scheme('unixgram'))('messages of Unix sockets tell when the kernel took them in', async () => {
  await using sink = await bind('unixgram:?autobind', { receiveTimestamp: true })
  await using source = await connect(sink.local as never)
  await (source as DatagramEndpoint).send('x')
  const { timestamp } = await received(sink)
  expect(Math.abs(Number((timestamp as bigint) / 1_000_000n) - Date.now())).toBeLessThan(5000)
})

given(scheme('unixpacket'))(
  'the timestamp of a packet can be asked for and left again, and the end is still told',
  async () => {
    await using listener = await listen('unixpacket:@polysocket-ancillary-end')
    await using client = (await connect(listener.address)) as DatagramEndpoint
    await using accepted = (await listener.accept()) as DatagramEndpoint
    await client.send('')
    expect(await received(accepted)).toEqual({ data: Buffer.alloc(0), from: undefined, truncated: false })
    accepted.setOption('receiveTimestamp', true)
    await client.send('')
    expect(typeof (await received(accepted)).timestamp).toBe('bigint')
    accepted.setOption('receiveTimestamp', false)
    await client.send('')
    expect(await received(accepted)).not.toHaveProperty('timestamp')
    await client.close()
    expect(await accepted.receive()).toBeUndefined()
  },
)
