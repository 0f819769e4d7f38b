import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { didYouMean } from '../../src/core/did-you-mean.ts'
import { AbortError, explained, namedSystemError, SocketError, systemError } from '../../src/core/errors.ts'
import { explainInet } from '../../src/families/inet/explain.ts'
import { explainUnix } from '../../src/families/unix/explain.ts'
import { adopt, bind, connect, type EngineName, listen, persistent, socketpair } from '../../src/index.ts'
import { errorOf } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const failureOf = async (work: Promise<unknown>): Promise<SocketError> => {
  try {
    await work
  } catch (error) {
    return error as SocketError
  }
  throw new Error('it did not fail')
}

describe('a message', () => {
  test('has the call, the code once, the address and the words', () => {
    expect(systemError(-111, 'connect', 'tcp://127.0.0.1:1').message).toBe(
      'connect ECONNREFUSED tcp://127.0.0.1:1: connection refused',
    )
    expect(namedSystemError('ECONNRESET', 'read').message).toBe('read ECONNRESET: connection reset by peer')
    expect(explained('ENOENT', 'bind', 'unix:/x/y', 'there is no directory /x').message).toBe(
      'bind ENOENT unix:/x/y: there is no directory /x',
    )
  })

  test('of a code that the system has no words for ends with the address', () => {
    expect(systemError(-132, 'connect', 'x:1').message).toMatch(/^connect (ERFKILL|UNKNOWN_132) x:1$/)
  })

  test('nothing that is undefined is a property, or printed', () => {
    for (const error of [
      new SocketError('ERR_UNSUPPORTED', 'no'),
      new SocketError('EIO', 'no', { errno: undefined, syscall: undefined, address: undefined, cause: undefined }),
      systemError(-104, 'read'),
      new AbortError(),
    ]) {
      expect(inspect(error)).not.toContain('undefined')
      expect(Object.values(error)).not.toContain(undefined)
    }
    expect(Object.keys(systemError(-104, 'read')).sort()).toEqual(['code', 'errno', 'name', 'syscall'])
  })
})

describe.each<EngineName>(['kernel', 'node'])('what a failure says, %s engine', (engine) => {
  const withUnix = given(scheme('unix', engine))

  withUnix('a socket file in use names unlinkStale; where that was tried, it says that somebody listens', async () => {
    await using directory = await temporaryDirectory()
    await using first = await listen(`unix:${directory.file('s')}`, { engine })
    const inUse = await failureOf(listen(first.address, { engine }))
    expect(inUse).toMatchObject({ code: 'EADDRINUSE', errno: -98, address: `unix:${directory.file('s')}` })
    expect(inUse.message).toMatch(/: a socket file is there; the option unlinkStale removes it where nobody listens/)
    const tried = await failureOf(listen(first.address, { engine, unlinkStale: true }))
    expect(tried.message).toMatch(/: somebody listens on the socket file that is there$/)
    await writeFile(directory.file('f'), '')
    expect((await failureOf(listen(`unix:${directory.file('f')}`, { engine }))).message).toMatch(/is no socket$/)
  })

  withUnix('a path says which directory is missing, or is none', async () => {
    await using directory = await temporaryDirectory()
    await mkdir(directory.file('a'))
    await writeFile(directory.file('f'), '')
    for (const open of [listen, connect]) {
      const missing = await failureOf(open(`unix:${directory.file('a/b/c/s')}`, { engine }))
      expect(missing.message).toMatch(new RegExp(`ENOENT .*: there is no directory ${directory.file('a/b')}$`))
      const none = await failureOf(open(`unix:${directory.file('f/s')}`, { engine }))
      expect(none.message).toMatch(new RegExp(`ENOTDIR .*: ${directory.file('f')} is no directory$`))
    }
    const nothing = await failureOf(connect(`unix:${directory.file('a/s')}`, { engine }))
    expect(nothing.message).toMatch(/: no such file or directory$/)
  })

  given(scheme('tcp', engine))('an address of no interface, a broadcast, an option', async () => {
    const absent = await failureOf(listen('tcp://192.0.2.1:0', { engine }))
    expect(absent.message).toMatch(/EADDRNOTAVAIL .*: no interface of this machine has the address 192\.0\.2\.1$/)
    for (const name of ['tcp', 'udp']) {
      const local = await failureOf(connect(`${name}://127.0.0.1:9`, { engine, local: `${name}://192.0.2.1:0` }))
      expect(local).toMatchObject({ code: 'EADDRNOTAVAIL', syscall: 'bind', address: `${name}://192.0.2.1:0` })
      expect(local.message).toMatch(/: no interface of this machine has the address 192\.0\.2\.1$/)
    }
    const broadcast = await failureOf(connect('udp://255.255.255.255:99', { engine }))
    expect(broadcast).toMatchObject({ code: 'EACCES', syscall: 'connect', address: 'udp://255.255.255.255:99' })
    expect(broadcast.message).toMatch(/: a broadcast address takes the option broadcast$/)
    await using endpoint = await bind('udp://127.0.0.1:0', { engine })
    const refused = errorOf(() => endpoint.setOption('leaveGroup', { group: '239.1.2.3' }))
    // Node names its own function in the place of the system call.
    expect(refused.message).toBe(`${refused.syscall} EADDRNOTAVAIL: leaveGroup: address not available`)
    expect(refused).toMatchObject({ errno: -99, code: 'EADDRNOTAVAIL' })
  })

  given(scheme('tcp', engine))('an address that cannot be connected from is named, not the destination', async () => {
    for (const name of ['tcp', 'udp']) {
      const absent = await failureOf(connect(`${name}://127.0.0.1:9`, { engine, local: `${name}://192.0.2.1:0` }))
      const address = `${name}://192.0.2.1:0`
      expect(absent).toMatchObject({ code: 'EADDRNOTAVAIL', syscall: 'bind', address })
      expect(absent.message).toBe(
        `bind EADDRNOTAVAIL ${address}: no interface of this machine has the address 192.0.2.1`,
      )
    }
  })

  given(scheme('tcp', engine))('a wrong name is answered with the one that was meant, and the list', async () => {
    const misspelt = await failureOf(connect('tcp://127.0.0.1:1', { engine, nodelay: true } as object))
    expect(misspelt.message).toMatch(/^tcp has no option "nodelay"; did you mean noDelay\? Known: .*keepAlive.*timeout/)
    const core = await failureOf(listen('tcp://127.0.0.1:0', { engine, maxConnection: 3 } as object))
    expect(core.message).toMatch(/did you mean maxConnections\?/)
    await using endpoint = await bind('udp://127.0.0.1:0', { engine })
    expect(errorOf(() => endpoint.setOption('brodcast', true)).message).toMatch(/did you mean broadcast\?/)
    expect(errorOf(() => endpoint.getOption('xyzzy')).message).toMatch(/^udp has no option "xyzzy"; known: /)
  })
})

test('permissions say what helps', () => {
  const denied = (call: string) => namedSystemError('EACCES', call)
  const at = (port: number) => ({ host: { text: '127.0.0.1', address: Uint8Array.of(127, 0, 0, 1) }, port })
  expect(explainInet(denied('bind'), 'tcp', at(80))).toMatch(/^ports below 1024 take CAP_NET_BIND_SERVICE/)
  expect(explainInet(denied('bind'), 'tcp', at(8080))).toBeUndefined()
  const name = { kind: 'path', path: Buffer.from('/run/app/s') } as const
  expect(explainUnix(denied('bind'), name, false)).toMatch(/permission for the directory \/run\/app$/)
  expect(explainUnix(denied('connect'), name, false)).toBeUndefined()
})

describe('a scheme or family that nobody knows', () => {
  test.each([
    ['tpc://127.0.0.1:1', /^unknown scheme "tpc"; did you mean tcp\? Known: tcp, udp, /],
    ['unixpackets:/x', /did you mean unixpacket\?/],
    ['http://localhost:80', /^unknown scheme "http"; known: tcp, udp, /],
  ])('%s', async (text, said) => {
    expect((await failureOf(connect(text))).message).toMatch(said)
  })

  test('as an object, and in the options of retry', async () => {
    expect((await failureOf(connect({ family: 'uinx' }))).message).toMatch(/family "uinx"; did you mean unix\?/)
    const scheme = { family: 'unix', scheme: 'unxi', path: '/x' }
    expect((await failureOf(connect(scheme))).message).toMatch(/none of the family's; did you mean unix\?/)
    expect(errorOf(() => persistent('memory:x', { retry: { atempts: 3 } } as object)).message).toMatch(
      /mean attempts\?/,
    )
  })

  test('a name of any length is looked at for a bounded time', () => {
    expect(didYouMean('x'.repeat(1_000_000), ['noDelay'])).toBe('; known: noDelay')
    expect(didYouMean('', [])).toBe('; known: none')
  })
})

given(scheme('unix'))('what cannot be adopted says why', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle
  const [a, b] = socketpair('unix')
  const file = openSync('/dev/null', 'r')
  expect(errorOf(() => adopt(fd)).message).toMatch(
    / EEXIST: descriptor \d+: Node or an endpoint of this process has it/,
  )
  expect(errorOf(() => adopt(a.fd as number)).message).toMatch(/ EEXIST: descriptor \d+: Node or an endpoint/)
  expect(errorOf(() => adopt(file)).message).toMatch(/ ENOTSOCK: descriptor \d+: it is no socket$/)
  closeSync(file)
  expect(errorOf(() => adopt(9999)).message).toMatch(/ EBADF: descriptor 9999: it is not open/)
  server.close()
  a.destroy()
  b.destroy()
})
