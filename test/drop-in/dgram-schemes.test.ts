import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { createSocket } from '../../src/dgram.ts'
import { Child } from '../support/child.ts'
import { errorOf } from '../support/errors.ts'
import { given, python, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const unixgram = scheme('unixgram')

/** Sends each message back in capitals, until one says so. */
const echo = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    data, peer = s.recvfrom(4096)
    if data == b'end': break
    s.sendto(data.upper(), peer)
`

describe('unixgram sockets in the shape of node:dgram', () => {
  given(unixgram, python)('talk to python', async () => {
    await using directory = await temporaryDirectory()
    const theirs = `unixgram:${directory.file('python')}`
    await using peer = new Child('python3', ['-c', echo, directory.file('python')])
    expect(await peer.line()).toBe('bound')
    const socket = createSocket({ scheme: 'unixgram' })
    // Bound by sending, to a name that the kernel chooses: the answer finds its way.
    socket.send(['he', 'llo'], theirs, (error, bytes) => expect([error, bytes]).toEqual([null, 5]))
    const [answer, from] = await once(socket, 'message')
    expect(String(answer)).toBe('HELLO')
    expect(from).toEqual({ address: theirs, family: 'unixgram', port: 0, size: 5 })
    expect(socket.address()).toEqual({ address: expect.stringMatching(/^unixgram:@/), family: 'unixgram', port: 0 })

    socket.connect(theirs)
    await once(socket, 'connect')
    expect(socket.remoteAddress()).toEqual({ address: theirs, family: 'unixgram', port: 0 })
    socket.send(Buffer.from('<part>'), 1, 4)
    expect(String((await once(socket, 'message'))[0])).toBe('PART')
    socket.send('end')
    expect((await peer.exited).code).toBe(0)
    socket.close()
  })

  given(unixgram)("go back to the sender by the arguments of Node's own idiom", async () => {
    await using directory = await temporaryDirectory()
    const address = `unixgram:${directory.file('server')}`
    const server = createSocket({ scheme: 'unixgram' }, (data, { address, port }) => server.send(data, port, address))
    server.bind(address)
    await once(server, 'listening')
    expect(server.type).toBe('unixgram')
    expect(server.address().address).toBe(address)
    const client = createSocket({ scheme: 'unixgram' })
    client.bind({ family: 'unix', scheme: 'unixgram', path: directory.file('client') })
    await once(client, 'listening')
    client.send('there and back', { family: 'unix', scheme: 'unixgram', path: directory.file('server') })
    expect(String((await once(client, 'message'))[0])).toBe('there and back')
    server.close()
    client.close()
    expect(existsSync(directory.file('server'))).toBe(false)
  })

  given(unixgram)('tell a sender without a name by an empty address', async () => {
    const [server, client] = [createSocket({ scheme: 'unixgram' }), createSocket({ scheme: 'unixgram' })]
    server.bind()
    client.bind('unixgram:?unnamed')
    await Promise.all([once(server, 'listening'), once(client, 'listening')])
    expect(client.address().address).toBe('')
    client.send('who?', server.address().address)
    expect((await once(server, 'message'))[1]).toEqual({ address: '', family: 'unixgram', port: 0, size: 4 })
    server.close()
    client.close()
  })

  given(unixgram)('report what the system refuses', async () => {
    await using directory = await temporaryDirectory()
    const address = `unixgram:${directory.file('taken')}`
    const [first, second] = [createSocket({ scheme: 'unixgram' }), createSocket({ scheme: 'unixgram' })]
    first.bind(address)
    await once(first, 'listening')
    second.bind(address)
    const error = await new Promise((resolve) => second.once('error', resolve))
    expect(error).toMatchObject({ code: 'EADDRINUSE', syscall: 'bind', address, message: `bind EADDRINUSE ${address}` })
    const nowhere = `unixgram:${directory.file('nowhere')}`
    const refused = await new Promise((resolve) => second.send('x', nowhere, resolve))
    expect(refused).toMatchObject({ code: 'ENOENT', syscall: 'send', message: `send ENOENT ${nowhere}` })
    const unconnected = await new Promise((resolve) => second.connect(nowhere, resolve))
    expect(unconnected).toMatchObject({ code: 'ENOENT', message: `connect ENOENT ${nowhere}` })
    first.close()
    second.close()
  })

  given(unixgram)('keep what a full receiver has no room for, and cancel it when they are closed', async () => {
    await using directory = await temporaryDirectory()
    const address = `unixgram:${directory.file('slow')}`
    const receiver = createSocket({ scheme: 'unixgram' }).bind(address)
    await once(receiver, 'listening')
    const sender = createSocket({ scheme: 'unixgram' })
    sender.connect(address)
    await once(sender, 'connect')
    const outcomes: (string | undefined)[] = []
    for (let count = 0; count < 2000; count++) {
      sender.send('x', (error) => outcomes.push((error as NodeJS.ErrnoException | null)?.code))
    }
    const waiting = sender.getSendQueueCount()
    expect(waiting).toBeGreaterThan(0)
    expect(sender.getSendQueueSize()).toBe(waiting)
    let received = 0
    await new Promise<void>((resolve) => {
      receiver.on('message', () => {
        received++
        if (received === 2000) resolve()
      })
    })
    expect(sender.getSendQueueCount()).toBe(0)
    for (let count = 0; count < 2000; count++)
      sender.send('y', (error) => outcomes.push((error as NodeJS.ErrnoException | null)?.code))
    const late = sender.getSendQueueCount()
    sender.close()
    receiver.close()
    await new Promise(setImmediate)
    expect(outcomes).toHaveLength(4000)
    expect(outcomes.filter((code) => code === 'ECANCELED')).toHaveLength(late)
  })

  given(unixgram)('are closed while they are being bound', async () => {
    await using directory = await temporaryDirectory()
    const socket = createSocket({ scheme: 'unixgram' })
    socket.on('listening', () => expect.unreachable())
    socket.bind(`unixgram:${directory.file('short')}`).close()
    await once(socket, 'close')
    await new Promise(setImmediate)
    expect(existsSync(directory.file('short'))).toBe(false)
  })
})

test('memorygram works like any other', async () => {
  const server = createSocket({ scheme: 'memorygram' }).bind('memorygram:dgram-test')
  await once(server, 'listening')
  const client = createSocket({ scheme: 'memorygram' })
  client.send('hello', 'memorygram:dgram-test')
  expect(String((await once(server, 'message'))[0])).toBe('hello')
  client.connect('memorygram:dgram-test', (error) => expect(error).toMatchObject({ code: 'ERR_UNSUPPORTED' }))
  await new Promise(setImmediate)
  server.close()
  client.close()
})

given(scheme('udp'))('a socket of UDP takes an address of ours in the place of port and address', async () => {
  const server = createSocket('udp4').bind('udp://127.0.0.1:0')
  await once(server, 'listening')
  const { port, address } = server.address()
  expect(address).toBe('127.0.0.1')
  const client = createSocket('udp4')
  client.send('by text', `udp://127.0.0.1:${port}`)
  expect(String((await once(server, 'message'))[0])).toBe('by text')
  client.connect({ family: 'inet', scheme: 'udp', host: '127.0.0.1', port })
  await once(client, 'connect')
  expect(client.remoteAddress().port).toBe(port)
  server.close()
  client.close()
})

test('an address of another scheme, and a scheme with connections, are refused', () => {
  const socket = createSocket({ scheme: 'unixgram' })
  for (const wrong of ['unix:/x', 'udp://127.0.0.1:9', 'unixgram:', 33, undefined]) {
    expect(() => socket.send('x', wrong as string), String(wrong)).toThrow(
      expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }),
    )
  }
  expect(errorOf(() => createSocket({ scheme: 'tcp' })).code).toBe('ERR_UNSUPPORTED')
  expect(errorOf(() => createSocket({ scheme: 'nothing' })).code).toBe('ERR_FAMILY_UNKNOWN')
  socket.close()
})
