import { networkInterfaces } from 'node:os'
import { describe, expect, test } from 'vitest'
import { type InetSocketOptions, inetOptions } from '../../src/families/inet/options.ts'
import type { InetAddress } from '../../src/families/inet.ts'
import { bind, connect, type DatagramEndpoint, listen, type SocketOptions } from '../../src/index.ts'
import { misuse, wrongNumber, wrongType } from '../support/errors.ts'
import { given, type Need, need, scheme } from '../support/need.ts'

const hasIPv6 = Object.values(networkInterfaces()).some((all) => all?.some((one) => one.address === '::1'))
const ipv6: Need = need(hasIPv6, 'this machine has no IPv6', 'sysctl net.ipv6.conf.lo.disable_ipv6=0')
const linkLocal = Object.entries(networkInterfaces()).flatMap(([name, all]) =>
  (all ?? []).flatMap((one) =>
    one.family === 'IPv6' && one.scopeid > 0 ? [{ name, index: one.scopeid, address: one.address }] : [],
  ),
)[0]
const multicastIPv6: Need = need(
  linkLocal !== undefined,
  'no interface here has a link-local address',
  'ip link set an Ethernet interface up',
)
const tcp = scheme('tcp')
const udp = scheme('udp')

const portOf = (endpoint: { local?: unknown }): number => (endpoint.local as InetAddress).port

/** A value that is not the default, and what the kernel then gives back, where that is another. */
type Sample = [name: keyof SocketOptions, value: unknown, back?: unknown]

const both: Sample[] = [
  ['reuseAddress', true],
  ['reusePort', true],
  ['ttl', 7],
  ['tos', 0x10],
]
const ofTcp: Sample[] = [
  ...both,
  ['noDelay', true],
  ['keepAlive', true],
  ['keepAliveDelay', 60_000],
  ['keepAliveDelay', 1_500, 2_000],
  ['keepAliveInterval', 5_000],
  ['keepAliveCount', 3],
  ['userTimeout', 1_234],
  ['linger', 0],
  ['linger', 5],
  ['linger', false],
]
const ofUdp: Sample[] = [...both, ['broadcast', true], ['multicastTtl', 3], ['multicastLoopback', false]]

describe.each([
  ['127.0.0.1', tcp, udp],
  ['[::1]', hasIPv6 ? tcp : ipv6, hasIPv6 ? udp : ipv6],
])('options on %s', (host, tcpHere, udpHere) => {
  for (const [name, value, back = value] of ofTcp) {
    given(tcpHere)(`tcp: ${name} of ${value} is set and read`, async () => {
      await using listener = await listen(`tcp://${host}:0`)
      await using client = await connect(listener.address as InetAddress<'tcp'>)
      client.setOption(name as string, value)
      expect(client.getOption(name as string)).toBe(back)
      await using second = await connect(listener.address as InetAddress<'tcp'>, { [name]: value })
      expect(second.getOption(name as string)).toBe(back)
      client.setOption('linger', false)
      second.setOption('linger', false)
    })
  }

  for (const [name, value] of ofUdp) {
    given(udpHere)(`udp: ${name} of ${value} is set and read`, async () => {
      await using socket = await bind(`udp://${host}:0`, { [name]: value })
      expect(socket.getOption(name as string)).toBe(value)
    })
  }

  given(tcpHere)('tcp: quickAck is set and read, for as long as the system lets it be', async () => {
    await using listener = await listen(`tcp://${host}:0`)
    await using client = await connect(listener.address as InetAddress<'tcp'>)
    for (const value of [false, true]) {
      client.setOption('quickAck', value)
      expect(client.getOption('quickAck')).toBe(value)
    }
  })

  given(tcpHere)(
    'tcp: a listener reuses its address, unless told otherwise, and what it accepts has the options',
    async () => {
      await using listener = await listen(`tcp://${host}:0`, {
        noDelay: true,
        keepAlive: true,
        keepAliveDelay: 30_000,
        tos: 0x10,
        userTimeout: 5_000,
      })
      expect(listener.getOption('reuseAddress')).toBe(true)
      await using other = await listen(`tcp://${host}:0`, { reuseAddress: false })
      expect(other.getOption('reuseAddress')).toBe(false)
      await using client = await connect(listener.address as InetAddress<'tcp'>)
      expect(client.getOption('reuseAddress')).toBe(false)
      await using accepted = await listener.accept()
      const names = ['noDelay', 'keepAlive', 'keepAliveDelay', 'tos', 'userTimeout'] as const
      expect(names.map((name) => accepted.getOption(name))).toEqual([true, true, 30_000, 0x10, 5_000])
      expect(names.slice(0, 2).map((name) => client.getOption(name))).toEqual([false, false])
    },
  )
})

describe('options that are not', () => {
  given(tcp, udp)('of another scheme are ERR_OPTION_UNKNOWN', async () => {
    await using socket = await bind('udp://127.0.0.1:0')
    for (const name of ['noDelay', 'keepAlive', 'linger', 'quickAck', 'userTimeout', 'mode', 'nosuch', 'constructor']) {
      expect(() => socket.setOption(name, true)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }))
      expect(() => socket.getOption(name)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }))
      await expect(bind('udp://127.0.0.1:0', { [name]: true })).rejects.toMatchObject({ code: 'ERR_OPTION_UNKNOWN' })
    }
    await expect(listen('tcp://127.0.0.1:0', { broadcast: true })).rejects.toMatchObject({ code: 'ERR_OPTION_UNKNOWN' })
  })

  given(tcp)('of the wrong type are a TypeError, out of range a RangeError', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const wrong: [string, unknown][] = [
      ['noDelay', 'yes'],
      ['keepAliveDelay', 0],
      ['keepAliveDelay', Number.NaN],
      ['keepAliveDelay', Number.POSITIVE_INFINITY],
      ['keepAliveCount', '3'],
      ['linger', true],
      ['linger', -1],
      ['reusePort', 'maybe'],
      ['ttl', 1.5],
      ['receiveBuffer', -1],
      ['sendBuffer', 2 ** 31],
      ['userTimeout', -5],
      ['ttl', 256],
      ['tos', -1],
      ['keepAliveCount', 128],
      ['keepAliveDelay', 32_767_001],
      ['keepAliveInterval', 32_767_001],
    ]
    for (const [name, value] of wrong) expect(() => listener.setOption(name, value), name).toThrow(wrongNumber(value))
    expect(() => listener.setOption('noDelay', 1)).toThrow(wrongType)
  })

  given(udp)("that the system refuses are the system's error", async () => {
    await using socket = await bind('udp://127.0.0.1:0')
    expect(() => socket.setOption('multicastInterface', '192.0.2.1')).toThrow(
      expect.objectContaining({ code: 'EADDRNOTAVAIL', syscall: 'setsockopt' }),
    )
    expect(() => socket.setOption('ipv6Only', true)).toThrow(expect.objectContaining({ code: 'ENOPROTOOPT' }))
    socket.setOption('ipv6Only', false)
  })

  given(udp)('that are actions cannot be read', async () => {
    await using socket = await bind('udp://127.0.0.1:0')
    for (const name of ['joinGroup', 'leaveGroup', 'multicastInterface'] as const) {
      expect(() => socket.getOption(name)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
    }
  })
})

describe('sharing', () => {
  given(udp)('reusePort lets two sockets have one port, and both have to ask', async () => {
    await using first = await bind('udp://127.0.0.1:0', { reusePort: true })
    await using second = await bind(first.local as InetAddress, { reusePort: 'try' })
    expect(portOf(second)).toBe(portOf(first))
    await expect(bind(first.local as InetAddress)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })

  given(tcp, ipv6)('* takes IPv4 and IPv6; ipv6Only leaves IPv4 to another', async () => {
    await using listener = await listen('tcp://*:0')
    const { port } = listener.address as InetAddress
    expect(listener.getOption('ipv6Only')).toBe(false)
    for (const host of ['127.0.0.1', '[::1]']) {
      await using client = await connect(`tcp://${host}:${port}`)
      await using server = await listener.accept()
      expect((server.remote as InetAddress).port).toBe(portOf(client))
    }
    await using only = await listen('tcp://*:0', { ipv6Only: true })
    const onlyPort = (only.address as InetAddress).port
    await expect(connect(`tcp://127.0.0.1:${onlyPort}`)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await using other = await listen(`tcp://0.0.0.0:${onlyPort}`)
    expect((other.address as InetAddress).port).toBe(onlyPort)
  })

  given(udp, ipv6)("an IPv6 socket keeps IPv4's half of an option too", async () => {
    await using socket = await bind('udp://*:0', { tos: 0x20, ttl: 9, multicastTtl: 4, multicastLoopback: false })
    // IP_TOS, IP_TTL, IP_MULTICAST_TTL and IP_MULTICAST_LOOP at level IPPROTO_IP.
    const halves = [1, 2, 33, 34].map(
      (name) => new Int32Array(Uint8Array.from(socket.getOption({ level: 0, name }) as Uint8Array).buffer)[0],
    )
    expect(halves).toEqual([0x20, 9, 4, 0])
  })

  given(udp)('broadcast has to be asked for', async () => {
    await using socket = await bind('udp://0.0.0.0:0')
    const all = { family: 'inet', scheme: 'udp', host: '127.255.255.255', port: portOf(socket) } as const
    await expect(socket.send('x', all)).rejects.toMatchObject({ code: 'EACCES' })
    socket.setOption('broadcast', true)
    await socket.send('to all', all)
    expect(String((await socket.receive({ timeout: 5000 }))?.data)).toBe('to all')
  })
})

describe('multicast', () => {
  const group4 = '239.255.77.77'
  const sourceGroup4 = '232.43.7.9'
  const sourceGroup6 = 'ff32::4307:9'
  const group6 = 'ff02::7777'

  async function hears(receiver: DatagramEndpoint, group: string, sender: DatagramEndpoint): Promise<boolean> {
    await sender.send('to the group', { family: 'inet', scheme: 'udp', host: group, port: portOf(receiver) })
    try {
      return String((await receiver.receive({ timeout: 300 }))?.data) === 'to the group'
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ETIMEDOUT') return false
      throw error
    }
  }

  for (const by of ['lo', 1, '1', '127.0.0.1']) {
    given(udp)(`a group is joined and left, IPv4, by ${typeof by} ${by}`, async () => {
      await using receiver = await bind('udp://0.0.0.0:0', { joinGroup: { group: group4, interface: by } })
      await using sender = await bind('udp://127.0.0.1:0', { multicastInterface: by })
      expect(await hears(receiver, group4, sender)).toBe(true)
      receiver.setOption('leaveGroup', { group: group4, interface: by })
      expect(await hears(receiver, group4, sender)).toBe(false)
    })
  }

  // Multicast has no route on lo in IPv6, so it takes an interface with a link-local address.
  for (const by of linkLocal === undefined
    ? ['eth0']
    : [linkLocal.name, linkLocal.index, linkLocal.address, `::%${linkLocal.name}`, `::%${linkLocal.index}`]) {
    given(udp, multicastIPv6)(`a group is joined and left, IPv6, by ${typeof by} ${by}`, async () => {
      await using receiver = await bind('udp://[::]:0', { joinGroup: { group: group6, interface: by } })
      await using sender = await bind('udp://[::]:0', { multicastInterface: by })
      expect(await hears(receiver, group6, sender)).toBe(true)
      sender.setOption('multicastLoopback', false)
      expect(await hears(receiver, group6, sender)).toBe(false)
      sender.setOption('multicastLoopback', true)
      receiver.setOption('leaveGroup', { group: group6, interface: by })
      expect(await hears(receiver, group6, sender)).toBe(false)
    })
  }

  given(udp, multicastIPv6)('a socket for both joins a group of each, and sends to both', async () => {
    const on = linkLocal?.name ?? ''
    await using receiver = await bind('udp://*:0')
    receiver.addMembership(group4, on).addMembership(group6, on)
    await using sender = await bind('udp://*:0', { multicastInterface: on })
    expect(await hears(receiver, group4, sender)).toBe(true)
    expect(await hears(receiver, group6, sender)).toBe(true)
    receiver.dropMembership(group4, on)
    expect(await hears(receiver, group4, sender)).toBe(false)
    expect(await hears(receiver, group6, sender)).toBe(true)
  })

  given(udp)('a group is joined for one source alone, IPv4', async () => {
    const source = '127.0.0.1'
    await using receiver = await bind('udp://0.0.0.0:0', {
      joinSourceGroup: { group: sourceGroup4, source, interface: 'lo' },
    })
    await using sender = await bind('udp://127.0.0.1:0', { multicastInterface: source })
    await using other = await bind('udp://127.0.0.2:0', { multicastInterface: source })
    expect(await hears(receiver, sourceGroup4, sender)).toBe(true)
    expect(await hears(receiver, sourceGroup4, other)).toBe(false)
    receiver.setOption('leaveSourceGroup', { group: sourceGroup4, source, interface: source })
    expect(await hears(receiver, sourceGroup4, sender)).toBe(false)
  })

  given(udp, multicastIPv6)('a group is joined for one source alone, IPv6', async () => {
    const { name, address: source } = linkLocal ?? { name: '', address: '' }
    await using sender = await bind(`udp://[${source}%${name}]:0`, { multicastInterface: name })
    for (const [wanted, heard] of [
      [source, true],
      ['fe80::1:2:3:4', false],
    ] as const) {
      await using receiver = await bind('udp://[::]:0', {
        joinSourceGroup: { group: sourceGroup6, source: wanted, interface: name },
      })
      expect(await hears(receiver, sourceGroup6, sender)).toBe(heard)
    }
  })

  given(udp)('a source that cannot be is an error', async () => {
    await using socket = await bind('udp://0.0.0.0:0')
    const leave = { group: sourceGroup4, source: '127.0.0.1', interface: 'lo' }
    expect(() => socket.setOption('leaveSourceGroup', leave)).toThrow(
      expect.objectContaining({ syscall: 'setsockopt' }),
    )
    for (const source of [undefined, 5, 'localhost', '::1']) {
      const wrong = { group: sourceGroup4, source }
      expect(() => socket.setOption('joinSourceGroup', wrong), String(source)).toThrow(TypeError)
    }
  })

  given(udp)('what cannot be joined is an error', async () => {
    await using socket = await bind('udp://0.0.0.0:0')
    const code = (wanted: string) => expect.objectContaining({ code: wanted })
    expect(() => socket.setOption('joinGroup', { group: group4, interface: 'nosuch0' })).toThrow(code('ENODEV'))
    expect(() => socket.setOption('joinGroup', { group: group4, interface: 2 ** 30 })).toThrow(code('ENODEV'))
    expect(() => socket.setOption('joinGroup', { group: '127.0.0.1' })).toThrow(code('EINVAL'))
    expect(() => socket.setOption('leaveGroup', { group: group4, interface: 'lo' })).toThrow(code('EADDRNOTAVAIL'))
    for (const wrong of [
      group4,
      {},
      null,
      { group: 5 },
      { group: 'localhost' },
      { group: group4, interface: -1 },
      { group: group4, interface: {} },
      { group: group4, interface: '' },
    ]) {
      expect(() => socket.setOption('joinGroup', wrong), String(wrong)).toThrow(misuse)
    }
  })
})

test('each option that the types know is one of the table', () => {
  const names: Record<keyof InetSocketOptions, true> = {
    noDelay: true,
    keepAlive: true,
    keepAliveDelay: true,
    keepAliveInterval: true,
    keepAliveCount: true,
    quickAck: true,
    userTimeout: true,
    linger: true,
    reuseAddress: true,
    reusePort: true,
    ipv6Only: true,
    ttl: true,
    tos: true,
    broadcast: true,
    multicastTtl: true,
    multicastLoopback: true,
    multicastInterface: true,
    joinGroup: true,
    leaveGroup: true,
    joinSourceGroup: true,
    leaveSourceGroup: true,
  }
  expect(Object.keys(inetOptions).sort()).toEqual(Object.keys(names).sort())
})
