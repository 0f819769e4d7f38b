import { once } from 'node:events'
import { closeSync, existsSync, openSync } from 'node:fs'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import {
  adopt,
  bind,
  connect,
  type DatagramEndpoint,
  type EngineName,
  type Listener,
  listen,
  type StreamEndpoint,
  socketpair,
} from '../../src/index.ts'
import { Child } from '../support/child.ts'
import { given, need, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** A system error as every engine reports it. */
const system = (code: string, syscall?: string) =>
  expect.objectContaining({
    name: 'SocketError',
    code,
    errno: expect.any(Number),
    syscall: syscall ?? expect.any(String),
    address: expect.any(String),
  })

// The superuser may do everything; and only the main thread of a process can change its user.
const canLosePermission = need(
  process.getuid?.() !== 0 || process.seteuid !== undefined,
  'the superuser is never refused, and this thread cannot become another user',
  'run vitest with --pool=forks, or as another user',
)

describe.each<EngineName>(['kernel', 'node'])('%s engine', (engine) => {
  const withTcp = given(scheme('tcp', engine))
  const withUnix = given(scheme('unix', engine))

  withTcp('nobody listens: ECONNREFUSED', async () => {
    const listener = await listen('tcp://127.0.0.1:0', { engine })
    const { address } = listener
    await listener.close()
    await expect(connect(address, { engine })).rejects.toEqual(system('ECONNREFUSED', 'connect'))
  })

  withUnix('nobody listens any more at the path: ECONNREFUSED', async () => {
    await using directory = await temporaryDirectory()
    await using stale = await abandon(directory.file('socket'))
    await expect(connect(`unix:${stale.path}`, { engine })).rejects.toEqual(system('ECONNREFUSED', 'connect'))
  })

  withUnix('the path is not there: ENOENT', async () => {
    await using directory = await temporaryDirectory()
    const address = `unix:${directory.file('socket')}`
    await expect(connect(address, { engine })).rejects.toEqual(system('ENOENT', 'connect'))
    await expect(connect(address, { engine })).rejects.toMatchObject({ address, errno: -2 })
  })

  withUnix(
    'the path is a regular file: connecting is ECONNREFUSED, listening EADDRINUSE, and the file stays',
    async () => {
      await using directory = await temporaryDirectory()
      const file = directory.file('file')
      await writeFile(file, 'precious')
      await expect(connect(`unix:${file}`, { engine })).rejects.toEqual(system('ECONNREFUSED', 'connect'))
      await expect(listen(`unix:${file}`, { engine })).rejects.toEqual(system('EADDRINUSE'))
      await expect(listen(`unix:${file}`, { engine, unlinkStale: true })).rejects.toEqual(system('EADDRINUSE'))
      expect(existsSync(file)).toBe(true)
    },
  )

  withUnix('the directory is missing: ENOENT', async () => {
    await using directory = await temporaryDirectory()
    const address = `unix:${directory.file('missing/socket')}`
    await expect(listen(address, { engine })).rejects.toEqual(system('ENOENT'))
    await expect(connect(address, { engine })).rejects.toEqual(system('ENOENT'))
  })

  withUnix('a part of the path is a file: ENOTDIR', async () => {
    await using directory = await temporaryDirectory()
    await writeFile(directory.file('file'), '')
    await expect(connect(`unix:${directory.file('file/socket')}`, { engine })).rejects.toEqual(system('ENOTDIR'))
    await expect(listen(`unix:${directory.file('file/socket')}`, { engine })).rejects.toEqual(system('ENOTDIR'))
  })

  withUnix('the address is in use: EADDRINUSE, and who uses it goes on', async () => {
    await using directory = await temporaryDirectory()
    for (const address of [`unix:${directory.file('socket')}`, 'tcp://127.0.0.1:0', 'tcp://[::1]:0']) {
      await using first = await listen(address, { engine })
      await expect(listen(first.address, { engine })).rejects.toEqual(system('EADDRINUSE'))
      await using client = await connect(first.address, { engine })
      await using accepted = await first.accept({ timeout: 5000 })
      expect([client.engine, accepted.engine]).toEqual([engine, engine])
    }
    await using udp = (await bind('udp://127.0.0.1:0', { engine })) as DatagramEndpoint
    await expect(bind(udp.local ?? '', { engine })).rejects.toEqual(system('EADDRINUSE', 'bind'))
  })

  withUnix('unlinkStale takes over what was left, and not what is alive', async () => {
    await using directory = await temporaryDirectory()
    await using stale = await abandon(directory.file('socket'))
    const address = `unix:${stale.path}`
    await expect(listen(address, { engine })).rejects.toEqual(system('EADDRINUSE'))
    await using alive = await listen(address, { engine, unlinkStale: true })
    await expect(listen(address, { engine, unlinkStale: true })).rejects.toEqual(system('EADDRINUSE'))
    await using client = await connect(alive.address, { engine })
    expect(client.engine).toBe(engine)
  })

  given(scheme('unix', engine), canLosePermission)('no permission: EACCES', async () => {
    await using directory = await temporaryDirectory()
    const closed = directory.file('closed')
    await mkdir(closed)
    await using listener = await listen(`unix:${closed}/socket`, { engine })
    await chmod(directory.path, 0o755)
    await chmod(closed, 0o500)
    await withoutPrivileges(async () => {
      await expect(connect(listener.address, { engine })).rejects.toEqual(system('EACCES', 'connect'))
      await expect(listen(`unix:${closed}/other`, { engine })).rejects.toEqual(system('EACCES'))
    })
    await chmod(closed, 0o700)
  })

  withTcp(
    'a host that does not exist: ENOTFOUND, or EAI_AGAIN where no name server answers',
    async () => {
      const error = expect.objectContaining({
        name: 'SocketError',
        code: expect.stringMatching(/^(ENOTFOUND|EAI_AGAIN)$/),
      })
      await expect(connect('tcp://does-not-exist.invalid:80', { engine })).rejects.toEqual(error)
    },
    30_000,
  )

  withTcp('an address that is not ours: EADDRNOTAVAIL', async () => {
    await expect(listen('tcp://192.0.2.1:0', { engine })).rejects.toEqual(system('EADDRNOTAVAIL'))
    await expect(bind('udp://192.0.2.1:0', { engine })).rejects.toEqual(system('EADDRNOTAVAIL', 'bind'))
  })

  withUnix('none of these left a descriptor open', async () => {
    const before = openDescriptors()
    await connect('unix:/nonexistent/socket', { engine }).catch(() => undefined)
    await listen('unix:/nonexistent/socket', { engine }).catch(() => undefined)
    await listen('tcp://192.0.2.1:0', { engine }).catch(() => undefined)
    await bind('udp://192.0.2.1:0', { engine }).catch(() => undefined)
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })
})

describe('message sockets', () => {
  given(scheme('unixgram'))('unixgram: missing, stale, in use, of another type', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await expect(connect(`unixgram:${path}`)).rejects.toEqual(system('ENOENT', 'connect'))
    await using first = await bind(`unixgram:${path}`)
    await expect(bind(`unixgram:${path}`)).rejects.toEqual(system('EADDRINUSE', 'bind'))
    await expect(connect(`unix:${path}`)).rejects.toEqual(system('EPROTOTYPE', 'connect'))
    await expect(connect(`unixpacket:${path}`)).rejects.toEqual(system('EPROTOTYPE', 'connect'))
    await expect(first.send('x', `unixgram:${directory.file('other')}`)).rejects.toMatchObject({ code: 'ENOENT' })
    await first.send('x', `unixgram:${path}`)
    expect(String((await first.receive())?.data)).toBe('x')
  })

  given(scheme('unixpacket'))('unixpacket: missing and in use', async () => {
    await using directory = await temporaryDirectory()
    const address = `unixpacket:${directory.file('socket')}` as const
    await expect(connect(address)).rejects.toEqual(system('ENOENT', 'connect'))
    await using listener = await listen(address)
    await expect(listen(address)).rejects.toEqual(system('EADDRINUSE'))
    expect(listener.closed).toBe(false)
  })

  test('memory: nobody listens, and the name is taken', async () => {
    const refused = expect.objectContaining({ name: 'SocketError', code: 'ECONNREFUSED' })
    await expect(connect('memory:nobody')).rejects.toEqual(refused)
    await using first = await listen('memory:taken')
    await expect(listen('memory:taken')).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(first.closed).toBe(false)
  })
})

describe('adopting what is no socket', () => {
  const kernelOnly = given(scheme('unix', 'kernel'))

  kernelOnly('a descriptor that is not open: EBADF', () => {
    const fd = openSync('/dev/null', 'r')
    closeSync(fd)
    expect(() => adopt(fd)).toThrow(expect.objectContaining({ name: 'SocketError', code: 'EBADF' }))
  })

  kernelOnly('a file: ENOTSOCK, and it stays open', () => {
    const fd = openSync('/dev/null', 'r')
    expect(() => adopt(fd)).toThrow(expect.objectContaining({ name: 'SocketError', code: 'ENOTSOCK' }))
    closeSync(fd)
  })

  kernelOnly('what Node has in its event loop already: EEXIST, and Node keeps it', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { _handle } = server as unknown as { _handle: { fd: number } }
    expect(() => adopt(_handle.fd)).toThrow(expect.objectContaining({ name: 'SocketError', code: 'EEXIST' }))
    const { port } = server.address() as AddressInfo
    await using client = await connect(`tcp://127.0.0.1:${port}`)
    expect(client.connecting).toBe(false)
    server.close()
  })

  kernelOnly('an option that the socket does not have: it stays the caller’s', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { fd } = (server as unknown as { _handle: { fd: number } })._handle
    for (const misspelt of [{ misspelt: 1 }, { receiveTtl: true }, { mode: 0o600 }] as object[]) {
      expect(() => adopt(fd, misspelt)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }))
    }
    expect(server.address()).toMatchObject({ address: '127.0.0.1' })
    server.close()
  })
})

given(scheme('unix', 'kernel'))('options of adopt are set on what is adopted, and on what it accepts', async () => {
  const [a, b] = socketpair('unix')
  a.on('fds', async ([listening, message]: [number, number]) => {
    const listener = adopt(listening, { noDelay: true, allowHalfOpen: true }) as Listener<StreamEndpoint>
    const accepting = listener.accept()
    const client = await connect(listener.address)
    const accepted = await accepting
    const udp = adopt(message, { receiveTtl: true, receiveQueue: 5 }) as DatagramEndpoint
    await udp.send('x', udp.local)
    a.emit('result', [accepted.getOption('noDelay'), accepted.allowHalfOpen, (await udp.receive())?.ttl])
    for (const socket of [client, accepted, listener, udp]) await socket[Symbol.asyncDispose]()
  })
  a.resume()
  const result = once(a, 'result')
  await using tcp = await listen('tcp://127.0.0.1:0')
  await using udp = await bind('udp://127.0.0.1:0')
  b.writeWithFds(Buffer.from('x'), [tcp.fd as number, udp.fd as number])
  expect(await result).toEqual([[true, true, 64]])
  a.destroy()
  b.destroy()
})

given(scheme('unix', 'kernel'))('options of adopt that act are done once', async () => {
  const [a, b] = socketpair('unix')
  const received = once(a, 'fds')
  a.resume()
  await using udp = await bind('udp://0.0.0.0:0')
  b.writeWithFds(Buffer.from('x'), [udp.fd as number])
  const [[fd]] = (await received) as [[number]]
  const joinGroup = { group: '239.255.0.77', interface: '127.0.0.1' }
  await using adopted = adopt(fd, { joinGroup }) as DatagramEndpoint
  expect(() => adopted.setOption('joinGroup', joinGroup)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }))
  adopted.setOption('leaveGroup', joinGroup)
  a.destroy()
  b.destroy()
})

async function withoutPrivileges(run: () => Promise<void>): Promise<void> {
  if (process.getuid?.() !== 0) return run()
  process.seteuid?.(65_534)
  try {
    await run()
  } finally {
    process.seteuid?.(0)
  }
}

/** A socket file that nobody listens at any more, as a killed process leaves it. */
async function abandon(path: string): Promise<AsyncDisposable & { path: string }> {
  const script = "require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))"
  await using child = new Child(process.execPath, ['-e', script, path])
  await child.exited
  return { path, [Symbol.asyncDispose]: () => rm(path, { force: true }) }
}
