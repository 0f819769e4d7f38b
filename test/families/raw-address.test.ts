import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inetDefinition } from '../../src/families/inet.ts'
import { type RawAddress, raw, rawDefinition } from '../../src/families/raw.ts'
import { unixDefinition } from '../../src/families/unix.ts'
import { bind, connect, createSockets, formatAddress as formatAny, listen } from '../../src/index.ts'
import { Child } from '../support/child.ts'
import { errorOf } from '../support/errors.ts'
import { given, scheme, socat } from '../support/need.ts'
import { rawAddress } from '../support/raw.ts'

const { parseAddress, formatAddress, toSocat } = createSockets([raw])

const tcpName = (port: number): Uint8Array =>
  inetDefinition.encode({ family: 'inet', scheme: 'tcp', host: '127.0.0.1', port })
const abstractName = (name: string): Uint8Array =>
  unixDefinition.encode({
    family: 'unix',
    scheme: 'unix',
    abstract: Buffer.from(`polysocket-raw-${process.pid}-${name}`),
  })

describe('what is no address', () => {
  test.each<[string, RegExp]>([
    ['', /1 parts, not the four/],
    ['2:1:0', /3 parts, not the four/],
    ['2:1:0:0200:', /5 parts, not the four/],
    [':1:0:0200', /domain "" is not a decimal number/],
    ['2::0:0200', /type "" is not a decimal number/],
    ['2:1::0200', /protocol "" is not a decimal number/],
    ['-2:1:0:0200', /domain "-2" is not a decimal number/],
    ['0x2:1:0:0200', /domain "0x2" is not a decimal number/],
    ['2: 1:0:0200', /type " 1" is not a decimal number/],
    ['2:1:1e3:0200', /protocol "1e3" is not a decimal number/],
    ['65536:1:0:0200', /domain must be .* not 65536/],
    ['2:0:0:0200', /type must be .* not 0/],
    ['2:2049:0:0200', /type must be .* not 2049/],
    ['2:1:2147483648:0200', /protocol must be .* not 2147483648/],
    ['2:1:0:020', /sockaddr is not whole bytes in hexadecimal/],
    ['2:1:0:02gg', /sockaddr is not whole bytes in hexadecimal/],
    ['2:1:0:0x0200', /sockaddr is not whole bytes in hexadecimal/],
    ['2:1:0:02', /sockaddr is shorter than its family/],
    [`2:1:0:${'00'.repeat(129)}`, /sockaddr is 129 bytes long, and has at most 128/],
  ])('%j', (rest, part) => {
    const text = `raw:${rest}`
    const error = errorOf(() => parseAddress(text))
    expect(error).toMatchObject({ name: 'SocketError', code: 'ERR_ADDRESS_INVALID', address: text })
    expect(error.message.slice(`invalid address ${JSON.stringify(text)}: `.length)).toMatch(part)
  })

  test.each<[string, object, RegExp]>([
    ['no domain', { domain: undefined }, /domain must be/],
    ['a domain as text', { domain: '2' }, /domain must be .* not '2'/],
    ['a type of NaN', { type: Number.NaN }, /type must be .* not NaN/],
    ['a type with flags', { type: 1 | 2048 }, /type must be .* not 2049/],
    ['a protocol with a fraction', { protocol: 0.5 }, /protocol must be .* not 0.5/],
    ['a negative protocol', { protocol: -1 }, /protocol must be .* not -1/],
    ['a sockaddr as text', { sockaddr: '0200' }, /sockaddr must be a Uint8Array, not '0200'/],
    ['a sockaddr as array', { sockaddr: [2, 0] }, /sockaddr must be a Uint8Array/],
    ['a sockaddr of one byte', { sockaddr: new Uint8Array(1) }, /shorter than its family/],
    ['a sockaddr of 129 bytes', { sockaddr: new Uint8Array(129) }, /129 bytes long/],
  ])('%s', (_, fields, part) => {
    const address = { ...rawAddress(2, 1, 0, tcpName(80)), ...fields } as RawAddress
    for (const operation of [rawDefinition.format, rawDefinition.encode, rawDefinition.toSocat, rawDefinition.facts]) {
      const error = errorOf(() => operation?.(address))
      expect(error).toMatchObject({ name: 'SocketError', code: 'ERR_ADDRESS_INVALID' })
      expect(error.message).toMatch(part)
    }
  })

  test('without a sockaddr there is nothing to connect or send to', () => {
    const unbound = rawAddress(2, 2, 0, new Uint8Array(0))
    expect(rawDefinition.resolve?.(unbound, 'bind')).toEqual([unbound])
    expect(errorOf(() => rawDefinition.resolve?.(unbound, 'connect'))).toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
    expect(errorOf(() => rawDefinition.resolve?.(unbound, 'send'))).toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
  })
})

describe('text', () => {
  const address = fc
    .tuple(
      fc.integer({ min: 0, max: 65_535 }),
      fc.integer({ min: 1, max: 15 }),
      fc.integer({ min: 0, max: 2 ** 31 - 1 }),
      fc.oneof(fc.constant(new Uint8Array(0)), fc.uint8Array({ minLength: 2, maxLength: 128 })),
    )
    .map((parts) => rawAddress(...parts))

  test('reads as the address that it was made from', () => {
    fc.assert(
      fc.property(address, (any) => {
        const text = formatAddress(any)
        expect(parseAddress(text)).toEqual(any)
        expect(parseAddress(text.toUpperCase())).toEqual(any)
        expect(Uint8Array.from(rawDefinition.encode(any))).toEqual(any.sockaddr)
      }),
    )
  })

  test('is canonical', () => {
    expect(formatAddress('raw:02:001:0:02ABCDEF')).toBe('raw:2:1:0:02abcdef')
  })

  test('the scheme may be left out of an object', () => {
    const { scheme: _, ...rest } = rawAddress(2, 1, 0, Uint8Array.of(2, 0))
    expect(formatAddress(rest)).toBe('raw:2:1:0:0200')
  })

  test('what the kernel reports keeps the numbers of the socket', () => {
    const like = rawAddress(2, 1, 6, tcpName(0))
    const name = tcpName(1234)
    const decoded = rawDefinition.decode(name, 'raw', like)
    expect(decoded).toEqual(rawAddress(2, 1, 6, tcpName(1234)))
    name.fill(0)
    expect(decoded?.sockaddr).toEqual(tcpName(1234))
    expect(rawDefinition.decode(new Uint8Array(0), 'raw', like)).toBeUndefined()
  })

  test.each([
    [rawAddress(2, 1, 6, Uint8Array.of(2, 0, 0, 80, 127, 0, 0, 1)), 'SOCKET-CONNECT:2:6:x00507f000001'],
    [rawAddress(2, 2, 0, Uint8Array.of(2, 0, 0, 80, 127, 0, 0, 1)), 'SOCKET-SENDTO:2:2:0:x00507f000001'],
    [rawAddress(1, 5, 0, Uint8Array.of(1, 0, 0, 97)), 'SOCKET-CONNECT:1:0:x0061,type=5'],
  ])('%o is %s to socat', (any, line) => {
    expect(toSocat(any)).toBe(line)
  })

  test('the type says what the socket promises', () => {
    const of = (type: number) => rawDefinition.facts?.(rawAddress(2, type, 0, new Uint8Array(0)))
    expect(of(1)).toMatchObject({ kind: 'stream', connected: true, boundaries: false, halfClose: true })
    expect(of(2)).toMatchObject({ kind: 'datagram', connected: false, reliable: false, boundaries: true })
    expect(of(3)).toMatchObject({ kind: 'datagram', connected: false, reliable: false })
    expect(of(4)).toMatchObject({ kind: 'datagram', connected: false, reliable: true })
    expect(of(5)).toMatchObject({ kind: 'datagram', connected: true, reliable: true, ordered: true })
  })
})

describe('raw sockets', () => {
  given(scheme('raw'))('of type SOCK_STREAM are streams: TCP by its numbers', async () => {
    await using listener = await listen(rawAddress(2, 1, 0, tcpName(0)))
    expect(listener.facts.kind).toBe('stream')
    const accepted = listener.accept()
    const client = await connect(listener.address)
    const server = await accepted
    if (!('write' in client) || !('write' in server)) throw new Error('they are no streams')
    expect(formatAny(client.remote as RawAddress)).toBe(formatAny(listener.address))
    expect(formatAny(server.remote as RawAddress)).toBe(formatAny(client.local as RawAddress))
    client.end('over raw numbers')
    server.end()
    expect(String(Buffer.concat(await server.toArray()))).toBe('over raw numbers')
    client.resume()
  })

  given(scheme('raw'))('of type SOCK_SEQPACKET are connected datagrams', async () => {
    const address = rawAddress(1, 5, 0, abstractName('packet'))
    await using listener = await listen(address)
    const accepted = listener.accept()
    await using client = await connect(address)
    await using server = await accepted
    if ('write' in client || 'write' in server) throw new Error('they are streams')
    await client.send('one')
    await client.send('')
    expect(String((await server.receive())?.data)).toBe('one')
    expect((await server.receive())?.data).toHaveLength(0)
  })

  given(scheme('raw'))('of type SOCK_DGRAM send and receive, and say from whom', async () => {
    await using one = await bind(rawAddress(1, 2, 0, abstractName('one')))
    await using two = await bind(rawAddress(1, 2, 0, abstractName('two')))
    await one.send('ping', two.local)
    const { data, from } = (await two.receive()) ?? {}
    expect([String(data), from]).toEqual(['ping', one.local])
    await two.send('pong', from)
    expect(String((await one.receive())?.data)).toBe('pong')
  })

  given(scheme('raw'))('without a sockaddr stay unbound, and send', async () => {
    await using receiver = await bind(rawAddress(1, 2, 0, abstractName('receiver')))
    await using sender = await bind(rawAddress(1, 2, 0, new Uint8Array(0)))
    await sender.send('from nobody', receiver.local)
    expect(await receiver.receive()).toMatchObject({ data: Buffer.from('from nobody'), from: undefined })
  })

  given(scheme('raw'))('of a family that has no name here work too: netlink', async () => {
    // struct sockaddr_nl: family 16, padding, port id 0 (the kernel picks one), no groups.
    const name = new Uint8Array(12)
    new Uint16Array(name.buffer, 0, 1)[0] = 16
    await using socket = await bind(rawAddress(16, 3, 0, name))
    // RTM_GETLINK (18) with NLM_F_REQUEST | NLM_F_DUMP, and a struct ifinfomsg of zeros; netlink(7), rtnetlink(7).
    const request = new DataView(new ArrayBuffer(32))
    request.setUint32(0, 32, true)
    request.setUint16(4, 18, true)
    request.setUint16(6, 0x301, true)
    await socket.send(new Uint8Array(request.buffer), rawAddress(16, 3, 0, name))
    const answer = (await socket.receive({ timeout: 5000 }))?.data
    expect(answer?.readUInt16LE(4)).toBe(16) // RTM_NEWLINK
    expect(answer?.includes('lo\0')).toBe(true)
  })

  given(scheme('raw'))('of a domain that the kernel lacks are ERR_FAMILY_UNAVAILABLE', async () => {
    await expect(bind(rawAddress(65_535, 2, 0, new Uint8Array(16)))).rejects.toMatchObject({
      code: 'ERR_FAMILY_UNAVAILABLE',
    })
  })

  given(scheme('raw'), socat)('are reached by socat with the line of toSocat', async () => {
    for (const any of [rawAddress(2, 1, 0, tcpName(0)), rawAddress(1, 5, 0, abstractName('socat'))]) {
      await using listener = await listen(any)
      await using child = new Child('/bin/sh', [
        '-c',
        `echo -n hello | socat -u - ${toSocat(listener.address as RawAddress)}`,
      ])
      const peer = await listener.accept()
      if ('write' in peer) {
        peer.end()
        expect(String(Buffer.concat(await peer.toArray()))).toBe('hello')
      } else {
        expect(String((await peer.receive())?.data)).toBe('hello')
        await peer.close()
      }
      expect((await child.exited).stderr).toBe('')
    }
  })
})
