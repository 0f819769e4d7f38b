import { execFileSync } from 'node:child_process'
import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/engine/addon.ts'
import type { Purpose } from '../../src/engine/kernel-family.ts'
import { interleave } from '../../src/families/inet/resolve.ts'
import { type InetAddress, inet, inetDefinition } from '../../src/families/inet.ts'
import { AbortError, createSockets, type SocketError } from '../../src/index.ts'
import { errorOf } from '../support/errors.ts'
import { given, need, python } from '../support/need.ts'

const { parseAddress, formatAddress, toSocat } = createSockets([inet])
const { addon } = loadAddon()
const native = need(addon !== undefined, 'the native addon is not there', 'run: npm run build:native')

const tcp = (host: string, port: number): InetAddress => ({ family: 'inet', scheme: 'tcp', host, port })

/** The part of the message that follows the address. */
function wrongPart(error: SocketError, address: string): string {
  return error.message.slice(`invalid address ${JSON.stringify(address)}: `.length)
}

describe('text that is no address', () => {
  test.each<[string, RegExp]>([
    ['tcp:', /followed by \/\/host:port/],
    ['tcp:127.0.0.1:80', /followed by \/\/host:port/],
    ['tcp:/127.0.0.1:80', /followed by \/\/host:port/],
    ['tcp://', /port is missing/],
    ['tcp://:80', /host is empty/],
    ['tcp://h', /port is missing/],
    ['tcp://h:', /port is missing/],
    ['tcp://[::1]', /port is missing/],
    ['tcp://[::1]:', /port is missing/],
    ['tcp://h:65536', /port 65536 is more than 65535/],
    ['tcp://h:99999999999999999999', /port .* more than 65535/],
    ['tcp://h:-1', /port "-1" is not a decimal number/],
    ['tcp://h:1e3', /port "1e3" is not a decimal number/],
    ['tcp://h:0x10', /port "0x10" is not a decimal number/],
    ['tcp://h: 80', /port " 80" is not a decimal number/],
    ['tcp://h:80 ', /port "80 " is not a decimal number/],
    ['tcp://h:+80', /port "\+80" is not a decimal number/],
    ['tcp://h:8.0', /port "8.0" is not a decimal number/],
    ['tcp://h:٨٠', /port .* is not a decimal number/],
    ['tcp://h:80\n', /port "80\\n" is not a decimal number/],
    ['tcp://h:1/x', /port is followed by "\/x"/],
    ['tcp://h:1?x=y', /port is followed by "\?x=y"/],
    ['tcp://h:1#x', /port is followed by "#x"/],
    ['tcp://::1:80', /brackets/],
    ['tcp://fe80::1:80', /brackets/],
    ['tcp://[::1:80', /opening bracket and no closing/],
    ['tcp://::1]:80', /closing bracket and no opening/],
    ['tcp://[::1]80', /bracket is followed by "80"/],
    ['tcp://[[::1]]:80', /bracket is followed by/],
    ['tcp://[[::1]:80', /is no IPv6 address/],
    ['tcp://h]', /closing bracket and no opening/],
    ['tcp://[]:80', /in brackets, "", is no IPv6 address/],
    ['tcp://[h]:80', /in brackets, "h", is no IPv6 address/],
    ['tcp://[1.2.3.4]:80', /in brackets, "1.2.3.4", is no IPv6 address/],
    ['tcp://[*]:80', /in brackets, "\*", is no IPv6 address/],
    ['tcp://[::g]:80', /host ::g is no IPv6 address/],
    ['tcp://[1::2::3]:80', /is no IPv6 address/],
    ['tcp://[1:2:3:4:5:6:7:8:9]:80', /is no IPv6 address/],
    ['tcp://[::12345]:80', /is no IPv6 address/],
    ['tcp://[::1.2.3.256]:80', /is no IPv6 address/],
    ['tcp://[fe80::1%]:80', /zone "" is no interface/],
    ['tcp://[fe80::1%0]:80', /zone 0 is no interface number/],
    ['tcp://[fe80::1%4294967296]:80', /zone 4294967296 is no interface number/],
    ['tcp://[fe80::1%a/b]:80', /zone "a\/b" is no interface/],
    ['tcp://[fe80::1%..]:80', /zone "\.\." is no interface/],
    ['tcp://[fe80::1%a b]:80', /zone "a b" is no interface/],
    ['tcp://[fe80::1%abcdefghijklmnop]:80', /zone "abcdefghijklmnop" is no interface/],
    ['tcp://1.2.3.4%eth0:80', /is no IPv6 address/],
    ['tcp://1.2.3.256:80', /host 1\.2\.3\.256 is no IPv4 address/],
    ['tcp://1.2.3:80', /host 1\.2\.3 is no IPv4 address/],
    ['tcp://1.2.3.4.5:80', /is no IPv4 address/],
    ['tcp://01.2.3.4:80', /is no IPv4 address/],
    ['tcp://1.2.3.4.:80', /is no IPv4 address/],
    ['tcp://2130706433:80', /is no IPv4 address/],
    ['tcp://0x7f000001:80', /is no IPv4 address/],
    ['tcp://127.0.0.0x1:80', /is no IPv4 address/],
    ['tcp://user@host:80', /host has "@" in it; an address names no user/],
    ['tcp://user:password@host:80', /brackets/],
    ['tcp://a b:80', /host has " " in it/],
    ['tcp:// h:80', /host has " " in it/],
    ['tcp://a%20b:80', /is no IPv6 address/],
    ['tcp://a\0b:80', /host has a NUL/],
    ['tcp://a\0:80', /host has a NUL/],
    ['tcp://h/:80', /host has "\/" in it/],
    ['tcp://*.example:80', /host has "\*" in it/],
    ['tcp://bücher.example:80', /not ASCII; .*punycode: xn--bcher-kva\.example/],
    ['tcp://\ud800:80', /not ASCII; .*punycode/],
    [`tcp://${'a'.repeat(64)}.example:80`, /label of 64 characters/],
    [`tcp://${'abcdefg.'.repeat(32)}ab:80`, /host is 258 characters long/],
    ['tcp://a..b:80', /empty label/],
    ['tcp://.a:80', /empty label/],
    ['tcp://.:80', /empty label/],
  ])('%j', (text, part) => {
    for (const each of [text, text.replace('tcp:', 'udp:')]) {
      const error = errorOf(() => parseAddress(each))
      expect(error).toMatchObject({ name: 'SocketError', code: 'ERR_ADDRESS_INVALID', address: each })
      expect(wrongPart(error, each)).toMatch(part)
    }
  })
})

describe('an object that is no address', () => {
  test.each<[string, object, RegExp]>([
    ['port as text', { host: '127.0.0.1', port: '80' }, /port must be .* not '80'/],
    ['port NaN', { host: '127.0.0.1', port: Number.NaN }, /port must be .* not NaN/],
    ['port 1.5', { host: '127.0.0.1', port: 1.5 }, /port must be .* not 1.5/],
    ['port -1', { host: '127.0.0.1', port: -1 }, /port must be .* not -1/],
    ['port 65536', { host: '127.0.0.1', port: 65_536 }, /port must be .* not 65536/],
    ['port as bigint', { host: '127.0.0.1', port: 80n }, /port must be .* not 80n/],
    ['no port', { host: '127.0.0.1' }, /port must be .* not undefined/],
    ['no host', { port: 80 }, /host must be a string, not undefined/],
    ['host as number', { host: 2130706433, port: 80 }, /host must be a string, not 2130706433/],
    ['host as array', { host: ['127.0.0.1'], port: 80 }, /host must be a string/],
    ['host empty', { host: '', port: 80 }, /host is empty/],
    ['host in brackets', { host: '[::1]', port: 80 }, /no IPv6 address/],
    ['host with a NUL', { host: 'a\0b', port: 80 }, /NUL/],
    ['host with a port', { host: '127.0.0.1:80', port: 80 }, /no IPv6 address/],
    ['another scheme', { scheme: 'sctp', host: '127.0.0.1', port: 80 }, /scheme must be tcp or udp/],
  ])('%s', (_, fields, part) => {
    const address = { ...tcp('', 0), host: undefined, port: undefined, ...fields } as unknown as InetAddress
    for (const operation of [inetDefinition.format, inetDefinition.encode, inetDefinition.toSocat]) {
      const error = errorOf(() => operation?.(address))
      expect(error).toMatchObject({ name: 'SocketError', code: 'ERR_ADDRESS_INVALID' })
      expect(error.message).toMatch(part)
    }
  })
})

describe('canonical text', () => {
  test.each([
    ['tcp://127.0.0.1:80', 'tcp://127.0.0.1:80'],
    ['TCP://127.0.0.1:080', 'tcp://127.0.0.1:80'],
    ['tcp://0.0.0.0:0', 'tcp://0.0.0.0:0'],
    ['udp://*:5353', 'udp://*:5353'],
    ['tcp://LocalHost:65535', 'tcp://localhost:65535'],
    ['tcp://my_service.:80', 'tcp://my_service.:80'],
    ['tcp://xn--bcher-kva.example:80', 'tcp://xn--bcher-kva.example:80'],
    ['tcp://[::1]:80', 'tcp://[::1]:80'],
    ['tcp://[0:0:0:0:0:0:0:0]:80', 'tcp://[::]:80'],
    ['tcp://[2001:DB8::0001]:80', 'tcp://[2001:db8::1]:80'],
    ['tcp://[2001:db8:0:1:1:1:1:1]:80', 'tcp://[2001:db8:0:1:1:1:1:1]:80'],
    ['tcp://[2001:0:0:1:0:0:0:1]:80', 'tcp://[2001:0:0:1::1]:80'],
    ['tcp://[2001:db8:0:0:1:0:0:1]:80', 'tcp://[2001:db8::1:0:0:1]:80'],
    ['tcp://[1:2:3:4:5:6:7::]:80', 'tcp://[1:2:3:4:5:6:7:0]:80'],
    ['tcp://[::ffff:127.0.0.1]:80', 'tcp://[::ffff:127.0.0.1]:80'],
    ['tcp://[::FFFF:7F00:1]:80', 'tcp://[::ffff:127.0.0.1]:80'],
    ['tcp://[64:ff9b::192.0.2.33]:80', 'tcp://[64:ff9b::c000:221]:80'],
    ['udp://[FE80::1%eth0]:80', 'udp://[fe80::1%eth0]:80'],
    ['udp://[fe80::1%02]:80', 'udp://[fe80::1%2]:80'],
  ])('%s is %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text))).toBe(canonical)
    expect(formatAddress(canonical)).toBe(canonical)
  })
})

const ipv6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).chain((bytes) =>
  // Zeroed groups, or runs of zeros would almost never occur.
  fc
    .uint8Array({ minLength: 8, maxLength: 8, max: 1 })
    .map((keep) => bytes.map((byte, at) => byte * (keep[at >> 1] ?? 0))),
)
const groups = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').match(/.{4}/g)?.join(':') ?? ''
const host = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  ipv6.map(groups),
  fc.tuple(ipv6.map(groups), fc.constantFrom('lo', 'eth0', '1', '7', 'wlp0s20f3')).map(([ip, zone]) => `${ip}%${zone}`),
  fc.domain().filter((name) => name.length <= 253),
  fc.constant('*'),
)
const address = fc.record<InetAddress>({
  family: fc.constant('inet'),
  scheme: fc.constantFrom('tcp', 'udp'),
  host,
  port: fc.integer({ min: 0, max: 65_535 }),
})

describe('properties', () => {
  test('the text of any address reads as an address with that text, and says the same sockaddr', () => {
    fc.assert(
      fc.property(address, (any) => {
        const text = formatAddress(any)
        const read = parseAddress(text) as InetAddress
        expect(formatAddress(read)).toBe(text)
        expect({ ...read, host: '' }).toEqual({ ...any, host: '' })
        if (isIP(any.host) === 6 && !any.host.includes('%')) {
          expect(inetDefinition.encode(read)).toEqual(inetDefinition.encode(any))
        }
      }),
    )
  })

  test('any text is an address or ERR_ADDRESS_INVALID', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[0-9a-z.:%*[\]@ \0-]*$/))
    fc.assert(
      fc.property(text, (rest) => {
        try {
          const found = inetDefinition.parse('tcp', `//${rest}`)
          expect(inetDefinition.parse('tcp', inetDefinition.format(found).slice('tcp:'.length))).toEqual(found)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a sockaddr decodes to the address that it was encoded from', () => {
    fc.assert(
      fc.property(address, (any) => {
        // The others are names, which have to be looked up first, or depend on this machine's interfaces.
        if (isIP(any.host) === 0 || any.host.includes('%')) return
        const name = inetDefinition.encode(any)
        const back = inetDefinition.decode(name, any.scheme)
        expect(formatAddress(back as InetAddress)).toBe(formatAddress(any))
        expect(inetDefinition.encode(back as InetAddress)).toEqual(name)
      }),
      { numRuns: 1000 },
    )
  })

  given(python)('IPv6 text is what python makes of it', () => {
    const samples = fc.sample(ipv6, 300).filter((bytes) => !bytes.subarray(0, 10).every((byte) => byte === 0))
    const script = 'import sys, ipaddress\nfor line in sys.stdin: print(ipaddress.IPv6Address(bytes.fromhex(line)))'
    const input = samples.map((bytes) => Buffer.from(bytes).toString('hex')).join('\n')
    const theirs = execFileSync('python3', ['-c', script], { input, encoding: 'utf8' }).trim().split('\n')
    expect(samples.map((bytes) => formatAddress(tcp(groups(bytes), 1)))).toEqual(
      theirs.map((text) => `tcp://[${text}]:1`),
    )
  })
})

describe('sockaddr', () => {
  given(python)('is byte for byte what the kernel gives python', () => {
    // getsockname by ctypes, since python's own hides the bytes.
    const script = `
import ctypes, socket
libc = ctypes.CDLL(None)
for family, host in ((socket.AF_INET, '127.0.0.1'), (socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::1'), (socket.AF_INET6, '::')):
    try:
        s = socket.socket(family); s.bind((host, 0))
    except OSError: continue
    name, length = ctypes.create_string_buffer(128), ctypes.c_int(128)
    libc.getsockname(s.fileno(), name, ctypes.byref(length))
    print(host, s.getsockname()[1], name.raw[:length.value].hex())`
    const lines = execFileSync('python3', ['-c', script], { encoding: 'utf8' }).trim().split('\n')
    expect(lines.length).toBeGreaterThanOrEqual(2)
    for (const line of lines) {
      const [host = '', port, hex = ''] = line.split(' ')
      expect(Buffer.from(inetDefinition.encode(tcp(host, Number(port)))).toString('hex')).toBe(hex)
      expect(inetDefinition.decode(Buffer.from(hex, 'hex'), 'tcp')).toEqual(tcp(host, Number(port)))
    }
  })

  test('has the port in network order, and 16 or 28 bytes', () => {
    expect([...inetDefinition.encode(tcp('1.2.3.4', 0x1234)).subarray(2)]).toEqual([
      0x12, 0x34, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0,
    ])
    expect(inetDefinition.encode(tcp('::1', 1))).toHaveLength(28)
  })

  given(native)('comes back from the kernel as it went in', () => {
    if (addon === undefined) return
    const linkLocal = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv6' && one.scopeid > 0)
    const hosts = ['127.0.0.1', '127.1.2.3', '0.0.0.0']
    if (networkInterfaces().lo?.some((one) => one.family === 'IPv6')) hosts.push('::1', '::', '::ffff:127.0.0.1')
    if (linkLocal?.family === 'IPv6') hosts.push(`${linkLocal.address}%${linkLocal.scopeid}`)
    for (const host of hosts) {
      const fd = addon.socket(host.includes(':') ? 10 : 2, 2, 0)
      const given = inetDefinition.encode({ ...tcp(host, 0), scheme: 'udp' })
      expect(addon.bind(fd, given)).toBe(0)
      const name = new Uint8Array(128)
      const reported = name.subarray(0, addon.getsockname(fd, name))
      addon.close(fd)
      const bound = inetDefinition.decode(reported, 'udp') as InetAddress
      expect(inetDefinition.encode(bound)).toEqual(reported)
      expect(inetDefinition.encode({ ...bound, port: 0 })).toEqual(given)
    }
  })

  test('a zone is the number of its interface, and reads as its name', ({ skip }) => {
    const found = Object.entries(networkInterfaces()).flatMap(([name, all]) =>
      (all ?? []).flatMap((one) => (one.family === 'IPv6' && one.scopeid > 0 ? [{ name, index: one.scopeid }] : [])),
    )[0]
    if (found === undefined) return skip('no interface here has a link-local address; remedy: ip link set up')
    const byName = inetDefinition.encode(tcp(`fe80::1%${found.name}`, 80))
    expect(byName).toEqual(inetDefinition.encode(tcp(`fe80::1%${found.index}`, 80)))
    expect(inetDefinition.decode(byName, 'tcp')).toEqual(tcp(`fe80::1%${found.name}`, 80))
  })

  test('a zone that nothing here has, and a name, have none', () => {
    expect(errorOf(() => inetDefinition.encode(tcp('fe80::1%nosuch0', 80)))).toMatchObject({
      code: 'ERR_ADDRESS_INVALID',
      message: expect.stringContaining('zone'),
    })
    expect(errorOf(() => inetDefinition.encode(tcp('localhost', 80)))).toMatchObject({
      code: 'ERR_ADDRESS_INVALID',
      message: expect.stringContaining('host'),
    })
    expect(inetDefinition.decode(new Uint8Array(0), 'tcp')).toBeUndefined()
    expect(inetDefinition.decode(new Uint8Array(16), 'tcp')).toBeUndefined()
    expect(inetDefinition.decode(inetDefinition.encode(tcp('::1', 1)).subarray(0, 24), 'tcp')).toBeUndefined()
  })

  test('what is decoded does not change with the bytes', () => {
    const name = inetDefinition.encode(tcp('1.2.3.4', 5))
    const decoded = inetDefinition.decode(name, 'tcp')
    name.fill(0)
    expect(decoded).toEqual(tcp('1.2.3.4', 5))
  })
})

describe('resolving', () => {
  const resolve = async (any: InetAddress, purpose: Purpose, signal?: AbortSignal) =>
    inetDefinition.resolve?.(any, purpose, { signal, engine: undefined, local: undefined, options: {} })

  test('what is numeric is at once what it is, canonical', () => {
    expect(inetDefinition.resolve?.(tcp('127.0.0.1', 80), 'connect')).toEqual([tcp('127.0.0.1', 80)])
    expect(inetDefinition.resolve?.(tcp('0:0::1', 80), 'connect')).toEqual([tcp('::1', 80)])
  })

  test('the wildcard is every address, to listen and to bind', () => {
    for (const purpose of ['listen', 'bind'] as const) {
      expect(inetDefinition.resolve?.(tcp('*', 80), purpose)).toEqual([tcp('::', 80), tcp('0.0.0.0', 80)])
    }
  })

  test.each(['connect', 'send'] as const)('%s needs a host and a port', (purpose) => {
    expect(errorOf(() => inetDefinition.resolve?.(tcp('*', 80), purpose))).toMatchObject({
      code: 'ERR_ADDRESS_INVALID',
      address: 'tcp://*:80',
      message: expect.stringContaining('host'),
    })
    expect(errorOf(() => inetDefinition.resolve?.(tcp('127.0.0.1', 0), purpose))).toMatchObject({
      code: 'ERR_ADDRESS_INVALID',
      message: expect.stringContaining('port'),
    })
  })

  test('a name is looked up', async () => {
    const found = await lookup('localhost', { all: true, verbatim: true })
    expect(await resolve(tcp('LocalHost', 80), 'connect')).toEqual(found.map((one) => tcp(one.address, 80)))
  })

  test("a name that nobody has is the resolver's error", async () => {
    // RFC 2606 reserves .invalid; without a name server the answer is "try again".
    await expect(resolve(tcp('nobody.invalid', 80), 'connect')).rejects.toMatchObject({
      name: 'SocketError',
      code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
      syscall: 'getaddrinfo',
      address: 'tcp://nobody.invalid:80',
    })
  })

  test('an abort ends the wait, with its reason', async () => {
    await expect(
      resolve(tcp('localhost', 80), 'connect', AbortSignal.abort(new AbortError('early'))),
    ).rejects.toMatchObject({ name: 'AbortError', cause: 'early' })
    const late = new AbortController()
    const waiting = resolve(tcp('nobody.invalid', 80), 'connect', late.signal)
    late.abort('late')
    await expect(waiting).rejects.toBe('late')
  })

  test('families take turns, the first one first', () => {
    const v4 = (address: string) => ({ address, family: 4 })
    const v6 = (address: string) => ({ address, family: 6 })
    expect(interleave([v6('::1'), v6('::2'), v6('::3'), v4('1.0.0.1')])).toEqual(['::1', '1.0.0.1', '::2', '::3'])
    expect(interleave([v4('1.0.0.1'), v4('1.0.0.2'), v6('::1'), v6('::2')])).toEqual([
      '1.0.0.1',
      '::1',
      '1.0.0.2',
      '::2',
    ])
    expect(interleave([v4('1.0.0.1')])).toEqual(['1.0.0.1'])
    expect(interleave([])).toEqual([])
  })
})

describe('in other words', () => {
  test.each([
    ['tcp://127.0.0.1:80', 'TCP:127.0.0.1:80'],
    ['tcp://[::1]:80', 'TCP6:[::1]:80'],
    ['tcp://localhost:80', 'TCP:localhost:80'],
    ['udp://127.0.0.1:80', 'UDP:127.0.0.1:80'],
    ['udp://[fe80::1%eth0]:80', 'UDP6:[fe80::1%eth0]:80'],
    ['tcp://*:80', 'TCP6-LISTEN:80,ipv6only=0'],
  ])('%s is %s to socat', (text, line) => {
    expect(toSocat(text)).toBe(line)
  })

  test('Node has address, port and family', () => {
    expect(inetDefinition.toNode?.(tcp('127.0.0.1', 80))).toEqual({ address: '127.0.0.1', port: 80, family: 'IPv4' })
    expect(inetDefinition.toNode?.(tcp('::1', 80))).toEqual({ address: '::1', port: 80, family: 'IPv6' })
    expect(inetDefinition.node?.encode(tcp('0::1', 80))).toEqual({ host: '::1', port: 80 })
    expect(inetDefinition.node?.decode({ host: '::FFFF:127.0.0.1', port: 80 }, 'tcp')).toEqual(
      tcp('::ffff:127.0.0.1', 80),
    )
  })

  test('the largest message depends on the address', () => {
    const most = (host: string) => inetDefinition.facts?.({ ...tcp(host, 0), scheme: 'udp' }).maxMessage
    expect([
      most('127.0.0.1'),
      most('::1'),
      most('::'),
      most('::ffff:127.0.0.1'),
      most('localhost'),
      most('*'),
    ]).toEqual([65_507, 65_527, 65_507, 65_507, 65_507, 65_507])
    expect(inetDefinition.facts?.(tcp('::1', 0)).maxMessage).toBeUndefined()
  })
})
