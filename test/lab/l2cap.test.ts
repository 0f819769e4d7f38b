import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  bind,
  connect,
  type DatagramEndpoint,
  type L2capAddress,
  type Listener,
  listen,
  type Message,
} from '../../src/index.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { type Controller, restartControllers, startPeer, startScript } from './support.ts'

/** Fresh ones, that only what these tests do to them was done to. */
const [far, near] = restartControllers(2) as [Controller, Controller]
afterAll(() => restartControllers(2))

const DEFAULT_MTU = 672
const from = { local: `l2cap://${near.address}/0` }
const at = (psm: number): string => `l2cap://${far.address}/0x${psm.toString(16)}`

type Options = Parameters<typeof connect>[1]
interface Pair {
  readonly ours: DatagramEndpoint
  readonly theirs: DatagramEndpoint
  readonly address: L2capAddress
  close(): Promise<void>
}

const accept = async (listener: Listener): Promise<DatagramEndpoint> =>
  (await listener.accept({ timeout: 10_000 })) as unknown as DatagramEndpoint

async function pair(
  there: Options = {},
  here: Options = {},
  address = at(0),
  local: string = from.local,
): Promise<Pair> {
  const listener = (await listen(address, there)) as unknown as Listener
  const accepted = accept(listener)
  const ours = (await connect(listener.address as L2capAddress, { local, ...here })) as DatagramEndpoint
  const theirs = await accepted
  return {
    ours,
    theirs,
    address: listener.address as L2capAddress,
    async close() {
      await Promise.all([ours.close(), theirs.close(), listener.close()])
    },
  }
}

const receive = async (endpoint: DatagramEndpoint): Promise<Buffer | undefined> => {
  const message: Message | undefined = await endpoint.receive({ timeout: 10_000 })
  return message === undefined ? undefined : Buffer.from(message.data)
}

async function toTheEnd(endpoint: DatagramEndpoint): Promise<string[]> {
  const texts: string[] = []
  for await (const { data } of endpoint) texts.push(String(data))
  return texts
}

async function echo(endpoint: DatagramEndpoint): Promise<number> {
  let count = 0
  for await (const { data } of endpoint) {
    await endpoint.send(data)
    count++
  }
  return count
}

/** Sends random messages of `size` bytes, `total` in all, and compares what comes back, a few at a time. */
async function compareEchoes(endpoint: DatagramEndpoint, total: number, size: number): Promise<number> {
  let compared = 0
  while (compared < total) {
    const sent = Array.from({ length: 4 }, () => randomBytes(size))
    for (const message of sent) await endpoint.send(message)
    for (const message of sent) {
      if (!message.equals((await receive(endpoint)) ?? Buffer.alloc(0))) throw new Error('not what was sent')
      compared += size
    }
  }
  return compared
}

describe('with Python', () => {
  test('we listen on a free PSM: both addresses, and each message comes back as it is', async () => {
    await using listener = await listen(at(0))
    const { psm } = listener.address as L2capAddress
    expect(listener.address).toEqual({ family: 'bluetooth', scheme: 'l2cap', bdaddr: far.address, psm })
    expect((psm as number) >= 0x1001 && (psm as number) % 2 === 1).toBe(true)
    await using peer = startPeer({
      ...{ role: 'connect', scheme: 'l2cap', local: near.address, remote: far.address },
      ...{ port: psm as number, mode: 'ping', bytes: DEFAULT_MTU },
    })
    const endpoint = await accept(listener as unknown as Listener)
    expect(endpoint.local).toEqual(listener.address)
    expect(endpoint.remote).toMatchObject({ family: 'bluetooth', scheme: 'l2cap', bdaddr: near.address })
    expect(await peer.report()).toEqual({ connected: true })
    expect(await echo(endpoint)).toBe(DEFAULT_MTU)
    expect(await peer.report()).toEqual({ answered: DEFAULT_MTU })
    await endpoint.close()
  })

  test('python listens: we connect from the adapter that we name, and our messages come back as they are', async () => {
    await using peer = startPeer({
      role: 'listen',
      scheme: 'l2cap',
      local: far.address,
      port: 0x1001,
      mode: 'echo',
      size: 672,
    })
    expect(await peer.report()).toEqual({ port: 0x1001 })
    const endpoint = (await connect(at(0x1001), from)) as DatagramEndpoint
    expect(await peer.report()).toEqual({ accepted: near.address })
    expect(endpoint.remote).toEqual({ family: 'bluetooth', scheme: 'l2cap', bdaddr: far.address, psm: 0x1001 })
    expect(endpoint.local).toMatchObject({ scheme: 'l2cap', bdaddr: near.address })
    expect(endpoint.facts).toMatchObject({
      ...{ kind: 'datagram', connected: true, reliable: false, ordered: true, boundaries: true, halfClose: false },
      maxMessage: DEFAULT_MTU,
    })
    for (const size of [1, 2, 191, 192, 193, 671, 672]) {
      const message = randomBytes(size)
      await endpoint.send(message)
      expect(await receive(endpoint)).toEqual(message)
    }
    await endpoint.close()
    expect(await peer.report()).toEqual({ echoed: 7 })
  })

  test('python sends and closes at once: all of it arrives, then the end', async () => {
    await using listener = await listen(at(0))
    const peer = startPeer({
      ...{ role: 'connect', scheme: 'l2cap', local: near.address, remote: far.address },
      ...{ port: (listener.address as L2capAddress).psm as number, mode: 'send', bytes: 6720, size: DEFAULT_MTU },
    })
    const endpoint = await accept(listener as unknown as Listener)
    await peer.report()
    await peer.report()
    await peer.exited
    const sizes: number[] = []
    for await (const { data } of endpoint) sizes.push(data.length)
    expect(sizes).toEqual(Array.from({ length: 10 }, () => DEFAULT_MTU))
    await endpoint.close()
  })
})

describe('messages', () => {
  test('empty ones are messages, and not the end', async () => {
    const { ours, theirs, close } = await pair()
    for (const text of ['', 'one', '', '', 'two', '']) await ours.send(text)
    for (const text of ['', '']) await theirs.send(text)
    await sleep(300)
    await ours.close()
    expect(await toTheEnd(theirs)).toEqual(['', 'one', '', '', 'two', ''])
    await close()
  })

  test('those before the end are delivered, however late they are asked for, then undefined, again and again', async () => {
    const { ours, theirs, close } = await pair()
    const texts = Array.from({ length: 20 }, (_, number) => `number ${number}`)
    await ours.sendBatch(texts.map((data) => ({ data })))
    await ours.close()
    await sleep(500)
    expect(await toTheEnd(theirs)).toEqual(texts)
    expect(await theirs.receive()).toBe(undefined)
    expect(await theirs.receive()).toBe(undefined)
    await close()
  })

  test('who waits for one is told of the end', async () => {
    const { ours, theirs, close } = await pair()
    const waiting = theirs.receive({ timeout: 5000 })
    await ours.close()
    expect(await waiting).toBe(undefined)
    await expect(theirs.send('too late')).rejects.toMatchObject({ code: expect.stringMatching(/^(ENOTCONN|EPIPE)$/) })
    await close()
  })

  test('one beyond what the peer takes is EMSGSIZE, and the connection lives on', async () => {
    const { ours, theirs, close } = await pair()
    await expect(ours.send(Buffer.alloc(DEFAULT_MTU + 1))).rejects.toMatchObject({ code: 'EMSGSIZE', syscall: 'send' })
    await ours.send(Buffer.alloc(DEFAULT_MTU, 7))
    expect(await receive(theirs)).toEqual(Buffer.alloc(DEFAULT_MTU, 7))
    await close()
  })

  test('a peer that does not read for a while loses nothing that fits, in order', async () => {
    const { ours, theirs, close } = await pair()
    const received: number[] = []
    for (let number = 0; number < 60; number++) await ours.send(Uint8Array.of(number))
    await sleep(500)
    for (let number = 0; number < 60; number++) received.push((await receive(theirs))?.[0] as number)
    expect(received).toEqual(Array.from({ length: 60 }, (_, number) => number))
    await close()
  })
})

describe('MTU', () => {
  test("what we take is what the other end may send: the listener's 4096, the client's default", async () => {
    const { ours, theirs, close } = await pair({ receiveMtu: 4096 })
    expect(ours.facts.maxMessage).toBe(4096)
    expect(theirs.facts.maxMessage).toBe(DEFAULT_MTU)
    expect([ours.getOption('sendMtu'), ours.getOption('receiveMtu')]).toEqual([4096, DEFAULT_MTU])
    expect([theirs.getOption('sendMtu'), theirs.getOption('receiveMtu')]).toEqual([DEFAULT_MTU, 4096])
    const message = randomBytes(4096)
    await ours.send(message)
    expect(await receive(theirs)).toEqual(message)
    await expect(ours.send(Buffer.alloc(4097))).rejects.toMatchObject({ code: 'EMSGSIZE' })
    await expect(theirs.send(Buffer.alloc(673))).rejects.toMatchObject({ code: 'EMSGSIZE' })
    await close()
  })

  test('both ends may take more: 64 KiB go through in messages of 4096, both ways', async () => {
    const { ours, theirs, close } = await pair({ receiveMtu: 4096 }, { receiveMtu: 4096 })
    const echoing = echo(theirs)
    expect(await compareEchoes(ours, 65_536, 4096)).toBe(65_536)
    await ours.close()
    expect(await echoing).toBe(16)
    await close()
  })

  test('a large one, in a hundred pieces', async () => {
    const { ours, theirs, close } = await pair({ receiveMtu: 16_384 })
    expect(ours.facts.maxMessage).toBe(16_384)
    const message = randomBytes(16_384)
    await ours.send(message)
    expect(await receive(theirs)).toEqual(message)
    await close()
  })
})

describe('many', () => {
  test('eight connections between the same two adapters at once, each with its own messages', async () => {
    await using listener = (await listen(at(0))) as unknown as Listener
    const before = openDescriptors()
    const clients: DatagramEndpoint[] = []
    const servers: DatagramEndpoint[] = []
    for (let number = 0; number < 8; number++) {
      const accepted = accept(listener)
      clients.push((await connect(listener.address as L2capAddress, from)) as DatagramEndpoint)
      servers.push(await accepted)
    }
    await Promise.all(clients.map((client, number) => client.send(`from ${number}`)))
    const texts = await Promise.all(servers.map(async (server) => String(await receive(server))))
    expect(texts).toEqual(clients.map((_, number) => `from ${number}`))
    await Promise.all([...clients, ...servers].map((endpoint) => endpoint.close()))
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
  })

  test('30 connections, one after the other, without a pause', async () => {
    await using listener = (await listen(at(0))) as unknown as Listener
    const before = openDescriptors()
    for (let number = 0; number < 30; number++) {
      const accepted = accept(listener)
      const client = (await connect(listener.address as L2capAddress, from)) as DatagramEndpoint
      const server = await accepted
      await client.send(`number ${number}`)
      expect(String(await receive(server))).toBe(`number ${number}`)
      await Promise.all([client.close(), server.close()])
    }
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
  })
})

describe('channels of Bluetooth LE', () => {
  const leFrom = `l2cap://${near.address}/0?type=le-public`
  const le = (psm: number): string => `l2cap://${far.address}/0x${psm.toString(16).padStart(4, '0')}?type=le-public`
  const lePair = (there: Options = {}, here: Options = {}): Promise<Pair> => pair(there, here, le(0x81), leFrom)

  const set = async ({ id }: Controller, ...settings: string[]): Promise<void> => {
    await using peer = startScript('mgmt.py', id.slice('hci'.length), ...settings)
    expect(await peer.report()).toEqual({ done: settings })
  }

  beforeAll(async () => {
    await set(near, 'le=1')
    await set(far, 'le=1', 'connectable=1', 'advertising=1')
  })

  test('with Python: what each takes, and 64 KiB of messages there and back', async () => {
    const options = { local: far.address, psm: 0x82, mtu: 1000 }
    await using peer = startScript('le_echo.py', JSON.stringify(options))
    expect(await peer.report()).toEqual({ listening: true })
    const endpoint = (await connect(le(0x82), { local: leFrom, receiveMtu: 2000, timeout: 20_000 })) as DatagramEndpoint
    expect(await peer.report()).toEqual({ accepted: near.address, sendMtu: 2000 })
    expect(endpoint.facts).toMatchObject({ reliable: true, maxMessage: 1000 })
    expect(endpoint.remote).toEqual({
      ...{ family: 'bluetooth', scheme: 'l2cap', bdaddr: far.address, type: 'le-public', psm: 0x82 },
    })
    await expect(endpoint.send(Buffer.alloc(1001))).rejects.toMatchObject({ code: 'EMSGSIZE' })
    expect(await compareEchoes(endpoint, 64_000, 1000)).toBe(64_000)
    await endpoint.close()
    expect(await peer.report()).toEqual({ echoed: 64, bytes: 64_000 })
  })

  test('we listen, too: addresses, MTUs, and 64 KiB both ways', async () => {
    const { ours, theirs, address, close } = await lePair({ receiveMtu: 1024 }, { receiveMtu: 1024, timeout: 20_000 })
    expect(address).toMatchObject({ type: 'le-public', psm: 0x81 })
    expect(theirs.local).toEqual(address)
    expect(theirs.remote).toMatchObject({ bdaddr: near.address, type: 'le-public' })
    expect([ours.facts.maxMessage, theirs.facts.maxMessage]).toEqual([1024, 1024])
    expect([ours.getOption('receiveMtu'), ours.getOption('sendMtu')]).toEqual([1024, 1024])
    const echoing = echo(theirs)
    expect(await compareEchoes(ours, 65_536, 1024)).toBe(65_536)
    await ours.close()
    expect(await echoing).toBe(64)
    await close()
  })

  test('credits hold up a sender whose peer does not read, and nothing is lost', async () => {
    const { ours, theirs, close } = await lePair({}, { timeout: 20_000 })
    const count = 500
    const sending = ours.sendBatch(Array.from({ length: count }, (_, number) => ({ data: Buffer.alloc(600, number) })))
    await sleep(1000)
    expect(ours.queued.outgoing).toBeGreaterThan(0)
    for (let number = 0; number < count; number++) {
      expect((await receive(theirs))?.equals(Buffer.alloc(600, number))).toBe(true)
    }
    expect(await sending).toMatchObject({ sent: count })
    await close()
  })

  test('a PSM that nobody listens on is ECONNREFUSED, at once', async () => {
    const started = performance.now()
    await expect(connect(le(0x9f), { local: leFrom, timeout: 20_000 })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(performance.now() - started).toBeLessThan(5000)
  })

  test('a device that does not advertise: our own timeout is ETIMEDOUT, and no descriptor stays', async () => {
    await set(far, 'advertising=0')
    await sleep(3000)
    const before = openDescriptors()
    const started = performance.now()
    await expect(connect(le(0x81), { local: leFrom, timeout: 1000 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    expect(performance.now() - started).toBeLessThan(3000)
    // The engine lets the connect come to its end for 5 s before it closes the socket.
    expect(await eventually(() => openDescriptors() === before, 10_000)).toBe(true)
  })
})

describe('connectionless, by the raw family', () => {
  const SOCK_DGRAM = 2
  const rawAddress = (bdaddr: string, psm: number): string => {
    const name = Buffer.alloc(14)
    name.writeUInt16LE(31, 0)
    name.writeUInt16LE(psm, 2)
    Buffer.from(bdaddr.replaceAll(':', ''), 'hex').reverse().copy(name, 4)
    return `raw:31:${SOCK_DGRAM}:0:${name.toString('hex')}`
  }

  test('a connected socket sends, a bound one receives, each message whole', async () => {
    // It needs a link, which only a connection makes.
    const { close } = await pair()
    await using receiver = await bind(rawAddress(far.address, 0x1011))
    const sender = (await connect(rawAddress(far.address, 0x1011), {
      local: rawAddress(near.address, 0),
    })) as unknown as DatagramEndpoint
    for (const text of ['into', 'the', 'blue']) await sender.send(text)
    const texts: string[] = []
    for (let number = 0; number < 3; number++) texts.push(String(await receive(receiver)))
    expect(texts).toEqual(['into', 'the', 'blue'])
    await sender.close()
    await close()
  })
})
