import { lstatSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir, rename, symlink, unlink } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { given, need, python as pythonThere } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import {
  Acceptor,
  asStream,
  connectStream,
  inetOpener,
  portOf,
  python,
  Reader,
  request,
  tcp,
  unix,
  unixOpener,
} from './node-handles.ts'

const always = given()
const withPython = given(pythonThere)

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
const nodeHasReusePort = major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)
const withReusePort = given(need(nodeHasReusePort, `Node ${process.versions.node} has no reusePort`, 'use Node 22.12'))
const withoutReusePort = given(need(!nodeHasReusePort, `Node ${process.versions.node} has reusePort`, 'use Node 20'))

describe('a listener of the node engine', () => {
  always('hands out nobody before resume and after pause, and everybody in the end, in order and unread', async () => {
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request()))
    listener.onAccept = () => {
      if (listener.accepted.length % 2 === 1) listener.handle.pause()
    }
    const clients: Reader[] = []
    for (let number = 0; number < 5; number++) {
      const client = await connectStream(portOf(listener.handle))
      await client.write(`I am ${number}`)
      clients.push(client)
    }
    await sleep(50)
    expect(listener.accepted).toEqual([])
    for (const count of [1, 3, 5]) {
      listener.handle.resume()
      expect(await eventually(() => listener.accepted.length >= count)).toBe(true)
      await sleep(20)
      expect(listener.accepted.length).toBe(count)
    }
    for (const [number, far] of listener.accepted.entries()) {
      expect(far.calls).toEqual([])
      expect(far.handle.local).toEqual(listener.handle.local)
      expect(far.handle.remote).toEqual(clients[number]?.handle.local)
      far.handle.resume()
      expect(await eventually(() => far.text === `I am ${number}`)).toBe(true)
    }
    for (const client of clients) client.handle.close()
  })

  always('closes those whom nobody has taken, and leaves those who were', async () => {
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request()))
    listener.onAccept = () => listener.handle.pause()
    using first = await connectStream(portOf(listener.handle))
    using second = await connectStream(portOf(listener.handle))
    listener.handle.resume()
    expect(await eventually(() => listener.accepted.length === 1)).toBe(true)
    await sleep(50)
    listener.handle.close()
    listener.handle.close()
    second.handle.resume()
    expect(await eventually(() => second.calls.length > 0)).toBe(true)
    await listener.accepted[0]?.write('we are not closed')
    first.handle.resume()
    expect(await eventually(() => first.text === 'we are not closed')).toBe(true)
    expect(listener.errors).toEqual([])
  })

  always('an address in use: EADDRINUSE, and nothing stays open', async () => {
    await using directory = await temporaryDirectory()
    const path = unix(directory.file('socket'))
    using first = new Acceptor(await inetOpener.listen(tcp(0), request()))
    using second = new Acceptor(await unixOpener.listen(path, request()))
    const before = openDescriptors()
    const inUse = { name: 'SocketError', code: 'EADDRINUSE' }
    await expect(inetOpener.listen(tcp(portOf(first.handle)), request())).rejects.toMatchObject(inUse)
    await expect(unixOpener.listen(path, request())).rejects.toMatchObject({
      ...inUse,
      address: `unix:${directory.file('socket')}`,
    })
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
    expect(second.handle.local).toEqual(path)
  })

  withPython('the wildcard takes IPv4 and IPv6; ipv6Only refuses IPv4', async () => {
    const script = `
report(port=socket.create_connection((argv[0], int(argv[1]))).getsockname()[1])`
    using both = new Acceptor(await inetOpener.listen(tcp(0, '*'), request()))
    both.handle.resume()
    for (const host of ['127.0.0.1', '::1']) {
      await using peer = python(script, host, portOf(both.handle))
      expect(await peer.exited).toMatchObject({ code: 0 })
    }
    expect(await eventually(() => both.accepted.length === 2)).toBe(true)
    using only = new Acceptor(await inetOpener.listen(tcp(0, '*'), request({ options: { ipv6Only: true } })))
    await using peer = python(script, '127.0.0.1', portOf(only.handle))
    expect((await peer.exited).stderr).toContain('ConnectionRefusedError')
  })

  withReusePort('reusePort: several listeners at one port', async () => {
    const options = { reusePort: true }
    using first = new Acceptor(await inetOpener.listen(tcp(0), request({ options })))
    using second = new Acceptor(await inetOpener.listen(tcp(portOf(first.handle)), request({ options })))
    expect(second.handle.local).toEqual(first.handle.local)
  })

  withoutReusePort("reusePort is ERR_UNSUPPORTED, and 'try' goes without", async () => {
    const asked = { options: { reusePort: true } }
    await expect(inetOpener.listen(tcp(0), request(asked))).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request({ options: { reusePort: 'try' } })))
    expect(portOf(listener.handle)).toBeGreaterThan(0)
  })

  always('options: what libuv always sets can be asked for, and not refused', async () => {
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request({ options: { reuseAddress: true } })))
    const refused = { options: { reuseAddress: false } }
    await expect(inetOpener.listen(tcp(0), request(refused))).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    const cannot = expect.objectContaining({ code: 'ERR_UNSUPPORTED' })
    expect(() => listener.handle.getOption('reuseAddress')).toThrow(cannot)
    expect(() => listener.handle.setOption('receiveBuffer', 4096)).toThrow(cannot)
    const unknown = expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' })
    expect(() => listener.handle.getOption('nosuch')).toThrow(unknown)
  })
})

describe('a Unix listener of the node engine', () => {
  always('removes its file when it is closed', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    using listener = new Acceptor(await unixOpener.listen(unix(path), request()))
    expect(lstatSync(path).isSocket()).toBe(true)
    listener.handle.close()
    expect(readdirSync(directory.path)).toEqual([])
  })

  always('leaves the file of a server that took its place', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    using first = new Acceptor(await unixOpener.listen(unix(path), request()))
    await unlink(path)
    using second = new Acceptor(await unixOpener.listen(unix(path), request()))
    first.handle.close()
    expect(readdirSync(directory.path)).toEqual(['socket'])
    using client = new Reader(asStream(await unixOpener.connect(unix(path), request())))
    second.handle.resume()
    expect(await eventually(() => second.accepted.length === 1)).toBe(true)
    expect(client.handle.remote).toEqual(unix(path))
    second.handle.close()
    expect(readdirSync(directory.path)).toEqual([])
  })

  always('leaves what has its name for other reasons, and its own file under another name', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    using listener = new Acceptor(await unixOpener.listen(unix(path), request()))
    await rename(path, directory.file('moved'))
    await mkdir(path)
    listener.handle.close()
    expect(readdirSync(directory.path).sort()).toEqual(['moved', 'socket'])
    expect(lstatSync(path).isDirectory()).toBe(true)
  })

  always('a relative path means the directory in which it was opened', async () => {
    await using directory = await temporaryDirectory()
    await mkdir(directory.file('other'))
    const before = process.cwd()
    try {
      process.chdir(directory.path)
      using listener = new Acceptor(await unixOpener.listen(unix('./socket'), request()))
      process.chdir('other')
      writeFileSync('socket', 'precious')
      listener.handle.close()
      expect(readdirSync(directory.path)).toEqual(['other'])
      expect(readdirSync(directory.file('other'))).toEqual(['socket'])
    } finally {
      process.chdir(before)
    }
  })

  always(
    'a directory that is missing is ENOENT, one that is a file ENOTDIR, a link to nowhere EADDRINUSE',
    async () => {
      await using directory = await temporaryDirectory()
      writeFileSync(directory.file('file'), '')
      await symlink('/nonexistent/place', directory.file('link'))
      const at = (name: string) => unixOpener.listen(unix(directory.file(name)), request())
      await expect(at('missing/socket')).rejects.toMatchObject({ code: 'ENOENT', errno: -2 })
      await expect(at('file/socket')).rejects.toMatchObject({ code: 'ENOTDIR' })
      await expect(at('link')).rejects.toMatchObject({ code: 'EADDRINUSE' })
      await expect(at('file')).rejects.toMatchObject({ code: 'EADDRINUSE' })
    },
  )

  always('takes a path of 108 bytes, which is the longest, and tells it exactly', async () => {
    await using directory = await temporaryDirectory()
    const name = 'x'.repeat(108 - directory.file('').length - 1)
    for (const path of [directory.file(name.slice(1)), directory.file(name)]) {
      using listener = new Acceptor(await unixOpener.listen(unix(path), request()))
      expect(readdirSync(directory.path).map((found) => directory.file(found))).toEqual([path])
      using client = new Reader(asStream(await unixOpener.connect(unix(path), request())))
      expect([listener.handle.local, client.handle.remote]).toEqual([unix(path), unix(path)])
    }
    const tooLong = unix(directory.file(`${name}x`))
    await expect(unixOpener.listen(tooLong, request())).rejects.toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
    await expect(unixOpener.connect(tooLong, request())).rejects.toMatchObject({ code: 'ERR_ADDRESS_INVALID' })
  })

  withPython('has the name that its clients know it by', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    using listener = new Acceptor(await unixOpener.listen(unix(path), request()))
    listener.handle.resume()
    await using peer = python(
      `
peer = socket.socket(socket.AF_UNIX)
peer.connect(argv[0])
report(peer=peer.getpeername())`,
      path,
    )
    expect(await peer.report()).toEqual({ peer: path })
  })

  always('an abstract name is ERR_UNSUPPORTED', async () => {
    const abstract = { family: 'unix', scheme: 'unix', abstract: Buffer.from('polysocket') } as const
    await expect(unixOpener.listen(abstract, request())).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await expect(unixOpener.connect(abstract, request())).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })
})
