import { execFile, execFileSync, spawnSync } from 'node:child_process'
import net from 'node:net'
import { endianness } from 'node:os'
import { promisify } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadAddon } from '../../src/engine/addon.ts'
import { type UnixAddress, type UnixScheme, unix, unixDefinition } from '../../src/families/unix.ts'
import { createSockets } from '../../src/index.ts'
import { errorOf } from '../support/errors.ts'
import { given, need, python, socat } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const { parseAddress, formatAddress, toSocat } = createSockets([unix])
const { addon } = loadAddon()
const native = need(addon !== undefined, 'the native addon is not there', 'run: npm run build:native')
const shell = need(spawnSync('bash', ['-c', ':']).status === 0, 'there is no bash here', 'apt-get install bash')
const run = promisify(execFile)

const at = (path: string | Uint8Array, scheme: UnixScheme = 'unix'): UnixAddress => ({ family: 'unix', scheme, path })
const abstract = (name: string | Uint8Array, scheme: UnixScheme = 'unix'): UnixAddress => ({
  family: 'unix',
  scheme,
  abstract: Uint8Array.from(Buffer.from(name)),
})
const padded = (name: string | Uint8Array): UnixAddress => ({ ...abstract(name), padded: true }) as UnixAddress

describe('text that is no address', () => {
  test.each<[string, RegExp]>([
    ['', /path is empty/],
    ['/tmp/a\0b', /path has a NUL/],
    ['\0name', /path has a NUL/],
    ['/tmp/\ud800', /half a surrogate/],
    [`/${'x'.repeat(108)}`, /path is 109 bytes long, and .* at most 108/],
    [`/${'ü'.repeat(54)}`, /path is 109 bytes long/],
    [`@${'x'.repeat(108)}`, /abstract name is 108 bytes long, and has at most 107/],
    [`@${'x'.repeat(108)}?padded`, /abstract name is 108 bytes long/],
    ['@name?', /followed by \?padded, not by "\?"/],
    ['@name?exact', /followed by \?padded, not by "\?exact"/],
    ['@name?padded?padded', /followed by \?padded/],
    ['@100%', /% that no two hexadecimal digits follow: "%"/],
    ['@%0', /% that .*: "%0"/],
    ['@%zz', /% that .*: "%zz"/],
    ['@%+1', /% that .*: "%\+1"/],
    ['@\ud800', /half a surrogate/],
    ['?', /is none of/],
    ['?padded', /is none of/],
    ['?unnamed=1', /is none of/],
    ['?path=', /path is empty/],
    ['?path=/tmp/a%00b', /path has a NUL/],
    ['?path=%', /% that/],
  ])('%j', (rest, part) => {
    for (const scheme of ['unix', 'unixgram', 'unixpacket']) {
      const error = errorOf(() => parseAddress(`${scheme}:${rest}`))
      expect(error).toMatchObject({ name: 'SocketError', code: 'ERR_ADDRESS_INVALID', address: `${scheme}:${rest}` })
      expect(error.message.slice(`invalid address ${JSON.stringify(`${scheme}:${rest}`)}: `.length)).toMatch(part)
    }
  })
})

describe('an object that is no address', () => {
  test.each<[string, object, RegExp]>([
    ['none of the four', {}, /exactly one of/],
    ['two of the four', { path: '/x', abstract: new Uint8Array(1) }, /exactly one of/],
    ['a path and unnamed', { path: '/x', unnamed: true }, /exactly one of/],
    ['an empty path', { path: '' }, /path is empty/],
    ['an empty path in bytes', { path: new Uint8Array(0) }, /path is empty/],
    ['a NUL in bytes', { path: Uint8Array.of(47, 0, 97) }, /NUL/],
    ['109 bytes', { path: new Uint8Array(109).fill(97) }, /109 bytes/],
    ['a path as number', { path: 5 }, /path must be a string or bytes, not 5/],
    ['a path as null', { path: null }, /path must be a string or bytes, not null/],
    ['an abstract name as text', { abstract: 'name' }, /abstract name must be a Uint8Array, not 'name'/],
    ['108 abstract bytes', { abstract: new Uint8Array(108) }, /abstract name is 108 bytes/],
    ['padded and a path', { path: '/x', padded: true }, /padded .* goes with abstract/],
    ['padded as text', { abstract: new Uint8Array(1), padded: 'yes' }, /padded is true or false/],
    ['unnamed false', { unnamed: false }, /unnamed can only be true/],
    ['autobind as number', { autobind: 1 }, /autobind can only be true/],
    ['another scheme', { scheme: 'tcp', path: '/x' }, /scheme must be/],
    ['a scheme of Object', { scheme: 'constructor', path: '/x' }, /scheme must be/],
  ])('%s', (_, fields, part) => {
    const address = { family: 'unix', scheme: 'unix', ...fields } as unknown as UnixAddress
    for (const operation of [unixDefinition.format, unixDefinition.encode, unixDefinition.toSocat]) {
      const error = errorOf(() => operation?.(address))
      expect(error).toMatchObject({ name: 'SocketError', code: 'ERR_ADDRESS_INVALID' })
      expect(error.message).toMatch(part)
    }
  })
})

describe('text', () => {
  test.each<[string, UnixAddress]>([
    ['unix:/run/app.sock', at('/run/app.sock')],
    ['unix:./rel', at('./rel')],
    ['unix:rel', at('rel')],
    ['unix:/tmp/100%/a%20b?padded', at('/tmp/100%/a%20b?padded')],
    ['unixgram:///dev/log', at('///dev/log', 'unixgram')],
    ['unixpacket:/tmp/ü ❤/a:b@c', at('/tmp/ü ❤/a:b@c', 'unixpacket')],
    ['unix:/\ufeff', at('/\ufeff')],
    ['unix:?path=@file', at('@file')],
    ['unix:?path=%3Ffile', at('?file')],
    ['unix:?path=/tmp/%0A', at('/tmp/\n')],
    ['unix:?path=/tmp/%FF%FE', at(Uint8Array.of(47, 116, 109, 112, 47, 255, 254))],
    ['unixgram:@name', abstract('name', 'unixgram')],
    ['unix:@', abstract('')],
    ['unix:@@name', abstract('@name')],
    ['unix:@a/b:c', abstract('a/b:c')],
    ['unix:@a%00b%FF%25%3F%20', abstract(Buffer.from('a\0b\xff%? ', 'latin1'))],
    ['unix:@name?padded', padded('name')],
    ['unix:@?padded', padded('')],
    ['unix:?unnamed', { family: 'unix', scheme: 'unix', unnamed: true }],
    ['unixgram:?autobind', { family: 'unix', scheme: 'unixgram', autobind: true }],
  ])('%s', (text, address) => {
    expect(parseAddress(text)).toEqual(address)
    expect(formatAddress(address)).toBe(text)
  })

  test.each([
    ['UNIX:/Run', 'unix:/Run'],
    ['unix:?path=/run/app.sock', 'unix:/run/app.sock'],
    ['unix:/a\nb', 'unix:?path=/a%0Ab'],
    ['unix:@naïve name', 'unix:@na%C3%AFve%20name'],
    ['unix:@%61%ff', 'unix:@a%FF'],
  ])('%j is %s', (text, canonical) => {
    expect(formatAddress(parseAddress(text))).toBe(canonical)
    expect(formatAddress(canonical)).toBe(canonical)
  })
})

const scheme = fc.constantFrom<UnixScheme>('unix', 'unixgram', 'unixpacket')
const textPath = fc
  .oneof(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), fc.stringMatching(/^[@?%/.a-f0-9=]{1,40}$/))
  .filter((path) => !path.includes('\0') && Buffer.byteLength(path) <= 108)
const bytePath = fc
  .uint8Array({ minLength: 1, maxLength: 108, min: 1 })
  .filter((path) => !Buffer.from(Buffer.from(path).toString()).equals(path))
const fields = fc.oneof(
  textPath.map((path) => ({ path })),
  bytePath.map((path) => ({ path })),
  fc.record({ abstract: fc.uint8Array({ maxLength: 107 }) }),
  fc.record({ abstract: fc.uint8Array({ maxLength: 107 }), padded: fc.constant(true) }),
)
const address = fc
  .tuple(scheme, fields)
  .map(([scheme, fields]) => ({ family: 'unix', scheme, ...fields }) as UnixAddress)

describe('properties', () => {
  test('the text of any address reads as that address', () => {
    fc.assert(
      fc.property(address, (any) => {
        const text = formatAddress(any)
        expect(parseAddress(text)).toEqual(any)
        expect(formatAddress(parseAddress(text))).toBe(text)
        expect(text).toMatch(/^\P{Cc}*$/u)
      }),
      { numRuns: 500 },
    )
  })

  test('any text is an address or ERR_ADDRESS_INVALID', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 120 }),
      fc.stringMatching(/^[@?][%a-f0-9=?/ padded]*$/),
    )
    fc.assert(
      fc.property(text, (rest) => {
        try {
          const found = unixDefinition.parse('unix', rest)
          expect(unixDefinition.parse('unix', unixDefinition.format(found).slice('unix:'.length))).toEqual(found)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
        }
      }),
      { numRuns: 500 },
    )
  })

  test('a sockaddr decodes to an address that encodes to the same bytes', () => {
    fc.assert(
      fc.property(address, (any) => {
        const name = unixDefinition.encode(any)
        const back = unixDefinition.decode(name, any.scheme) as UnixAddress
        expect(unixDefinition.encode(back)).toEqual(name)
        expect(parseAddress(formatAddress(back))).toEqual(back)
      }),
      { numRuns: 500 },
    )
  })

  test('a path of the kernel is text where it is UTF-8, else the same bytes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          bytePath,
          textPath.map((path) => Uint8Array.from(Buffer.from(path))),
        ),
        (bytes) => {
          const { path } = unixDefinition.decode(Uint8Array.of(1, 0, ...bytes, 0), 'unix') as {
            path: string | Uint8Array
          }
          expect(typeof path === 'string').toBe(Buffer.from(Buffer.from(bytes).toString()).equals(bytes))
          expect(Buffer.from(path).equals(bytes)).toBe(true)
        },
      ),
    )
  })
})

describe('sockaddr', () => {
  const hex = (any: UnixAddress): string => Buffer.from(unixDefinition.encode(any)).toString('hex')
  const family = endianness() === 'LE' ? '0100' : '0001'

  test('is as long as the name', () => {
    expect(hex(at('a'))).toBe(`${family}6100`)
    expect(hex(abstract('a'))).toBe(`${family}0061`)
    expect(hex(abstract(''))).toBe(`${family}00`)
    expect(hex(padded('a'))).toBe(`${family}0061${'00'.repeat(106)}`)
    expect(hex({ family: 'unix', scheme: 'unix', autobind: true })).toBe(family)
    expect(unixDefinition.encode(at('x'.repeat(107)))).toHaveLength(2 + 108)
    expect(unixDefinition.encode(at('x'.repeat(108)))).toHaveLength(2 + 108)
  })

  test('an unnamed one is no address', () => {
    expect(unixDefinition.decode(new Uint8Array(0), 'unix')).toBeUndefined()
    expect(unixDefinition.decode(Uint8Array.of(1, 0), 'unix')).toBeUndefined()
  })

  test('107 abstract bytes are padded if they end in NUL, and exact if not', () => {
    expect(unixDefinition.decode(unixDefinition.encode(abstract('x'.repeat(107))), 'unix')).toEqual(
      abstract('x'.repeat(107)),
    )
    expect(
      unixDefinition.decode(unixDefinition.encode(abstract(Buffer.concat([Buffer.from('ab')], 107))), 'unix'),
    ).toEqual(padded('ab'))
    expect(unixDefinition.decode(unixDefinition.encode(abstract('ab\0')), 'unix')).toEqual(abstract('ab\0'))
    expect(unixDefinition.decode(unixDefinition.encode(padded('')), 'unix')).toEqual(padded(''))
  })

  test('what is decoded does not change with the bytes', () => {
    for (const any of [at(Uint8Array.of(255, 254)), abstract('name'), padded('name')]) {
      const name = unixDefinition.encode(any)
      const decoded = unixDefinition.decode(name, 'unix')
      name.fill(0)
      expect(decoded).toEqual(any)
    }
  })

  given(native)('comes back from the kernel as the name that was bound', async () => {
    if (addon === undefined) return
    await using directory = await temporaryDirectory()
    const own = `polysocket-${process.pid}-`
    const full = directory.file('x'.repeat(107 - directory.path.length))
    expect(full).toHaveLength(108)
    const names: UnixAddress[] = [
      at(directory.file('a')),
      at(directory.file('ü ❤?@%41')),
      at(Uint8Array.from(Buffer.concat([Buffer.from(directory.file('')), Buffer.from([0xff, 0xfe, 0x80])]))),
      at(full.slice(0, 107)),
      at(full),
      abstract(`${own}a`),
      abstract(Buffer.from(`${own}\0\xff\0`, 'latin1')),
      abstract(own.padEnd(107, 'x')),
      padded(`${own}p`),
    ]
    for (const any of names) {
      const fd = addon.socket(1, 1, 0)
      const bound = addon.bind(fd, unixDefinition.encode(any))
      const name = new Uint8Array(128)
      const length = addon.getsockname(fd, name)
      addon.close(fd)
      expect(bound, formatAddress(any)).toBe(0)
      expect(unixDefinition.decode(name.subarray(0, length), 'unix')).toEqual(any)
    }
  })

  given(native)('autobind gets a name from the kernel', () => {
    if (addon === undefined) return
    const fd = addon.socket(1, 2, 0)
    const bound = addon.bind(fd, unixDefinition.encode({ family: 'unix', scheme: 'unixgram', autobind: true }))
    const name = new Uint8Array(128)
    const found = unixDefinition.decode(name.subarray(0, addon.getsockname(fd, name)), 'unixgram')
    addon.close(fd)
    expect(bound).toBe(0)
    // unix(7): five hexadecimal digits.
    expect(formatAddress(found as UnixAddress)).toMatch(/^unixgram:@[0-9a-f]{5}$/)
  })

  given(python)('is byte for byte what the kernel gives python', async () => {
    await using directory = await temporaryDirectory()
    const script = `
import ctypes, os, socket, sys
libc = ctypes.CDLL(None)
os.chdir(sys.argv[1])
own = b'\\0polysocket-%d-' % os.getpid()
for bound in (b'rel', b'./\\xff\\xfe', os.fsencode(sys.argv[1]) + b'/\\xc3\\xbc', own, own + b'\\0\\xff\\0', own.ljust(108, b'x'), own.ljust(108, b'\\0')):
    s = socket.socket(socket.AF_UNIX); s.bind(bound)
    name, length = ctypes.create_string_buffer(128), ctypes.c_int(128)
    libc.getsockname(s.fileno(), name, ctypes.byref(length))
    print(bound.hex(), name.raw[:length.value].hex())`
    const lines = execFileSync('python3', ['-c', script, directory.path], { encoding: 'utf8' }).trim().split('\n')
    expect(lines).toHaveLength(7)
    for (const line of lines) {
      const [bound = '', reported = ''] = line.split(' ')
      const decoded = unixDefinition.decode(Buffer.from(reported, 'hex'), 'unix') as UnixAddress
      expect(hex(decoded)).toBe(reported)
      expect(hex(parseAddress(formatAddress(decoded)) as UnixAddress)).toBe(reported)
      if (decoded.path !== undefined) expect(Buffer.from(decoded.path).toString('hex')).toBe(bound)
    }
  })
})

describe('resolving', () => {
  const unnamed: UnixAddress = { family: 'unix', scheme: 'unix', unnamed: true }
  const autobind: UnixAddress = { family: 'unix', scheme: 'unix', autobind: true }

  test('a name is what it is for every purpose', () => {
    for (const purpose of ['connect', 'listen', 'bind', 'send'] as const) {
      expect(unixDefinition.resolve?.(at('/x'), purpose)).toEqual([at('/x')])
      expect(unixDefinition.resolve?.(padded('x'), purpose)).toEqual([padded('x')])
    }
  })

  test('what has no name cannot be reached', () => {
    expect(unixDefinition.resolve?.(unnamed, 'bind')).toEqual([unnamed])
    expect(unixDefinition.resolve?.(autobind, 'bind')).toEqual([autobind])
    expect(unixDefinition.resolve?.(autobind, 'listen')).toEqual([autobind])
    for (const [any, purpose] of [
      [unnamed, 'connect'],
      [unnamed, 'send'],
      [unnamed, 'listen'],
      [autobind, 'connect'],
      [autobind, 'send'],
    ] as const) {
      expect(errorOf(() => unixDefinition.resolve?.(any, purpose))).toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
    }
  })
})

describe('in other words', () => {
  test.each([
    ['unix:/run/app.sock', 'UNIX-CONNECT:/run/app.sock'],
    ['unixgram:/dev/log', 'UNIX-SENDTO:/dev/log'],
    ['unixpacket:/run/app.sock', 'UNIX-CONNECT:/run/app.sock,type=5'],
    ['unix:@name', 'ABSTRACT-CONNECT:name'],
    ['unixgram:@name', 'ABSTRACT-SENDTO:name'],
    ['unixpacket:@name', 'ABSTRACT-CONNECT:name,type=5'],
    ['unix:@name?padded', 'ABSTRACT-CONNECT:name,unix-tightsocklen=0'],
    ['unix:a,b:c', "'UNIX-CONNECT:a\\,b\\:c'"],
    ["unix:a'b", "'UNIX-CONNECT:a\\'\\''b'"],
    ['unix:a b$c', "'UNIX-CONNECT:a b$c'"],
    ['unix:?path=%FF%0A', "$'UNIX-CONNECT:\\xff\\x0a'"],
  ])('%s is %s to socat', (text, line) => {
    expect(toSocat(text)).toBe(line)
  })

  test.each(['unix:?unnamed', 'unixgram:?autobind', 'unix:@a%00b'])('socat has no words for %s', (text) => {
    expect(errorOf(() => toSocat(text))).toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })

  given(socat, shell)(
    'socat reaches what a shell makes of the line, whatever is in the path',
    async () => {
      await using directory = await temporaryDirectory()
      // Every visible ASCII character that a file name can have, some of them in the pairs that socat has a meaning for.
      const marks = String.fromCharCode(...Array.from({ length: 94 }, (_, at) => 0x21 + at)).replace('/', '')
      const names = [
        ...(marks.match(/.{1,16}/g) ?? []),
        'a!!b',
        'a b',
        'a\tb',
        'a\nb',
        'ü❤',
        "''",
        '""',
        '\\\\',
        '$HOME',
        '`x`',
        '(',
        '[a',
        '{a',
        '~',
        '-n',
      ]
      for (const name of names) {
        const path = directory.file(name)
        const server = net.createServer((socket) => socket.resume())
        await new Promise<void>((resolve) => server.listen(path, resolve))
        const connected = new Promise((resolve) => server.once('connection', resolve))
        await run('bash', ['-c', `socat -u /dev/null ${toSocat(at(path))}`])
        await connected
        await new Promise((resolve) => server.close(resolve))
      }
    },
    20_000,
  )

  test('Node reaches what is text', () => {
    expect(unixDefinition.node?.encode(at('/x'))).toEqual({ path: '/x' })
    expect(unixDefinition.node?.decode({ path: '/x' }, 'unix')).toEqual(at('/x'))
    expect(unixDefinition.node?.decode({ path: '' }, 'unix')).toBeUndefined()
    const others: UnixAddress[] = [
      at(Uint8Array.of(255)),
      abstract('x'),
      padded('x'),
      { family: 'unix', scheme: 'unix', autobind: true },
    ]
    for (const any of others) {
      expect(errorOf(() => unixDefinition.node?.encode(any))).toMatchObject({
        code: 'ERR_UNSUPPORTED',
        message: expect.stringContaining('kernel engine'),
      })
    }
  })

  test('an ephemeral address is another one at each call, and fits', () => {
    const first = unixDefinition.ephemeral?.('unixgram') as UnixAddress
    expect(first).not.toEqual(unixDefinition.ephemeral?.('unixgram'))
    expect(unixDefinition.encode(first).length).toBeLessThanOrEqual(110)
  })
})
