import { once } from 'node:events'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { given, python as pythonThere, socat } from '../support/need.ts'
import { commandLine, kernel, noise, python, Running, sha256 } from './support.ts'

const { cli, path } = commandLine()
const portOf = (address: string): number => Number(address.split(':').at(-1))

/** Reads each connection to its end, and only then sends everything back: wrong at once if an end is not passed on. */
const PYTHON_ECHO = `
import socket, sys, threading
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1]); s.listen(256)
print('ready')
def serve(c):
    parts = []
    while True:
        b = c.recv(65536)
        if not b: break
        parts.append(b)
    c.sendall(b''.join(parts)); c.close()
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
`

async function pythonEcho(): Promise<string> {
  const where = path()
  await python(PYTHON_ECHO, where).says(/ready/, 'stdout')
  return where
}

/** A server on TCP that sends everything back, as it comes. */
async function echoServer(): Promise<net.Server & { readonly port: number }> {
  const server = net.createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return Object.assign(server, { port: (server.address() as net.AddressInfo).port })
}

/** Sends everything, ends its side, and gives what comes back. */
async function exchange(port: number, bytes: Buffer): Promise<Buffer> {
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.end(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

describe('streams', () => {
  given(pythonThere)(`tcp to unix: many connections at once, half close kept, counted`, async () => {
    const relay = cli('relay', 'tcp://127.0.0.1:0', `unix:${await pythonEcho()}`, '--progress')
    const port = portOf(await relay.address())
    const sent = Array.from({ length: 100 }, (_, index) => noise(index * 1000))
    const back = await Promise.all(sent.map((bytes) => exchange(port, bytes)))
    for (const [index, bytes] of sent.entries()) expect(back[index]?.equals(bytes)).toBe(true)
    await relay.says(/100 open of 100|\d open of 100/)
    const result = await relay.kill('SIGINT')
    const total = sent.reduce((sum, bytes) => sum + bytes.length, 0)
    expect(result.stderr).toContain(`polysocket: total of 100 connections: ${total} bytes there, ${total} bytes back\n`)
    expect(result.stderr).toMatch(/connection 1 from tcp:\/\/127\.0\.0\.1:\d+ ended: \d+ bytes there, \d+ bytes back, /)
    expect(result.code).toBe(0)
  })

  given(pythonThere)(`through two relays: the end of each direction, and 10 MiB whole`, async () => {
    const middle = path()
    const far = cli('relay', `unix:${middle}`, `unix:${await pythonEcho()}`)
    await far.address()
    const near = cli('relay', '--engine', 'node', 'tcp://127.0.0.1:0', `unix:${middle}`)
    const bytes = noise(10 * 1024 * 1024)
    const back = await exchange(portOf(await near.address()), bytes)
    expect(sha256(back)).toBe(sha256(bytes))
    expect((await near.kill()).code).toBe(0)
    expect((await far.kill()).code).toBe(0)
  })

  given(socat)(`between socats`, async () => {
    const where = path()
    new Running('socat', [`UNIX-LISTEN:${where},fork`, 'PIPE'])
    const relay = cli('relay', 'tcp://127.0.0.1:0', `unix:${where}`)
    const port = portOf(await relay.address())
    for (let attempt = 0; ; attempt++) {
      const result = await new Running('socat', ['-t', '10', '-', `TCP:127.0.0.1:${port}`]).end('hello').done
      if (result.stdout.toString() === 'hello') break
      // socat says nothing once it listens.
      expect(attempt).toBeLessThan(50)
    }
    expect((await relay.kill()).code).toBe(0)
  })

  test('a target that refuses costs its own client the connection, and nobody else', async () => {
    const where = path()
    const relay = cli('relay', 'tcp://127.0.0.1:0', `unix:${where}`)
    const port = portOf(await relay.address())
    await expect(exchange(port, Buffer.from('hello'))).rejects.toMatchObject({ code: 'ECONNRESET' })
    await relay.says(/polysocket: ENOENT .* \(connection 1 from tcp:\/\/127\.0\.0\.1:\d+\)\n/)
    const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(where)
    await once(server, 'listening')
    expect((await exchange(port, Buffer.from('hello'))).toString()).toBe('hello')
    server.close()
    const result = await relay.kill('SIGTERM')
    expect(result.stderr).toContain('total of 2 connections (1 failed): 5 bytes there, 5 bytes back\n')
    expect(result.code).toBe(0)
  })

  test('a connection that breaks is reset at the other end: a cut is no end', async () => {
    const server = net.createServer((socket) => void socket.write('half of it')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const relay = cli('relay', 'tcp://127.0.0.1:0', `tcp://127.0.0.1:${port}`)
    const client = net.connect(portOf(await relay.address()), '127.0.0.1')
    const [socket] = (await once(server, 'connection')) as [net.Socket]
    await once(client, 'data')
    socket.resetAndDestroy()
    await expect(once(client, 'end')).rejects.toMatchObject({ code: 'ECONNRESET' })
    await relay.says(/connection 1 .*failed/)
    server.close()
    await relay.kill()
  })

  test('--max-connections refuses one more', async () => {
    const server = await echoServer()
    const relay = cli('relay', '--max-connections', '1', 'tcp://127.0.0.1:0', `tcp://127.0.0.1:${server.port}`)
    const near = portOf(await relay.address())
    const first = net.connect(near, '127.0.0.1').on('error', () => undefined)
    first.write('x')
    await once(first, 'data')
    const second = net.connect(near, '127.0.0.1').on('error', () => undefined)
    await once(second, 'close')
    await relay.says(/refused a connection from tcp:\/\/127\.0\.0\.1:\d+: 1 are open/)
    first.destroy()
    server.close()
    await relay.kill()
  })

  test('SIGINT lets an open connection finish; a second one cuts it', async () => {
    const server = await echoServer()
    const { port } = server
    for (const patient of [true, false]) {
      const relay = cli('relay', 'tcp://127.0.0.1:0', `tcp://127.0.0.1:${port}`)
      const near = portOf(await relay.address())
      const client = net.connect(near, '127.0.0.1')
      client.on('error', () => undefined)
      client.write('one')
      await once(client, 'data')
      relay.child.kill('SIGINT')
      await relay.says(/stopping; 1 open/)
      await expect(exchange(near, Buffer.from('late'))).rejects.toMatchObject({ code: 'ECONNREFUSED' })
      if (patient) {
        client.write('two')
        await once(client, 'data')
        client.end()
        const result = await relay.done
        expect(result.stderr).toContain('total of 1 connection: 6 bytes there, 6 bytes back\n')
        expect(result.code).toBe(0)
      } else {
        const result = await relay.kill('SIGINT')
        expect(result.stderr).toContain('total of 1 connection (1 failed): 3 bytes there, 3 bytes back\n')
        expect(result.code).toBe(130)
      }
      client.destroy()
    }
    server.close()
  })

  test('--grace 0 waits for nobody', async () => {
    const server = await echoServer()
    const relay = cli('relay', '--quiet', '--grace', '0', 'tcp://127.0.0.1:0', `tcp://127.0.0.1:${server.port}`)
    const client = net.connect(portOf(await relay.address()), '127.0.0.1').on('error', () => undefined)
    client.write('x')
    await once(client, 'data')
    const result = await relay.kill('SIGTERM')
    expect(result.stderr).toMatch(/total of 1 connection \(1 failed\)/)
    expect(result.code).toBe(0)
    server.close()
  })
})

/** Takes SOCK_SEQPACKET connections, and answers each message with itself in capitals. */
const PYTHON_CAPITAL_PACKETS = `
import socket, sys, threading
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1]); s.listen(16)
print('ready')
def serve(c):
    while True:
        b = c.recv(65536)
        if not b: break
        c.send(b.upper())
while True:
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()
`

/** Answers each message with itself in capitals. */
const PYTHON_CAPITALS = `
import socket, sys
kind, where = sys.argv[1:3]
s = socket.socket(socket.AF_INET if kind == 'udp' else socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(('127.0.0.1', 0) if kind == 'udp' else where)
print('ready', s.getsockname()[1] if kind == 'udp' else where)
while True:
    b, peer = s.recvfrom(65536)
    s.sendto(b.upper(), peer)
`

describe('messages', () => {
  given(pythonThere)(`udp to udp: every sender gets its own answers`, async () => {
    const server = python(PYTHON_CAPITALS, 'udp', '')
    const [, port] = await server.says(/ready (\S+)/, 'stdout')
    const relay = cli('relay', 'udp://127.0.0.1:0', `udp://127.0.0.1:${port}`)
    const address = await relay.address()
    const words = ['alpha', 'beta', 'gamma', 'delta']
    const results = await Promise.all(
      words.map(
        (word) => cli('cat', '--lines', '--idle', '3000', '--count', '2', address).end(`${word}\nmore ${word}\n`).done,
      ),
    )
    for (const [index, word] of words.entries()) {
      expect(results[index]?.stdout.toString()).toBe(`${word}\nmore ${word}\n`.toUpperCase())
    }
    const result = await relay.kill('SIGINT')
    const bytes = words.reduce((sum, word) => sum + 2 * word.length + 5, 0)
    expect(result.stderr).toContain(`total of 4 connections: ${bytes} bytes there, ${bytes} bytes back\n`)
    expect(result.code).toBe(0)
  })

  given(pythonThere, kernel)(`udp to unixgram and unixgram to udp: answers find their way back`, async () => {
    const server = python(PYTHON_CAPITALS, 'unixgram', path())
    const [, where] = await server.says(/ready (\S+)/, 'stdout')
    const toUnix = cli('relay', 'udp://127.0.0.1:0', `unixgram:${where}`)
    const udp = await toUnix.address()
    const toUdp = cli('relay', `unixgram:${path()}`, udp)
    const unixgram = await toUdp.address()
    const result = await cli('cat', '--lines', '--idle', '3000', '--count', '1', unixgram).end('hello\n').done
    expect(result.stdout.toString()).toBe('HELLO\n')
    expect((await toUdp.kill()).code).toBe(0)
    expect((await toUnix.kill()).code).toBe(0)
  })

  test('an idle sender is forgotten, and served anew', async () => {
    const server = cli('cat', '--bind', 'udp://127.0.0.1:0').end()
    const relay = cli('relay', '--idle', '200', 'udp://127.0.0.1:0', await server.address())
    const address = await relay.address()
    const client = cli('cat', '--lines', address)
    client.child.stdin.write('one\n')
    await relay.says(/connection 1 from udp:\/\/127\.0\.0\.1:\d+ ended: 3 bytes there, 0 bytes back/)
    client.child.stdin.write('two\n')
    await relay.says(/connection 2 from udp:\/\/127\.0\.0\.1:\d+ ended: 3 bytes there, 0 bytes back/)
    await server.says(/onetwo/, 'stdout')
    expect((await relay.kill()).code).toBe(0)
    await client.kill()
  })

  test('a target that is not there is reported once, and the relay goes on', async () => {
    const gone = cli('cat', '--bind', 'udp://127.0.0.1:0')
    const target = await gone.address()
    await gone.kill()
    const relay = cli('relay', 'udp://127.0.0.1:0', target)
    const address = await relay.address()
    await cli('cat', '--lines', '--idle', '300', address).end('one\ntwo\nthree\nfour\n').done
    await relay.says(/ECONNREFUSED/)
    const server = cli('cat', '--bind', target, '--lines', '--count', '1').end()
    await server.address()
    await cli('cat', '--lines', '--idle', '300', address).end('now\n').done
    expect((await server.done).stdout.toString()).toBe('now\n')
    const result = await relay.kill()
    expect(result.stderr.match(/ECONNREFUSED connect|ECONNREFUSED (send|recv)/g)?.length ?? 1).toBe(1)
    expect(result.code).toBe(0)
  })

  given(kernel)(`unixpacket to unixpacket: messages, empty ones too, and the end`, async () => {
    const server = cli('cat', '--listen', '--lines', `unixpacket:${path()}`).end('welcome\n')
    const relay = cli('relay', `unixpacket:${path()}`, await server.address())
    const client = await cli('cat', '--lines', await relay.address()).end('one\n\nthree\n').done
    expect(client).toMatchObject({ code: 0, stderr: '' })
    expect(client.stdout.toString()).toBe('welcome\n')
    expect((await server.done).stdout.toString()).toBe('one\n\nthree\n')
    const result = await relay.kill()
    expect(result.stderr).toContain('total of 1 connection: 8 bytes there, 7 bytes back\n')
    expect(result.code).toBe(0)
  })

  given(pythonThere, kernel)(
    'unixpacket to udp: the answer to the last message comes, though udp knows no end',
    async () => {
      const server = python(PYTHON_CAPITALS, 'udp', '')
      const [, port] = await server.says(/ready (\S+)/, 'stdout')
      const relay = cli('relay', `unixpacket:${path()}`, `udp://127.0.0.1:${port}`)
      const client = await cli('cat', '--lines', await relay.address()).end('one\ntwo\n').done
      expect(client).toMatchObject({ code: 0, stderr: '' })
      expect(client.stdout.toString()).toBe('ONE\nTWO\n')
      await relay.kill()
    },
  )

  given(pythonThere, kernel)(`udp to unixpacket: each sender has a connection of its own`, async () => {
    const where = path()
    await python(PYTHON_CAPITAL_PACKETS, where).says(/ready/, 'stdout')
    const relay = cli('relay', 'udp://127.0.0.1:0', `unixpacket:${where}`)
    const address = await relay.address()
    for (const word of ['alpha', 'beta']) {
      const client = await cli('cat', '--lines', '--idle', '5000', '--count', '1', address).end(`${word}\n`).done
      expect(client.stdout.toString()).toBe(`${word}\n`.toUpperCase())
    }
    const result = await relay.kill()
    expect(result.stderr).toContain('total of 2 connections: 9 bytes there, 9 bytes back\n')
    expect(result.code).toBe(0)
  })

  test('--max-connections bounds the senders; what others send is lost, and counted', async () => {
    const server = cli('cat', '--bind', 'udp://127.0.0.1:0').end()
    const relay = cli('relay', '--max-connections', '1', 'udp://127.0.0.1:0', await server.address())
    const address = await relay.address()
    for (const word of ['first', 'second']) await cli('cat', '--idle', '300', address).end(word).done
    await relay.says(/senders at a time: 1; messages of others are lost/)
    const result = await relay.kill()
    expect(result.stderr).toContain('total of 1 connection: 5 bytes there, 0 bytes back, lost messages: 1\n')
    expect((await server.kill()).stdout.toString()).toBe('first')
  })
})
