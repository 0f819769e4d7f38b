import { readFileSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { SocketError } from '../../src/core/errors.ts'
import { given, need } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import {
  Acceptor,
  bindDatagram,
  connectStream,
  inetOpener,
  owned,
  portOf,
  request,
  tcp,
  udp,
  unix,
  unixOpener,
} from './node-handles.ts'

const always = given()

/** The loopback interface has no IPv6 multicast on every machine. */
const linkLocal = Object.entries(networkInterfaces())
  .flatMap(([name, addresses = []]) => addresses.map((address) => ({ name, ...address })))
  .find((one) => one.family === 'IPv6' && one.scopeid !== 0)
const withLinkLocal = given(
  need(linkLocal !== undefined, 'no interface has a link-local IPv6 address', 'bring one up: ip link set eth0 up'),
)

describe('options of a stream of the node engine', () => {
  always('keepAlive and its delay are set whatever their order', async () => {
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request()))
    for (const options of [
      { keepAlive: true, keepAliveDelay: 5000 },
      { keepAliveDelay: 5000, keepAlive: true, noDelay: true },
    ]) {
      using near = await connectStream(portOf(listener.handle), { options })
      const [kind, jiffies = 0] = timerOf(portOf(near.handle))
      expect(kind, 'the timer of /proc/net/tcp is 2, keep-alive').toBe(2)
      expect(jiffies).toBeLessThanOrEqual(500)
      near.handle.setOption('keepAlive', false)
      expect(timerOf(portOf(near.handle))[0]).toBe(0)
    }
    using near = await connectStream(portOf(listener.handle), { options: { keepAliveDelay: 5000 } })
    expect(timerOf(portOf(near.handle))[0], 'a delay alone turns nothing on').toBe(0)
  })

  always('those of a listener go to what it accepts', async () => {
    const options = { keepAlive: true, keepAliveDelay: 7000 }
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request({ options })))
    listener.handle.resume()
    using near = await connectStream(portOf(listener.handle))
    expect(await eventually(() => listener.accepted.length > 0)).toBe(true)
    expect(timerOf(portOf(listener.handle), portOf(near.handle))[0]).toBe(2)
  })

  always('unknown, of the wrong type, or not for Node: told apart, before anything is opened', async () => {
    const before = openDescriptors()
    const outcomes = [
      [{ nosuch: 1 }, { code: 'ERR_OPTION_UNKNOWN' }],
      [{ broadcast: true }, { code: 'ERR_OPTION_UNKNOWN' }],
      [{ noDelay: 'yes' }, { name: 'TypeError' }],
      [{ keepAliveDelay: -1 }, { name: 'RangeError', code: 'ERR_OUT_OF_RANGE' }],
      [{ linger: 0 }, { code: 'ERR_UNSUPPORTED' }],
      [{ receiveBuffer: 4096 }, { code: 'ERR_UNSUPPORTED' }],
      [{ ipv6Only: true }, { code: 'ERR_UNSUPPORTED' }],
    ] as const
    for (const [options, error] of outcomes) {
      await expect(inetOpener.connect(tcp(9), request({ options }))).rejects.toMatchObject(error)
    }
    await expect(unixOpener.connect(unix('/x'), request({ options: { noDelay: true } }))).rejects.toMatchObject({
      code: 'ERR_OPTION_UNKNOWN',
    })
    expect(openDescriptors()).toBe(before)
  })

  always('what Node cannot read is ERR_UNSUPPORTED', async () => {
    using listener = owned(await inetOpener.listen(tcp(0), request()))
    using near = await connectStream(portOf(listener.handle))
    const cannot = expect.objectContaining({ code: 'ERR_UNSUPPORTED' })
    expect(() => near.handle.getOption('noDelay')).toThrow(cannot)
    expect(() => near.handle.getOption({ level: 1, name: 7 })).toThrow(cannot)
    expect(() => near.handle.setOption({ level: 1, name: 7 }, Buffer.alloc(4))).toThrow(cannot)
    expect(() => near.handle.setOption('userTimeout', 5)).toThrow(cannot)
    expect(() => near.handle.setOption('noDelay', 'yes')).toThrow(TypeError)
    expect(() => near.handle.getOption('nosuch')).toThrow(expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }))
    near.handle.setOption('noDelay', true)
  })
})

describe('options of a datagram socket of the node engine', () => {
  always('buffer sizes can be set, on opening and later, and read', async () => {
    using near = await bindDatagram('127.0.0.1', 0, { options: { receiveBuffer: 16_384 } })
    // Linux doubles it, socket(7).
    expect(near.handle.getOption('receiveBuffer')).toBe(32_768)
    near.handle.setOption('sendBuffer', 20_000)
    expect(near.handle.getOption('sendBuffer')).toBe(40_000)
  })

  always('reuseAddress lets several bind', async () => {
    const options = { reuseAddress: true }
    using first = await bindDatagram('127.0.0.1', 0, { options })
    using second = await bindDatagram('127.0.0.1', portOf(first.handle), { options })
    expect(second.handle.local).toEqual(first.handle.local)
    const cannot = expect.objectContaining({ code: 'ERR_UNSUPPORTED' })
    expect(() => second.handle.setOption('reuseAddress', false)).toThrow(cannot)
  })

  always('broadcast has to be allowed: EACCES, told later', async () => {
    using near = await bindDatagram('0.0.0.0')
    const everybody = await near.message('x', udp(9, '127.255.255.255'))
    await near.sendAll([everybody])
    expect(await eventually(() => near.errors.length > 0)).toBe(true)
    expect(near.errors).toMatchObject([{ error: { code: 'EACCES', address: 'udp://127.255.255.255:9' }, fatal: false }])
    near.handle.setOption('broadcast', true)
    await near.sendAll([everybody])
    await sleep(50)
    expect(near.errors).toHaveLength(1)
  })

  always('an interface by a number that Node has no name for: what is not supported, and why', async () => {
    using near = await bindDatagram('127.0.0.1')
    expect(() => near.handle.setOption('multicastInterface', 2_000_000)).toThrow(
      new SocketError('ERR_UNSUPPORTED', 'the interface number 2000000 is not supported: Node wants its name'),
    )
  })

  for (const on of ['127.0.0.1', 'lo']) {
    always(`multicast over IPv4 on ${on}: joined, received, left`, () => talk('0.0.0.0', '239.77.12.34', on))
  }

  for (const how of ['name', 'number', 'address'] as const) {
    withLinkLocal(`multicast over IPv6 on an interface by its ${how}: joined, received, left`, async () => {
      const on = { name: linkLocal?.name, number: linkLocal?.scopeid, address: linkLocal?.address }[how]
      await talk('::', 'ff12::7712:34', on ?? '')
    })
  }

  async function talk(any: string, group: string, on: string | number): Promise<void> {
    using member = await bindDatagram(any, 0, { options: { joinGroup: { group, interface: on } } })
    using near = await bindDatagram(any, 0, {
      options: { multicastInterface: on, multicastTtl: 1, multicastLoopback: true },
    })
    member.handle.resume()
    const message = await near.message('to the group', udp(portOf(member.handle), group))
    await near.sendAll([message])
    expect(await eventually(() => member.texts.length > 0)).toBe(true)
    member.handle.setOption('leaveGroup', { group, interface: on })
    await near.sendAll([message])
    await sleep(50)
    expect(member.texts).toEqual(['to the group'])
    expect(near.errors).toEqual([])
  }

  always(
    'no such interface is ENODEV, a value of the wrong type a TypeError, an unknown name ERR_OPTION_UNKNOWN',
    async () => {
      using near = await bindDatagram()
      const membership = { group: '239.1.2.3', interface: 'nosuch0' }
      expect(() => near.handle.setOption('joinGroup', membership)).toThrow(expect.objectContaining({ code: 'ENODEV' }))
      expect(() => near.handle.setOption('multicastInterface', true)).toThrow(TypeError)
      expect(() => near.handle.setOption('broadcast', 'yes')).toThrow(TypeError)
      expect(() => near.handle.setOption('ttl', 300)).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_RANGE' }))
      expect(() => near.handle.getOption('ttl')).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
      expect(() => near.handle.setOption('tos', 8)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
      expect(() => near.handle.setOption('noDelay', true)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }),
      )
      await expect(bindDatagram('127.0.0.1', 0, { options: { tos: 8 } })).rejects.toMatchObject({
        code: 'ERR_UNSUPPORTED',
      })
      await expect(bindDatagram('127.0.0.1', 0, { options: { ttl: 'far' } })).rejects.toThrow(TypeError)
    },
  )
})

/** What /proc/net/tcp says of the timer of a connection: its kind, and when it fires, in hundredths of a second. */
function timerOf(port: number, remotePort?: number): number[] {
  const hex = (number: number): string => `:${number.toString(16).toUpperCase().padStart(4, '0')}`
  for (const line of readFileSync('/proc/net/tcp', 'ascii').split('\n')) {
    const [, local = '', remote = '', state, , timer = ''] = line.trim().split(/\s+/)
    if (state !== '01' || !local.endsWith(hex(port)) || (remotePort && !remote.endsWith(hex(remotePort)))) continue
    return timer.split(':').map((part) => Number.parseInt(part, 16))
  }
  throw new Error(`there is no connection from port ${port}`)
}
