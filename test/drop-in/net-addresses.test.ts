import { once } from 'node:events'
import { closeSync, fstatSync, readdirSync } from 'node:fs'
import type { Server } from 'node:net'
import nodeNet from 'node:net'
import { describe, expect, test } from 'vitest'
import { bind, connect as connectEndpoint, listen as listenEndpoint, socketpair } from '../../src/index.ts'
import net, { createServer, type Socket } from '../../src/net.ts'
import { receiveText } from '../support/bytes.ts'
import { given, nothing, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { closed } from './side-by-side.ts'

async function listening(server: Server): Promise<Server> {
  await once(server, 'listening')
  return server
}

async function talk(client: Socket): Promise<string> {
  client.end('hello')
  return receiveText(client)
}

const echo = (): ReturnType<typeof createServer> =>
  createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket))

describe('addresses of ours', () => {
  const places: [string, string][] = [
    ['memory', 'memory:drop-in'],
    ['unix', `unix:@polysocket-drop-in-${process.pid}`],
    ['tcp', 'tcp://127.0.0.1:0'],
  ]
  for (const [name, text] of places) {
    given(name === 'memory' ? nothing : scheme(name))(
      `${name}: text where Node has a path, and an option`,
      async () => {
        for (const where of [text, { address: text }]) {
          const server = echo()
          await listening(typeof where === 'string' ? server.listen(where) : server.listen(where))
          const address = server.address()
          if (name === 'tcp') expect(address).toMatchObject({ address: '127.0.0.1', family: 'IPv4' })
          else expect(address).toBe(text)
          const reached = typeof address === 'string' ? address : `tcp://127.0.0.1:${address?.port}`
          expect(await talk(net.connect(reached))).toBe('hello')
          expect(await talk(net.connect({ address: reached }))).toBe('hello')
          expect(await talk(new net.Socket().connect({ address: reached }))).toBe('hello')
          server.close()
          await closed(server)
          expect(server.listening).toBe(false)
        }
      },
    )
  }

  test('an object', async () => {
    const address = { family: 'memory', scheme: 'memory', name: 'drop-in-object' } as const
    const server = await listening(echo().listen({ address }))
    const client = net.connect({ address })
    await once(client, 'connect')
    expect(client.remoteAddress).toBe('memory:drop-in-object')
    expect(client.remotePort).toBeUndefined()
    expect(client.address()).toMatchObject({ address: expect.stringMatching(/^memory:/) })
    expect(await talk(client)).toBe('hello')
    expect(client.bytesRead).toBe(5)
    server.close()
  })

  test('our endpoints talk to it, and it to them', async () => {
    const server = await listening(echo().listen('memory:drop-in-mixed'))
    const endpoint = await connectEndpoint('memory:drop-in-mixed')
    endpoint.end('hello')
    expect(await receiveText(endpoint)).toBe('hello')
    server.close()
    await using listener = await listenEndpoint('memory:drop-in-mixed')
    listener.on('connection', (peer) => peer.pipe(peer))
    expect(await talk(net.connect('memory:drop-in-mixed'))).toBe('hello')
  })

  test('nobody there, an address in use, and one that cannot be', async () => {
    const lost = net.connect('memory:drop-in-nobody')
    const [error] = (await once(lost, 'error')) as [NodeJS.ErrnoException]
    expect(error).toMatchObject({ code: 'ECONNREFUSED', syscall: 'connect', address: 'memory:drop-in-nobody' })
    const server = await listening(echo().listen('memory:drop-in-used'))
    const [inUse] = await once(createServer().listen('memory:drop-in-used'), 'error')
    expect(inUse).toMatchObject({ code: 'EADDRINUSE' })
    server.close()
    expect(() => net.connect('tcp://127.0.0.1')).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }))
    expect(() => net.connect({ address: { family: 'nothing' } })).toThrow(
      expect.objectContaining({ code: 'ERR_FAMILY_UNKNOWN' }),
    )
  })

  test('a scheme that carries messages, or is none, is a path as in Node', async () => {
    for (const path of ['udp://127.0.0.1:1', 'nonsense:1', './memory:x']) {
      const [error] = await once(net.connect(path), 'error')
      expect(error).toMatchObject({ code: 'ENOENT', address: path })
    }
  })

  test('what node:net gives as the address of a server can be connected to', async () => {
    const server = nodeNet.createServer((socket) => void socket.end('node')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = net.connect(server.address() as nodeNet.AddressInfo as never)
    expect(await receiveText(client)).toBe('node')
    server.close()
  })

  given(scheme('unix'))('an abstract name of Node means the same name to Node', async () => {
    const path = `\0polysocket-drop-in-node-${process.pid}`
    const server = await listening(echo().listen(path))
    const theirs = nodeNet.connect({ path })
    theirs.end('hello')
    expect(await receiveText(theirs)).toBe('hello')
    server.close()
  })

  test('a server of an address that is in the making can be closed', async () => {
    const server = echo()
    server.listen('unix:?autobind')
    server.close()
    await closed(server)
    expect(server.listening).toBe(false)
  })
})

describe('what is taken over', () => {
  given(scheme('unix'))('a connected descriptor, a listening one, and what is neither', async () => {
    await using directory = await temporaryDirectory()
    const server = await listening(echo().listen(directory.file('s')))
    const first = net.connect(directory.file('s'))
    await once(first, 'connect')
    const { fd } = (first as unknown as { _handle: { fd: number } })._handle
    expect(fd).toBeGreaterThan(2)
    first.destroy()
    server.close()
    const before = readdirSync('/proc/self/fd').length
    for (const wrong of [10_000, -1, 'x', 1.5]) {
      expect(() => new net.Socket({ fd: wrong as number })).toThrow()
    }
    expect(readdirSync('/proc/self/fd').length).toBe(before)
  })

  given(scheme('unixgram'), scheme('tcp'))(
    'but no socket of messages and no listener: the caller keeps them',
    async () => {
      await using udp = await bind('udp://127.0.0.1:0')
      await using listener = await listenEndpoint('tcp://127.0.0.1:0')
      const pair = socketpair('unixgram', { receiveFds: true })
      await using sender = pair[0]
      await using receiver = pair[1]
      // Under numbers that nothing else of this process has.
      await sender.send('two', undefined, { fds: [udp.fd, listener.fd] as number[] })
      const [udpFd, listenerFd] = ((await receiver.receive())?.fds ?? []) as [number, number]
      const refused = (type: string): object => expect.objectContaining({ message: `Unsupported fd type: ${type}` })
      expect(() => new net.Socket({ fd: udpFd })).toThrow(refused('UDP'))
      expect(() => new net.Socket({ fd: listenerFd })).toThrow(refused('UNKNOWN'))
      const [error] = await once(createServer().listen({ fd: udpFd }), 'error')
      expect(error.code).toBe('EINVAL')
      for (const fd of [udpFd, listenerFd]) {
        expect(fstatSync(fd).isSocket()).toBe(true)
        closeSync(fd)
      }
    },
  )
})
