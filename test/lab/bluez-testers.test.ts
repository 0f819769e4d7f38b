/**
 * The cases of BlueZ's own tools/rfcomm-tester.c and tools/l2cap-tester.c, under their names, with this library in the place
 * of their sockets. There the other side is a host that the tester emulates; here it is Python or this library, at the other
 * controller. What only an emulated host can do is listed at the end, skipped with its reason.
 */
import { createHash, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  connect,
  type DatagramEndpoint,
  families,
  type Listener,
  listen,
  type RfcommAddress,
  type SocketError,
  type StreamEndpoint,
} from '../../src/index.ts'
import { receiveAll } from '../support/bytes.ts'
import type { Child } from '../support/child.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { type Controller, type PeerOptions, restartControllers, startPeer, startScript } from './support.ts'

let [far, near] = restartControllers(2) as [Controller, Controller]
afterAll(() => restartControllers(2))

const KIB_32 = 32_768
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const available = (scheme: string): boolean =>
  families()
    .flatMap(({ schemes }) => schemes)
    .some((each) => each.scheme === scheme && each.availability.available)

/** A client that closes before the connect is done: it is told so, and nothing of it stays. */
async function closesWhileConnecting(address: string, local: string): Promise<void> {
  const before = openDescriptors()
  const controller = new AbortController()
  const connecting = connect(address, { local, signal: controller.signal })
  await Promise.resolve()
  controller.abort()
  await expect(connecting).rejects.toMatchObject({ name: 'AbortError' })
  expect(await eventually(() => openDescriptors() === before, 10_000)).toBe(true)
}

type Script = Omit<PeerOptions, 'role' | 'scheme' | 'local' | 'remote' | 'port'>
const pythonServer = async (scheme: 'rfcomm' | 'l2cap', port: number, script: Script): Promise<Child> => {
  const peer = startPeer({ role: 'listen', scheme, local: far.address, port, ...script })
  expect(await peer.report()).toEqual({ port })
  return peer
}
const pythonClient = (scheme: 'rfcomm' | 'l2cap', port: number, script: Script): Child =>
  startPeer({ role: 'connect', scheme, local: near.address, remote: far.address, port, ...script })

describe('rfcomm-tester', () => {
  const CHANNEL = 0x0c
  const OTHER_CHANNEL = 0x0e
  const address = (channel: number): string => `rfcomm://${far.address}/${channel}`
  const from = { local: `rfcomm://${near.address}/0`, timeout: 20_000 }
  const nine = Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8])

  test('Basic RFCOMM Socket - Success', () => {
    expect(available('rfcomm')).toBe(true)
  })

  test('Basic RFCOMM Socket Client - Success', async () => {
    await using peer = await pythonServer('rfcomm', CHANNEL, { mode: 'hold' })
    const endpoint = (await connect(address(CHANNEL), from)) as StreamEndpoint
    expect(await peer.report()).toEqual({ accepted: near.address })
    endpoint.destroy()
  })

  for (const [name, data] of [
    ['Write Success', nine],
    ['Write 32k Success', randomBytes(KIB_32)],
  ] as const) {
    test(`Basic RFCOMM Socket Client - ${name}`, async () => {
      await using peer = await pythonServer('rfcomm', CHANNEL, { mode: 'receive' })
      const endpoint = (await connect(address(CHANNEL), from)) as StreamEndpoint
      endpoint.end(data)
      await peer.report()
      expect(await peer.report()).toMatchObject({ received: data.length, receivedHash: sha256(data) })
      endpoint.destroy()
    })
  }

  test('Basic RFCOMM Socket Client - Read Success', async () => {
    await using peer = await pythonServer('rfcomm', CHANNEL, { mode: 'send', bytes: nine.length })
    const endpoint = (await connect(address(CHANNEL), from)) as StreamEndpoint
    const received = await receiveAll(endpoint)
    await peer.report()
    expect(await peer.report()).toMatchObject({ sent: received.bytes, sentHash: received.sha256 })
  })

  test('Basic RFCOMM Socket Client - Conn Refused', async () => {
    await using listener = await listen(address(CHANNEL))
    expect(listener.closed).toBe(false)
    await expect(connect(address(OTHER_CHANNEL), from)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('Basic RFCOMM Socket Client - Close', () => closesWhileConnecting(address(CHANNEL), from.local))

  const serve = async (): Promise<Listener<StreamEndpoint>> =>
    (await listen(address(CHANNEL))) as Listener<StreamEndpoint>

  test('Basic RFCOMM Socket Server - Success', async () => {
    await using listener = await serve()
    await using peer = pythonClient('rfcomm', CHANNEL, { mode: 'hold' })
    const endpoint = await listener.accept({ timeout: 20_000 })
    expect((endpoint.remote as RfcommAddress).bdaddr).toBe(near.address)
    expect(await peer.report()).toEqual({ connected: true })
    endpoint.destroy()
  })

  test('Basic RFCOMM Socket Server - Write Success', async () => {
    await using listener = await serve()
    await using peer = pythonClient('rfcomm', CHANNEL, { mode: 'receive' })
    const endpoint = await listener.accept({ timeout: 20_000 })
    endpoint.end(nine)
    await peer.report()
    expect(await peer.report()).toMatchObject({ received: nine.length, receivedHash: sha256(nine) })
  })

  test('Basic RFCOMM Socket Server - Read Success', async () => {
    await using listener = await serve()
    await using peer = pythonClient('rfcomm', CHANNEL, { mode: 'send', bytes: nine.length })
    const received = await receiveAll(await listener.accept({ timeout: 20_000 }))
    await peer.report()
    expect(await peer.report()).toMatchObject({ sent: received.bytes, sentHash: received.sha256 })
  })

  test('Basic RFCOMM Socket Server - Conn Refused', async () => {
    await using listener = await serve()
    let connections = 0
    listener.on('connection', () => connections++)
    const peer = pythonClient('rfcomm', OTHER_CHANNEL, { mode: 'hold' })
    expect((await peer.exited).stderr).toContain('ConnectionRefusedError')
    expect(connections).toBe(0)
  })
})

/** What both kinds of channels have in common; they differ in the addresses. */
interface Channel {
  readonly server: string
  readonly nobody: string
  readonly from: string
}

const timeout = 20_000
const eight = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8])
const MTU = 672

const accept = async (listener: Listener): Promise<DatagramEndpoint> =>
  (await listener.accept({ timeout })) as unknown as DatagramEndpoint

async function connected({ server, from }: Channel) {
  const listener = (await listen(server)) as unknown as Listener
  const accepting = accept(listener)
  const client = (await connect(server, { local: from, timeout })) as DatagramEndpoint
  const accepted = await accepting
  return {
    client,
    accepted,
    async [Symbol.asyncDispose]() {
      await Promise.all([client.close(), accepted.close(), listener.close()])
    },
  }
}

/** In messages as large as they may be, as the tester does it. */
async function transfer(sender: DatagramEndpoint, receiver: DatagramEndpoint, data: Buffer): Promise<void> {
  const sending = (async () => {
    for (let at = 0; at < data.length; at += MTU) await sender.send(data.subarray(at, at + MTU))
  })()
  const chunks: Uint8Array[] = []
  for (let received = 0; received < data.length; ) {
    const message = await receiver.receive({ timeout })
    if (message === undefined) break
    chunks.push(message.data)
    received += message.data.length
  }
  await sending
  expect(Buffer.concat(chunks).equals(data)).toBe(true)
}

function transfers(kind: string, channel: Channel, serverToo: boolean): void {
  for (const [size, data] of [
    ['', eight],
    [' 32k', randomBytes(KIB_32)],
  ] as const) {
    test(`${kind} Client - Read${size} Success`, async () => {
      await using pair = await connected(channel)
      await transfer(pair.accepted, pair.client, data)
    })
    test(`${kind} Client - Write${size} Success`, async () => {
      await using pair = await connected(channel)
      await transfer(pair.client, pair.accepted, data)
    })
    if (!serverToo) continue
    test(`${kind} Server - Read${size} Success`, async () => {
      await using listener = (await listen(channel.server)) as unknown as Listener
      await using peer = pythonClient('l2cap', 0x1001, { mode: 'send', bytes: data.length, size: MTU })
      const hash = createHash('sha256')
      for await (const message of await accept(listener)) hash.update(message.data)
      await peer.report()
      expect(await peer.report()).toMatchObject({ sent: data.length, sentHash: hash.digest('hex') })
    })
    test(`${kind} Server - Write${size} Success`, async () => {
      await using listener = (await listen(channel.server)) as unknown as Listener
      await using peer = pythonClient('l2cap', 0x1001, { mode: 'echo' })
      const endpoint = await accept(listener)
      const echoed: Uint8Array[] = []
      for (let at = 0; at < data.length; at += MTU) {
        await endpoint.send(data.subarray(at, at + MTU))
        // Basic mode holds nobody up: the next message goes when this one has come back.
        echoed.push((await endpoint.receive({ timeout }))?.data ?? Buffer.of())
      }
      expect(Buffer.concat(echoed).equals(data)).toBe(true)
      await endpoint.close()
      await peer.report()
      expect(await peer.report()).toEqual({ echoed: Math.ceil(data.length / MTU) })
    })
  }
}

/** BT_PHY: which of the radio's ways of sending the connection may use. */
const SOL_BLUETOOTH = 274
const BT_PHY = 14
const physOf = (endpoint: DatagramEndpoint): number =>
  endpoint.getOption({ level: SOL_BLUETOOTH, name: BT_PHY, length: 4 }).readUInt32LE()

describe('l2cap-tester, BR/EDR', () => {
  const channel: Channel = {
    server: `l2cap://${far.address}/0x1001`,
    nobody: `l2cap://${far.address}/0x1003`,
    from: `l2cap://${near.address}/0`,
  }
  const BR_1M_1SLOT = 1

  test('Basic L2CAP Socket - Success', () => {
    expect(available('l2cap')).toBe(true)
  })

  test('L2CAP BR/EDR Client - Success', async () => {
    await using peer = await pythonServer('l2cap', 0x1001, { mode: 'hold' })
    const endpoint = (await connect(channel.server, { local: channel.from, timeout })) as DatagramEndpoint
    expect(await peer.report()).toEqual({ accepted: near.address })
    await endpoint.close()
  })

  test('L2CAP BR/EDR Client - Close', () => closesWhileConnecting(channel.nobody, channel.from))

  test('L2CAP BR/EDR Client - Invalid PSM 1', async () => {
    const attempt = connect(channel.nobody, { local: channel.from, timeout })
    await expect(attempt).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('L2CAP BR/EDR Client - Invalid PSM 2', async () => {
    const attempt = connect(`l2cap://${far.address}/0x0001`, { local: channel.from, timeout })
    await expect(attempt).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('L2CAP BR/EDR Client - Socket Shut WR Success', async () => {
    // There is no half close to ask for: the connection ends as a whole, and the peer is told.
    await using pair = await connected(channel)
    await expect(pair.client.end()).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await pair.client.close()
    expect(await pair.accepted.receive({ timeout })).toBe(undefined)
  })

  test('L2CAP BR/EDR Client - PHY', async () => {
    await using pair = await connected(channel)
    expect(physOf(pair.client) & BR_1M_1SLOT).toBe(BR_1M_1SLOT)
  })

  test('L2CAP BR/EDR Server - PHY', async () => {
    await using pair = await connected(channel)
    expect(physOf(pair.accepted) & BR_1M_1SLOT).toBe(BR_1M_1SLOT)
  })

  test('L2CAP BR/EDR Server - Success', async () => {
    await using listener = (await listen(channel.server)) as unknown as Listener
    await using peer = pythonClient('l2cap', 0x1001, { mode: 'hold' })
    const endpoint = await accept(listener)
    expect(await peer.report()).toEqual({ connected: true })
    await endpoint.close()
  })

  test('L2CAP BR/EDR Server - Invalid PSM', async () => {
    await using listener = await listen(channel.server)
    let connections = 0
    listener.on('connection', () => connections++)
    const peer = pythonClient('l2cap', 0x1003, { mode: 'hold' })
    expect((await peer.exited).stderr).toContain('ConnectionRefusedError')
    expect(connections).toBe(0)
  })

  transfers('L2CAP BR/EDR', channel, true)
})

describe('l2cap-tester, LE', () => {
  const address = (bdaddr: string, number: string): string => `l2cap://${bdaddr}${number}type=le-public`
  const channel: Channel = {
    get server() {
      return address(far.address, '/0x80?')
    },
    get nobody() {
      return address(far.address, '/0x90?')
    },
    get from() {
      return address(near.address, '/0?')
    },
  }

  const set = async ({ id }: Controller, ...settings: string[]): Promise<void> => {
    await using peer = startScript('mgmt.py', id.slice('hci'.length), ...settings)
    expect(await peer.report()).toEqual({ done: settings })
  }
  beforeAll(async () => {
    await set(near, 'le=1')
    await set(far, 'le=1', 'connectable=1', 'advertising=1')
  })

  test('L2CAP LE Client - Success', async () => {
    await using peer = startScript('le_echo.py', JSON.stringify({ local: far.address, psm: 0x80, mtu: MTU }))
    await peer.report()
    const endpoint = (await connect(channel.server, { local: channel.from, timeout })) as DatagramEndpoint
    expect(await peer.report()).toMatchObject({ accepted: near.address })
    await endpoint.close()
    expect(await peer.report()).toEqual({ echoed: 0, bytes: 0 })
  })

  test('L2CAP LE Client - Close', () => closesWhileConnecting(channel.nobody, channel.from))

  test('L2CAP LE Client - Invalid PSM', async () => {
    const attempt = connect(channel.nobody, { local: channel.from, timeout })
    await expect(attempt).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('L2CAP LE Server - Success', async () => {
    await using pair = await connected(channel)
    expect(pair.accepted.remote).toMatchObject({ bdaddr: near.address, type: 'le-public' })
  })

  transfers('L2CAP LE', channel, false)

  describe('the fixed channel of ATT', () => {
    // A listener gets it when the link comes up, and that of the test before is kept for some seconds.
    beforeEach(() => sleep(4000))

    const att: Channel = {
      server: address(far.address, '?cid=4&'),
      nobody: '',
      from: address(near.address, '?cid=4&'),
    }

    test('L2CAP LE ATT Client - Success', async () => {
      await using pair = await connected(att)
      expect(pair.client.remote).toMatchObject({ bdaddr: far.address, cid: 4 })
    })

    test('L2CAP LE ATT Server - Success', async () => {
      await using pair = await connected(att)
      // The MTU request with which each ATT client begins, and an answer.
      await pair.client.send(Uint8Array.of(0x02, 0x17, 0x00))
      expect((await pair.accepted.receive({ timeout }))?.data).toEqual(Buffer.of(0x02, 0x17, 0x00))
      await pair.accepted.send(Uint8Array.of(0x03, 0x17, 0x00))
      expect((await pair.client.receive({ timeout }))?.data).toEqual(Buffer.of(0x03, 0x17, 0x00))
    })
  })

  describe('a server that does not advertise', () => {
    // With no link left from before, which needs no advertising to be used.
    beforeEach(async () => {
      // Of a link that was being made Linux 6.12 may keep the controller, with its number and its address.
      ;[far, near] = restartControllers(2) as [Controller, Controller]
      await set(near, 'le=1')
      await set(far, 'le=1', 'connectable=1')
    })

    const stays = async (run: () => Promise<void>): Promise<void> => {
      const before = openDescriptors()
      await run()
      expect(await eventually(() => openDescriptors() === before, 10_000)).toBe(true)
    }

    test('L2CAP LE Client - Timeout', () =>
      stays(async () => {
        const attempt = connect(channel.server, { local: channel.from, timeout: 1000 })
        await expect(attempt).rejects.toMatchObject({ code: 'ETIMEDOUT' })
      }))

    for (const [name, bdaddr] of [
      ['L2CAP LE Client - Close socket 1', () => '00:AA:01:02:03:00'],
      ['L2CAP LE Client - Close socket 2', () => far.address],
    ] as const) {
      test(name, () =>
        stays(async () => {
          const controller = new AbortController()
          const options = { local: channel.from, signal: controller.signal }
          const attempt = connect(address(bdaddr(), '/0x80?'), options)
          setTimeout(() => controller.abort(), 500)
          await expect(attempt).rejects.toMatchObject({ name: 'AbortError' })
        }),
      )
    }

    const openTwo = async (closeOne: boolean): Promise<string[]> => {
      const listener = (await listen(channel.server)) as unknown as Listener
      listener.on('connection', (peer) => void (peer as unknown as DatagramEndpoint).resume())
      const controller = new AbortController()
      const options = { local: channel.from, timeout }
      const attempts = [
        connect(channel.server, { ...options, signal: controller.signal }),
        connect(channel.server, options),
      ]
      const outcomes = Promise.all(
        attempts.map((attempt) =>
          attempt.then(
            async (endpoint) => {
              await (endpoint as DatagramEndpoint).close()
              return 'connected'
            },
            ({ name, code }: SocketError) => (name === 'AbortError' ? name : code),
          ),
        ),
      )
      await sleep(500)
      if (closeOne) controller.abort()
      await set(far, 'advertising=1')
      const result = await outcomes
      await listener.close()
      return result
    }

    test('L2CAP LE Client - Open two sockets', async () => {
      expect(await openTwo(false)).toEqual(['connected', 'connected'])
    })

    test('L2CAP LE Client - Open two sockets close one', async () => {
      expect(await openTwo(true)).toEqual(['AbortError', 'connected'])
    })
  })
})

const elsewhere: Readonly<Record<string, readonly string[]>> = {
  'the library hands out no socket that is not connected': ['Non-connected getpeername - Failure'],
  'a host that never answers; with a silent controller in faults.test.ts': ['L2CAP BR/EDR Client - Timeout'],
  'pairing is for bluetoothd to answer: bluez.test.ts': [
    'L2CAP BR/EDR Client SSP - Success 1',
    'L2CAP BR/EDR Client SSP - Success 2',
    'L2CAP BR/EDR Client PIN Code - Success',
    'L2CAP BR/EDR Client - Invalid PSM 3',
    'L2CAP LE Client SMP - Success',
  ],
  'the emulated host sends PDUs that no socket sends': [
    'L2CAP BR/EDR Server - Security Block',
    'L2CAP BR/EDR Server - Invalid PDU',
    'L2CAP BR/EDR Server - Invalid Disconnect CID',
    'L2CAP BR/EDR Server - Invalid Config CID',
    'L2CAP LE Client - Command Reject',
    'L2CAP LE Client - Connection Reject',
    'L2CAP LE Client, Direct Advertising - Success',
    'L2CAP LE Server - Nval SCID',
  ],
  'the library reports no times of packets': [
    ...['RX Timestamping', 'RX Timestamping 32k', 'TX Timestamping', 'Stream TX Timestamping'].map(
      (name) => `L2CAP BR/EDR Client - ${name}`,
    ),
    ...['RX Timestamping', 'RX Timestamping 32k', 'TX Timestamping'].map((name) => `L2CAP LE Client - ${name}`),
    'L2CAP BR/EDR Ethtool Get Ts Info - Success',
    'L2CAP LE Ethtool Get Ts Info - Success',
  ],
  'the controllers of btvirt know no PHYs of LE, and the kernel cannot set BT_PHY': [
    'L2CAP LE Client - PHY',
    'L2CAP LE Server - PHY',
    ...['Client', 'Server'].flatMap((role) => [
      ...['1M', '2M', '3M'].map((phy) => `L2CAP BR/EDR ${role} - Set PHY ${phy}`),
      `L2CAP LE ${role} - PHY 2M/Coded`,
      ...['1M', '2M', 'Coded'].map((phy) => `L2CAP LE ${role} - Set PHY ${phy}`),
    ]),
  ],
  'the kernel has extended flow control switched off unless its module is loaded with enable_ecred': [
    'L2CAP Ext-Flowctl Client - Success',
    'L2CAP Ext-Flowctl Client - Close',
    'L2CAP Ext-Flowctl Client - Timeout',
    'L2CAP Ext-Flowctl Client, Direct Advertising - Success',
    'L2CAP Ext-Flowctl Client SMP - Success',
    'L2CAP Ext-Flowctl Client - Command Reject',
    'L2CAP Ext-Flowctl Client - Open two sockets',
    'L2CAP Ext-Flowctl Client - Open two sockets close one',
    'L2CAP Ext-Flowctl Server - Success',
    'L2CAP Ext-Flowctl Server - Nval SCID',
    ...['Client', 'Server'].flatMap((role) =>
      ['PHY', 'PHY 2M/Coded', 'Set PHY 1M', 'Set PHY 2M', 'Set PHY Coded'].map(
        (name) => `L2CAP Ext-Flowctl ${role} - ${name}`,
      ),
    ),
    'L2CAP LE EATT Client - Success',
    'L2CAP LE EATT Server - Success',
    'L2CAP LE EATT Server - Reject',
  ],
}

for (const [reason, names] of Object.entries(elsewhere)) {
  describe(reason, () => {
    for (const name of names) test.skip(`${name} (skipped: ${reason}; remedy: none)`, () => undefined)
  })
}
