import { createHash } from 'node:crypto'
import { networkInterfaces } from 'node:os'
import { describe, expect } from 'vitest'
import {
  type Address,
  bind,
  connect,
  type DatagramEndpoint,
  type Message,
  type SocketOptions,
} from '../../src/index.ts'
import { given, need, python, scheme } from '../support/need.ts'
import { fromPeer, type PeerAddress, startPython, toPeer } from '../support/python.ts'
import { eventually } from '../support/resources.ts'

const ipv6 = need(
  Object.values(networkInterfaces()).some((one) => one?.some(({ address }) => address === '::1')),
  'there is no IPv6 loopback',
  'sysctl net.ipv6.conf.lo.disable_ipv6=0',
)

const versions = [
  { version: 'IPv4', host: '127.0.0.1', needs: [scheme('udp')] },
  { version: 'IPv6', host: '::1', needs: [scheme('udp'), ipv6] },
]

/** Lengths of messages that go out together. */
const repeat = (count: number, ...lengths: number[]): number[] => Array.from({ length: count }, () => lengths).flat()

/** For each kind of batch, how it is sent: in windows that a receive buffer holds. */
const workloads: Record<string, number[][]> = {
  'of one length': [repeat(500, 64), repeat(200, 1200), repeat(40, 4096), repeat(64, 1), repeat(65, 900)],
  'of many lengths': [Array.from({ length: 400 }, (_, index) => 1 + ((index * 997) % 1400))],
  'with empty ones': [repeat(20, 100, 0, 0, 100, 100, 0), repeat(30, 0)],
  'with a shorter last one': [[...repeat(63, 1000), 10], [...repeat(64, 700), 699], repeat(30, 50, 50, 50, 49)],
  'too long for runs': [
    [5000, ...repeat(3, 100), 60_000, 100, 65_507, ...repeat(70, 4096)],
    [4097, 4096, 4096, 4095],
  ],
}

const pattern = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7 + (index >> 8) * 13) & 0xff))
const contentOf = (lengths: readonly number[]): Buffer[] =>
  lengths.map((length, index) => pattern.subarray(index % 4000, (index % 4000) + length))

interface Digest {
  readonly lengths: number[]
  readonly sha256: string
}

function digest(messages: readonly Uint8Array[]): Digest {
  const hash = createHash('sha256')
  for (const data of messages) hash.update(data)
  return { lengths: messages.map(({ length }) => length), sha256: hash.digest('hex') }
}

type Taking = 'message' | 'batch' | 'receive' | 'batches'

/** Takes messages in one of the ways that there are, until there are so many. */
async function take(endpoint: DatagramEndpoint, how: Taking, count: number, send: () => Promise<void>) {
  const taken: Message[] = []
  const onMessage = (message: Message): number => taken.push(message)
  const onBatch = (messages: Message[]): number => taken.push(...messages)
  if (how === 'message') endpoint.on('message', onMessage)
  if (how === 'batch') endpoint.on('batch', onBatch)
  const receiving = how === 'receive' || how === 'batches' ? fetch(endpoint, how, count, taken) : Promise.resolve()
  await send()
  await receiving
  await eventually(() => taken.length >= count)
  endpoint.off('message', onMessage).off('batch', onBatch)
  return taken
}

async function fetch(endpoint: DatagramEndpoint, how: Taking, count: number, taken: Message[]): Promise<void> {
  while (how === 'receive' && taken.length < count) {
    const message = await endpoint.receive({ timeout: 5000 })
    if (message === undefined) throw new Error('the endpoint ended')
    taken.push(message)
  }
  if (how === 'batches') {
    for await (const messages of endpoint.batches()) if (taken.push(...messages) >= count) return
  }
}

const address = (host: string, port = 0): PeerAddress => ({ scheme: 'udp', host, port })

/** A socket of ours with room for a window of messages. */
async function bound(host: string, options: SocketOptions = {}): Promise<DatagramEndpoint> {
  return bind(fromPeer(address(host)), { receiveBuffer: 4 << 20, ...options })
}

async function connected(to: Address, options: SocketOptions = {}): Promise<DatagramEndpoint> {
  return (await connect(to, options)) as DatagramEndpoint
}

describe.each(versions)('udp messages that go out together, $version', ({ host, needs }) => {
  const test = given(...needs)

  for (const how of ['message', 'batch', 'receive', 'batches'] as const) {
    test(`come one by one, all and in order, by ${how}`, async () => {
      await using receiver = await bound(host)
      await using sender = await bound(host)
      for (const windows of Object.values(workloads)) {
        for (const lengths of windows) {
          const sent = contentOf(lengths)
          const postings = sent.map((data) => ({ data, to: receiver.local as Address }))
          const taken = await take(receiver, how, sent.length, async () => {
            expect(await sender.sendBatch(postings)).toEqual({ sent: sent.length, failed: [] })
          })
          expect(digest(taken.map(({ data }) => data))).toEqual(digest(sent))
          expect(new Set(taken.map(({ from }) => from))).toEqual(new Set([sender.local]))
          expect(taken.some(({ truncated }) => truncated)).toBe(false)
        }
      }
    })
  }

  test('go from a connected socket by single sends of one tick as well', async () => {
    await using receiver = await bound(host)
    await using sender = await connected(receiver.local as Address)
    const sent = contentOf(repeat(300, 200))
    const taken = await take(receiver, 'message', sent.length, async () => {
      await Promise.all(sent.map((data) => sender.send(data)))
    })
    expect(digest(taken.map(({ data }) => data))).toEqual(digest(sent))
  })

  test('go to two destinations in turn and in rows, to each in order', async () => {
    await using one = await bound(host)
    await using two = await bound(host)
    await using sender = await bound(host)
    const [all, ones, twos] = [[], [], []] as [{ data: Buffer; to: Address }[], Buffer[], Buffer[]]
    for (const [index, data] of contentOf(repeat(200, 300)).entries()) {
      const isOne = index < 100 ? index % 2 === 0 : index % 20 < 10
      all.push({ data, to: (isOne ? one : two).local as Address })
      ;(isOne ? ones : twos).push(data)
    }
    const fromOne = take(one, 'message', ones.length, async () => undefined)
    const fromTwo = take(two, 'message', twos.length, async () => undefined)
    expect(await sender.sendBatch(all)).toEqual({ sent: 200, failed: [] })
    expect(digest((await fromOne).map(({ data }) => data))).toEqual(digest(ones))
    expect(digest((await fromTwo).map(({ data }) => data))).toEqual(digest(twos))
  })

  test('bring what each message brings', async () => {
    const everything = {
      receivePacketInfo: true,
      receiveTtl: true,
      receiveTos: true,
      receiveTimestamp: true,
      receiveDrops: true,
    }
    await using receiver = await bound(host, everything)
    await using sender = await connected(receiver.local as Address, { ttl: 33, tos: 0x28 })
    const sent = contentOf([...repeat(100, 500), ...repeat(5, 0), ...repeat(100, 30)])
    const taken = await take(receiver, 'message', sent.length, async () => {
      await sender.sendBatch(sent.map((data) => ({ data })))
    })
    expect(digest(taken.map(({ data }) => data))).toEqual(digest(sent))
    for (const { data: _data, timestamp, ...rest } of taken) {
      expect(typeof timestamp).toBe('bigint')
      expect(rest).toEqual({
        from: sender.local,
        truncated: false,
        packetInfo: { address: host, interface: 1 },
        ttl: 33,
        tos: 0x28,
        drops: 0,
      })
    }
  })

  test('keep their boundaries whatever else the socket was told to report by the numbers of an option', async () => {
    const [SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6] = [1, 0, 41]

    const reports: [level: number, name: number, value: number][] = [
      [SOL_SOCKET, 35, 1], // SO_TIMESTAMPNS
      [SOL_SOCKET, 37, 0x58], // SO_TIMESTAMPING, received
      [SOL_SOCKET, 40, 1], // SO_RXQ_OVFL
      [SOL_SOCKET, 75, 1], // SO_RCVMARK
      host === '::1' ? [IPPROTO_IPV6, 49, 1] : [IPPROTO_IP, 8, 1], // PKTINFO
      host === '::1' ? [IPPROTO_IPV6, 51, 1] : [IPPROTO_IP, 12, 1], // hops to go
    ]
    await using receiver = await bound(host)
    await using sender = await connected(receiver.local as Address)
    const sent = contentOf(repeat(100, 10))
    for (const [level, name, value] of reports) {
      receiver.setOption({ level, name }, Buffer.from(new Int32Array([value]).buffer))
      const taken = await take(receiver, 'message', sent.length, async () => {
        await sender.sendBatch(sent.map((data) => ({ data })))
      })
      expect(digest(taken.map(({ data }) => data))).toEqual(digest(sent))
    }
  })

  given(...needs, python)('come to a receiver that asks for no runs one by one', async () => {
    const all = Object.values(workloads).flat()
    const windows = all.map(({ length }) => length)
    await using peer = startPython('udp_runs.py', { do: 'receive', address: address(host), windows })
    const { address: theirs } = await peer.report<{ address: PeerAddress }>()
    await using sender = await connected(fromPeer(theirs))
    for (const lengths of all) {
      expect(await sender.sendBatch(contentOf(lengths).map((data) => ({ data })))).toMatchObject({ failed: [] })
      expect(String((await sender.receive({ timeout: 10_000 }))?.data)).toBe('more')
    }
    expect(await peer.report()).toEqual({ ...digest(all.flatMap(contentOf)), runs: repeat(all.flat().length, 1) })
  })

  given(...needs, python)('are runs to the system, of 64 messages and up to 65,507 bytes', async () => {
    const all = [repeat(130, 100), repeat(60, 1200), [...repeat(3, 50), 20, 20]]
    const windows = all.map(({ length }) => length)
    await using peer = startPython('udp_runs.py', { do: 'receive', gro: true, address: address(host), windows })
    const { address: theirs } = await peer.report<{ address: PeerAddress }>()
    await using sender = await connected(fromPeer(theirs))
    for (const lengths of all) {
      await sender.sendBatch(contentOf(lengths).map((data) => ({ data })))
      await sender.receive({ timeout: 10_000 })
    }
    expect(await peer.report()).toEqual({ ...digest(all.flatMap(contentOf)), runs: [64, 64, 2, 54, 6, 4, 1] })
  })

  given(...needs, python)('come from a sender that sends runs of its own', async () => {
    const runs = [
      [1000, 100],
      [1001, 100],
      [64, 1],
      [65_000, 1100],
      [300, 0],
      [5, 5],
      [9000, 4500],
      [0, 0],
    ] as const
    await using receiver = await bound(host)
    await using peer = startPython('udp_runs.py', {
      do: 'send',
      address: address(host),
      to: toPeer(receiver.local),
      runs,
    })
    const { address: theirs } = await peer.report<{ address: PeerAddress }>()
    let at = 0
    for (const [length, segment] of runs) {
      const whole = Buffer.from(Array.from({ length }, (_, index) => (at + index) % 251))
      at += length
      const parts: Buffer[] = segment === 0 ? [whole] : []
      for (let next = 0; next < length && segment > 0; next += segment) parts.push(whole.subarray(next, next + segment))
      const taken = await take(receiver, 'receive', parts.length, async () => undefined)
      expect(digest(taken.map(({ data }) => data))).toEqual(digest(parts))
      expect(taken[0]?.from).toEqual(fromPeer(theirs))
      await receiver.send('more', taken[0]?.from)
    }
    expect(await peer.report()).toEqual({ sent: at })
  })
})

given(scheme('udp'), python)('a socket whose runs the system refuses goes on without them', async () => {
  const all = [repeat(100, 200), repeat(100, 100), repeat(100, 300)]
  const windows = all.map(({ length }) => length)
  await using peer = startPython('udp_runs.py', { do: 'receive', gro: true, address: address('127.0.0.1'), windows })
  const { address: theirs } = await peer.report<{ address: PeerAddress }>()
  await using sender = await connected(fromPeer(theirs))
  // SO_NO_CHECK: the system makes no runs without checksums (EINVAL).
  sender.setOption({ level: 1, name: 11 }, Buffer.from(new Int32Array([1]).buffer))
  for (const lengths of all) {
    expect(await sender.sendBatch(contentOf(lengths).map((data) => ({ data })))).toEqual({ sent: 100, failed: [] })
    await sender.receive({ timeout: 10_000 })
  }
  expect(await peer.report()).toEqual({ ...digest(all.flatMap(contentOf)), runs: repeat(300, 1) })
})

given(scheme('udp'), python)('a destination that is refused leaves the socket its runs', async () => {
  await using peer = startPython('udp_runs.py', {
    do: 'receive',
    gro: true,
    address: address('127.0.0.1'),
    windows: [64],
  })
  const { address: theirs } = await peer.report<{ address: PeerAddress }>()
  await using sender = await bound('127.0.0.1')
  // From the loopback interface there is no way to any other network.
  const nowhere = contentOf(repeat(5, 10)).map((data) => ({ data, to: 'udp://192.0.2.1:9' }))
  const { sent, failed } = await sender.sendBatch(nowhere)
  expect(sent).toBe(0)
  expect(failed.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4])
  for (const { error } of failed) expect(error).toMatchObject({ code: expect.stringMatching(/^E(INVAL|NETUNREACH)$/) })
  const to = fromPeer(theirs)
  await sender.sendBatch(contentOf(repeat(64, 100)).map((data) => ({ data, to })))
  expect(await peer.report()).toMatchObject({ runs: [64] })
})

given(scheme('udp'))('what nobody was there for is told by the index of one message; the others go', async () => {
  const gone = await bound('127.0.0.1')
  const to = gone.local as Address
  await gone.close()
  await using client = await connected(to)
  await client.send('for nobody')
  await using receiver = await bind(to, { receiveBuffer: 4 << 20 })
  const sent = contentOf(repeat(100, 50))
  const { sent: count, failed } = await client.sendBatch(sent.map((data) => ({ data })))
  expect(count).toBe(99)
  expect(failed).toEqual([{ index: 0, error: expect.objectContaining({ code: 'ECONNREFUSED', syscall: 'send' }) }])
  const taken = await take(receiver, 'message', 99, async () => undefined)
  expect(digest(taken.map(({ data }) => data))).toEqual(digest(sent.slice(1)))
})
