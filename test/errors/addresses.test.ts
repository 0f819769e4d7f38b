import { describe, expect, test } from 'vitest'
import type { UnixAddress } from '../../src/families/unix.ts'
import { bind, connect, formatAddress, listen, parseAddress } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { openDescriptors } from '../support/resources.ts'

const invalid = expect.objectContaining({ name: 'SocketError', code: 'ERR_ADDRESS_INVALID' })
const unknown = expect.objectContaining({ name: 'SocketError', code: 'ERR_FAMILY_UNKNOWN' })

/** Text that is no address, and what is wrong with it. */
const junk: [text: string, wrong: string][] = [
  ['', 'empty'],
  [' ', 'a blank'],
  ['localhost', 'no scheme'],
  ['/run/app.sock', 'a path without its scheme'],
  [':80', 'an empty scheme'],
  ['1tcp://127.0.0.1:80', 'a scheme that begins with a digit'],
  ['tcp:', 'nothing after the scheme'],
  ['tcp:127.0.0.1:80', 'no slashes'],
  ['tcp://', 'neither host nor port'],
  ['tcp://:80', 'no host'],
  ['tcp://127.0.0.1', 'no port'],
  ['tcp://127.0.0.1:', 'an empty port'],
  ['tcp://127.0.0.1:65536', 'a port over 65535'],
  ['tcp://127.0.0.1:-1', 'a negative port'],
  ['tcp://127.0.0.1:1e3', 'a port with an exponent'],
  ['tcp://127.0.0.1:0x50', 'a port in hexadecimal'],
  ['tcp://127.0.0.1:8.0', 'a port with a fraction'],
  ['tcp://127.0.0.1: 80', 'a port after a blank'],
  ['tcp://127.0.0.1:80/path', 'something after the port'],
  ['tcp://127.0.0.1:http', 'a port by name'],
  ['tcp://::1:80', 'IPv6 without brackets'],
  ['udp://fe80::1:53', 'IPv6 without brackets, udp'],
  ['tcp://[::1:80', 'a bracket that is not closed'],
  ['tcp://[::1]80', 'no colon after the bracket'],
  ['tcp://[::g]:80', 'IPv6 with a letter that is no digit'],
  ['tcp://[127.0.0.1]:80', 'IPv4 in brackets'],
  ['tcp://a\0b:80', 'a host with a NUL'],
  ['unix:', 'no path'],
  ['unix:/tmp/a\0b', 'an inner NUL'],
  [`unix:/${'x'.repeat(108)}`, 'a path of 109 bytes'],
  [`unixgram:/${'x'.repeat(108)}`, 'a path of 109 bytes, unixgram'],
  [`unixpacket:/${'ü'.repeat(54)}`, 'a path of 109 bytes in 55 characters'],
  [`unix:@${'x'.repeat(108)}`, 'an abstract name of 108 bytes'],
  ['unix:@%zz', 'a percent sign without two digits'],
  ['unix:@name?bogus', 'an unknown suffix'],
  ['memory:', 'no name'],
  ['memory:name?loss=2', 'a probability over 1'],
  ['memory:name?bogus=1', 'an unknown fault'],
  ['raw:', 'no numbers'],
  ['raw:1:1:0:xyz', 'bytes that are not hexadecimal'],
]

describe('text that is no address is ERR_ADDRESS_INVALID', () => {
  test.each(junk)('%j: %s', async (text) => {
    expect(() => parseAddress(text)).toThrow(invalid)
    await expect(connect(text)).rejects.toEqual(invalid)
    await expect(listen(text)).rejects.toEqual(invalid)
    await expect(bind(text)).rejects.toEqual(invalid)
  })

  test.each(junk)('%j: the error carries it', (text) => {
    expect(() => parseAddress(text)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/invalid address .*: ./s) }),
    )
  })
})

describe('a scheme that no family has is ERR_FAMILY_UNKNOWN', () => {
  test.each(['bogus:x', 'http://localhost:80', 'tcp4://127.0.0.1:80', 'file:///tmp/x', 'a+b-c.d:x'])(
    '%s',
    async (text) => {
      expect(() => parseAddress(text)).toThrow(unknown)
      await expect(connect(text)).rejects.toEqual(unknown)
      await expect(listen(text)).rejects.toEqual(unknown)
      await expect(bind(text)).rejects.toEqual(unknown)
    },
  )
})

/** The same as objects, where a text could not even say some of it. */
const objects: [address: Record<string, unknown>, wrong: string][] = [
  [{ family: 'inet', scheme: 'tcp', host: '127.0.0.1', port: 65_536 }, 'a port over 65535'],
  [{ family: 'inet', scheme: 'tcp', host: '127.0.0.1', port: -1 }, 'a negative port'],
  [{ family: 'inet', scheme: 'tcp', host: '127.0.0.1', port: 1.5 }, 'a port with a fraction'],
  [{ family: 'inet', scheme: 'tcp', host: '127.0.0.1', port: Number.NaN }, 'a port that is not a number'],
  [{ family: 'inet', scheme: 'tcp', host: '', port: 80 }, 'an empty host'],
  [{ family: 'inet', scheme: 'sctp', host: '127.0.0.1', port: 80 }, 'a scheme of no family'],
  [{ family: 'inet', scheme: 'unix', path: '/tmp/x' }, 'a scheme of another family'],
  [{ family: 'unix', path: '/tmp/x' }, 'no scheme, where the family has several'],
  [{ family: 'unix', scheme: 'unix', path: '' }, 'an empty path'],
  [{ family: 'unix', scheme: 'unix', path: '/tmp/a\0b' }, 'an inner NUL'],
  [{ family: 'unix', scheme: 'unix', path: `/${'x'.repeat(108)}` }, 'a path of 109 bytes'],
  [{ family: 'unix', scheme: 'unix', abstract: new Uint8Array(108) }, 'an abstract name of 108 bytes'],
  [{ family: 'memory', scheme: 'memory', name: '' }, 'an empty name'],
]

describe('an object that is no address is ERR_ADDRESS_INVALID', () => {
  test.each(objects)('%o: %s', async (address) => {
    expect(() => formatAddress(address as never)).toThrow(invalid)
    await expect(connect(address as never)).rejects.toEqual(invalid)
  })

  test('a family that nobody knows is ERR_FAMILY_UNKNOWN', async () => {
    await expect(connect({ family: 'bogus', scheme: 'bogus' })).rejects.toEqual(unknown)
  })
})

describe('what can be written but not be used', () => {
  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('tcp', engine))(`port 0 and wildcards cannot be connected to: ${engine} engine`, async () => {
      await expect(connect('tcp://127.0.0.1:0', { engine })).rejects.toEqual(invalid)
      await expect(connect('tcp://*:80', { engine })).rejects.toEqual(invalid)
      await expect(connect('udp://127.0.0.1:0', { engine })).rejects.toEqual(invalid)
    })
  }

  given(scheme('udp'))('port 0 cannot be sent to, and the endpoint lives on', async () => {
    await using endpoint = await bind('udp://127.0.0.1:0')
    await expect(endpoint.send('x', 'udp://127.0.0.1:0')).rejects.toEqual(invalid)
    await endpoint.send('x', endpoint.local)
    expect(String((await endpoint.receive())?.data)).toBe('x')
  })

  test('the longest path that may end in a NUL has 107 bytes, and one of 108 is not cut', async () => {
    const path = `/${'x'.repeat(107)}`
    // sun_path has 108 bytes, and Linux takes them all without a NUL; what is not taken must be refused.
    const text = await Promise.resolve()
      .then(() => formatAddress({ family: 'unix', scheme: 'unix', path }))
      .catch((error: NodeJS.ErrnoException) => error.code)
    expect([`unix:${path}`, 'ERR_ADDRESS_INVALID']).toContain(text)
    expect(formatAddress({ family: 'unix', scheme: 'unix', path: path.slice(1) })).toBe(`unix:${path.slice(1)}`)
  })

  test('abstract bytes that are not UTF-8 keep their value in the text', () => {
    const address: UnixAddress = { family: 'unix', scheme: 'unix', abstract: Buffer.from([0xff, 0x00, 0x61, 0xc3]) }
    const text = formatAddress(address)
    expect(text).toMatch(/^unix:@%ff%00a%c3$/i)
    const back = parseAddress(text) as UnixAddress & { abstract: Uint8Array }
    expect([...back.abstract]).toEqual([0xff, 0x00, 0x61, 0xc3])
  })

  test('abstract bytes that Node cannot say are ERR_UNSUPPORTED on the node engine', async () => {
    const error = expect.objectContaining({ code: 'ERR_UNSUPPORTED' })
    await expect(listen('unix:@%ff%fe', { engine: 'node' })).rejects.toEqual(error)
    await expect(connect('unix:@%ff%fe', { engine: 'node' })).rejects.toEqual(error)
  })

  test('nothing of all this leaves a descriptor open', async () => {
    const before = openDescriptors()
    for (const [text] of junk) await connect(text).catch(() => undefined)
    await connect('tcp://127.0.0.1:0').catch(() => undefined)
    expect(openDescriptors()).toBe(before)
  })
})
