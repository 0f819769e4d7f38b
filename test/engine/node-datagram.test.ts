import { networkInterfaces } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import type { OpenRequest } from '../../src/core/options.ts'
import type { InetAddress } from '../../src/families/inet.ts'
import { given, need, python as pythonThere } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { inetOpener, portOf, python, Receiver, request, udp } from './node-handles.ts'

const always = given()
const withPython = given(pythonThere)

/** The loopback interface has no IPv6 multicast on every machine. */
const linkLocal = Object.entries(networkInterfaces())
  .flatMap(([name, addresses = []]) => addresses.map((address) => ({ name, ...address })))
  .find((one) => one.family === 'IPv6' && one.scopeid !== 0)
const withLinkLocal = given(
  need(linkLocal !== undefined, 'no interface has a link-local IPv6 address', 'bring one up: ip link set eth0 up'),
)

async function bind(host = '127.0.0.1', port = 0, part: Partial<OpenRequest<InetAddress>> = {}): Promise<Receiver> {
  return new Receiver(await inetOpener.bind(udp(port, host), request(part)))
}

async function connect(port: number, part: Partial<OpenRequest<InetAddress>> = {}): Promise<Receiver> {
  const handle = await inetOpener.connect(udp(port), request(part))
  if (handle.type !== 'datagram') throw new Error('it is no datagram handle')
  return new Receiver(handle)
}

const to = ({ handle }: Receiver): InetAddress => udp(portOf(handle))

describe('a datagram socket of the node engine', () => {
  withPython('sends and receives messages with their boundaries, empty ones too', async () => {
    await using peer = python(`
peer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
peer.bind(('127.0.0.1', 0))
report(port=peer.getsockname()[1])
for _ in range(4):
  data, sender = peer.recvfrom(65536)
  peer.sendto(data[::-1], sender)`)
    const { port } = await peer.report<{ port: number }>()
    using near = await bind()
    near.handle.resume()
    const texts = ['abc', '', 'x'.repeat(60_000), 'last']
    await near.sendAll(await Promise.all(texts.map((text) => near.message(text, udp(port)))))
    expect(await eventually(() => near.batches.flat().length === 4)).toBe(true)
    expect(near.texts).toEqual(['cba', '', 'x'.repeat(60_000), 'tsal'])
    for (const message of near.batches.flat()) expect(message).toMatchObject({ from: udp(port), truncated: false })
  })

  always('holds what comes before resume and after pause, and drops what is too much', async () => {
    using far = await bind()
    using near = await bind()
    const messages = await Promise.all(
      Array.from({ length: 3000 }, (_, i) => near.message(`${i} `.padEnd(1000), to(far))),
    )
    // In small steps, so that nothing is lost before it gets to us.
    for (let at = 0; at < messages.length; at += 25) {
      await near.sendAll(messages.slice(at, at + 25))
      await sleep(1)
    }
    await sleep(50)
    expect(far.batches).toEqual([])
    far.handle.resume()
    expect(await eventually(() => far.batches.length > 0)).toBe(true)
    const kept = far.texts.map((text) => Number(text))
    expect(kept.length).toBeGreaterThan(500)
    expect(kept.length).toBeLessThan(1000)
    expect(kept).toEqual(kept.map((_, index) => index))
    far.handle.pause()
    await near.sendAll([await near.message('later', to(far))])
    await sleep(50)
    expect(far.texts.at(-1)).not.toBe('later')
    far.handle.resume()
    expect(await eventually(() => far.texts.at(-1) === 'later')).toBe(true)
  })

  always('takes no more than it has room for, and says when there is more', async () => {
    using far = await bind()
    using near = await bind()
    far.handle.resume()
    const small = await Promise.all(Array.from({ length: 200 }, (_, i) => near.message(String(i), to(far))))
    expect(await near.sendAll(small)).toBe(64)
    expect(await eventually(() => far.texts.length === 200)).toBe(true)
    expect(far.texts).toEqual(small.map((_, i) => String(i)))
    const large = await near.message(Buffer.alloc(60_000), to(far))
    expect(await near.sendAll(Array.from({ length: 20 }, () => large))).toBeLessThan(10)
  })

  always('takes the bytes as they are when it is called', async () => {
    using far = await bind()
    using near = await bind()
    far.handle.resume()
    const data = Buffer.from('first')
    const target = await near.handle.target(to(far))
    near.handle.send([{ data, target }], 0)
    data.write('wrong')
    expect(await eventually(() => far.texts.length > 0)).toBe(true)
    expect(far.texts).toEqual(['first'])
  })

  always('refuses at once what can never go, and goes on', async () => {
    using far = await bind()
    using near = await bind()
    far.handle.resume()
    const tooLong = await near.message(Buffer.alloc(65_508), to(far))
    const fine = await near.message('fine', to(far))
    const nowhere = { data: Buffer.from('x'), target: undefined }
    expect(() => near.handle.send([tooLong], 0)).toThrow(
      expect.objectContaining({ code: 'EMSGSIZE', address: `udp://127.0.0.1:${portOf(far.handle)}` }),
    )
    expect(() => near.handle.send([nowhere], 0)).toThrow(expect.objectContaining({ code: 'EDESTADDRREQ' }))
    expect(near.handle.send([fine, tooLong, fine], 0)).toBe(1)
    expect(near.handle.send([fine, tooLong, fine], 2)).toBe(1)
    expect(near.handle.send([fine], 1)).toBe(0)
    expect(() => near.handle.target(udp(5, '::1'))).toThrow(expect.objectContaining({ code: 'EAFNOSUPPORT' }))
    expect(() => near.handle.target({ ...udp(5), scheme: 'tcp' })).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
    )
    expect(await eventually(() => far.texts.length === 2)).toBe(true)
    expect(near.errors).toEqual([])
  })

  always('looks a name up, and sends to the address of its own kind', async () => {
    using far = await bind()
    using near = await bind()
    far.handle.resume()
    const target = near.handle.target(udp(portOf(far.handle), 'localhost'))
    expect(target).toBeInstanceOf(Promise)
    near.handle.send([{ data: Buffer.from('by name'), target: await target }], 0)
    expect(await eventually(() => far.texts.length > 0)).toBe(true)
  })

  always('of the wildcard carries IPv4 and IPv6', async () => {
    using both = await bind('*')
    both.handle.resume()
    for (const host of ['127.0.0.1', '::1']) {
      using near = await bind(host)
      near.handle.resume()
      await near.sendAll([await near.message('ping', udp(portOf(both.handle), host))])
      expect(await eventually(() => both.batches.length > 0)).toBe(true)
      const [message] = both.batches.splice(0).flat()
      const mapped = host === '::1' ? host : `::ffff:${host}`
      expect(message?.from).toEqual(udp(portOf(near.handle), mapped))
      await both.sendAll([
        await both.message('back', udp(portOf(near.handle), host)),
        await both.message('to', message?.from),
      ])
      expect(await eventually(() => near.texts.length === 2)).toBe(true)
    }
  })

  always('of a peer talks to that peer alone, from an address of our own choice', async () => {
    using far = await bind()
    using stranger = await bind()
    using near = await connect(portOf(far.handle), { local: udp(0, '127.0.0.2') })
    expect(near.handle.remote).toEqual(far.handle.local)
    expect(near.handle.local).toMatchObject({ host: '127.0.0.2' })
    near.handle.resume()
    far.handle.resume()
    await stranger.sendAll([await stranger.message('not for you', near.handle.local)])
    await near.sendAll([await near.message('hello')])
    expect(await eventually(() => far.texts.length > 0)).toBe(true)
    expect(far.batches[0]?.[0]?.from).toEqual(near.handle.local)
    await far.sendAll([await far.message('answer', near.handle.local)])
    expect(await eventually(() => near.texts.length > 0)).toBe(true)
    expect(near.texts).toEqual(['answer'])
    const elsewhere = await near.message('x', to(stranger))
    expect(() => near.handle.send([elsewhere], 0)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
    using wildcard = await connect(portOf(far.handle))
    expect(wildcard.handle.local).toMatchObject({ host: '127.0.0.1' })
  })

  always('tells what the system reports of a message later, and lives on', async () => {
    using gone = await bind()
    const port = portOf(gone.handle)
    gone.handle.close()
    using near = await connect(port)
    near.handle.resume()
    await near.sendAll([await near.message('anybody?')])
    expect(await eventually(() => near.errors.length > 0)).toBe(true)
    expect(near.errors).toMatchObject([{ error: { code: 'ECONNREFUSED', name: 'SocketError' }, fatal: false }])
    using back = await bind('127.0.0.1', port)
    back.handle.resume()
    await near.sendAll([await near.message('here?')])
    expect(await eventually(() => back.texts.length > 0)).toBe(true)
  })

  always('bound to an address in use or not ours, or aborted: nothing stays open', async () => {
    using first = await bind()
    const before = openDescriptors()
    const port = portOf(first.handle)
    await expect(bind('127.0.0.1', port)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'bind',
      address: `udp://127.0.0.1:${port}`,
    })
    await expect(bind('192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
    await expect(connect(9, { local: udp(port) })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    const reason = new Error('not wanted')
    await expect(bind('127.0.0.1', 0, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    for (let steps = 0; steps < 12; steps++) {
      const stop = new AbortController()
      const outcomes = [bind('127.0.0.1', 0, { signal: stop.signal }), connect(port, { signal: stop.signal })].map(
        (opening) =>
          opening.then(
            ({ handle }) => handle.close(),
            (error) => expect(error).toBe(reason),
          ),
      )
      for (let step = 0; step < steps; step++) await Promise.resolve()
      stop.abort(reason)
      await Promise.all(outcomes)
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  always('that is closed: keeps its address, calls nothing, and says so', async () => {
    const far = await bind()
    using near = await bind()
    far.handle.resume()
    const local = far.handle.local
    await near.sendAll([await near.message('too late', to(far))])
    far.handle.close()
    far.handle.close()
    await sleep(50)
    expect(far.batches).toEqual([])
    expect(far.handle.local).toEqual(local)
    const closed = expect.objectContaining({ code: 'ERR_SOCKET_CLOSED' })
    expect(() => far.handle.send([{ data: Buffer.from('x'), target: undefined }], 0)).toThrow(closed)
    expect(() => far.handle.getOption('receiveBuffer')).toThrow(closed)
    far.handle.unref()
    far.handle.ref()
  })
})

describe('options of a datagram socket of the node engine', () => {
  always('buffer sizes can be set, on opening and later, and read', async () => {
    using near = await bind('127.0.0.1', 0, { options: { receiveBuffer: 16_384 } })
    // Linux doubles it, socket(7).
    expect(near.handle.getOption('receiveBuffer')).toBe(32_768)
    near.handle.setOption('sendBuffer', 20_000)
    expect(near.handle.getOption('sendBuffer')).toBe(40_000)
  })

  always('reuseAddress lets several bind', async () => {
    const options = { reuseAddress: true }
    using first = await bind('127.0.0.1', 0, { options })
    using second = await bind('127.0.0.1', portOf(first.handle), { options })
    expect(second.handle.local).toEqual(first.handle.local)
    const cannot = expect.objectContaining({ code: 'ERR_UNSUPPORTED' })
    expect(() => second.handle.setOption('reuseAddress', false)).toThrow(cannot)
  })

  always('broadcast has to be allowed: EACCES, told later', async () => {
    using near = await bind('0.0.0.0')
    const everybody = await near.message('x', udp(9, '127.255.255.255'))
    await near.sendAll([everybody])
    expect(await eventually(() => near.errors.length > 0)).toBe(true)
    expect(near.errors).toMatchObject([{ error: { code: 'EACCES', address: 'udp://127.255.255.255:9' }, fatal: false }])
    near.handle.setOption('broadcast', true)
    await near.sendAll([everybody])
    await sleep(50)
    expect(near.errors).toHaveLength(1)
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
    using member = await bind(any, 0, { options: { joinGroup: { group, interface: on } } })
    using near = await bind(any, 0, { options: { multicastInterface: on, multicastTtl: 1, multicastLoopback: true } })
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
      using near = await bind()
      const membership = { group: '239.1.2.3', interface: 'nosuch0' }
      expect(() => near.handle.setOption('joinGroup', membership)).toThrow(expect.objectContaining({ code: 'ENODEV' }))
      expect(() => near.handle.setOption('multicastInterface', true)).toThrow(TypeError)
      expect(() => near.handle.setOption('broadcast', 'yes')).toThrow(TypeError)
      expect(() => near.handle.setOption('ttl', 300)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
      expect(() => near.handle.getOption('ttl')).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
      expect(() => near.handle.setOption('tos', 8)).toThrow(expect.objectContaining({ code: 'ERR_UNSUPPORTED' }))
      expect(() => near.handle.setOption('noDelay', true)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }),
      )
      await expect(bind('127.0.0.1', 0, { options: { tos: 8 } })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
      await expect(bind('127.0.0.1', 0, { options: { ttl: 'far' } })).rejects.toThrow(TypeError)
    },
  )
})
