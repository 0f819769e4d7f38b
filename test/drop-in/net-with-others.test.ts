import { createHash, randomBytes } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { once } from 'node:events'
import http from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo, NetConnectOpts, Server } from 'node:net'
import { pipeline } from 'node:stream/promises'
import tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import net from '../../src/net.ts'
import { receiveText } from '../support/bytes.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { identity } from '../support/web.ts'

interface Site extends AsyncDisposable {
  readonly port: number
}

/** An agent whose connections are ours. */
class OurAgent extends http.Agent {
  override createConnection(options: http.ClientRequestArgs): ReturnType<typeof net.connect> {
    return net.createConnection(options as NetConnectOpts)
  }
}

/** A server of another module's, fed by one of ours. */
async function feed(other: { emit(event: 'connection', socket: unknown): boolean }): Promise<Site> {
  const server = net.createServer((socket) => void other.emit('connection', socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    [Symbol.asyncDispose]: async () => void server.close(),
  }
}

function get(options: http.RequestOptions, body?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.request(options, (response) => resolve(receiveText(response)))
    request.on('error', reject).end(body)
  })
}

describe('http', () => {
  test('a server and an agent over our sockets: 200 requests over 4 kept connections', async () => {
    const sockets = new Set<unknown>()
    const site = http.createServer((request, response) => {
      sockets.add(request.socket)
      expect(request.socket.remoteAddress).toBe('127.0.0.1')
      pipeline(request, response).catch(() => undefined)
    })
    await using fed = await feed(site)
    const agent = new OurAgent({ keepAlive: true, maxSockets: 4 })
    const options = { agent, port: fed.port, host: '127.0.0.1', method: 'POST' }
    const bodies = await Promise.all(Array.from({ length: 200 }, (_, index) => get(options, `body ${index}`)))
    expect(bodies).toEqual(Array.from({ length: 200 }, (_, index) => `body ${index}`))
    expect(sockets.size).toBe(4)
    expect([...sockets].every((socket) => socket instanceof net.Socket)).toBe(true)
    agent.destroy()
    site.closeAllConnections()
  })

  test('over a path, and over an address of ours', async () => {
    await using directory = await temporaryDirectory()
    for (const where of [directory.file('s'), 'memory:drop-in-http']) {
      const site = http.createServer((request, response) => void response.end(request.url))
      const server = net.createServer((socket) => void site.emit('connection', socket)).listen(where)
      await once(server, 'listening')
      const createConnection = (): ReturnType<typeof net.connect> => net.connect(where)
      expect(await get({ createConnection, path: '/there' })).toBe('/there')
      site.closeAllConnections()
      server.close()
    }
  })

  test('an upgrade, and a request that nobody answers in time', async () => {
    const site = http.createServer()
    site.on(
      'upgrade',
      (_request, socket) => void socket.end('HTTP/1.1 101 Changed\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nhello'),
    )
    await using fed = await feed(site)
    const createConnection = (): ReturnType<typeof net.connect> => net.connect(fed.port, '127.0.0.1')
    const upgrading = http.get({ createConnection, headers: { Connection: 'Upgrade', Upgrade: 'x' } })
    const answer = await new Promise<string>((resolve) => {
      upgrading.on('upgrade', async (_response, socket, head) => resolve(String(head) + (await receiveText(socket))))
    })
    expect(answer).toBe('hello')
    const silent = http.get({ createConnection }).setTimeout(30)
    silent.on('error', () => undefined)
    await once(silent, 'timeout')
    silent.destroy()
    site.closeAllConnections()
  })

  test('http2 without tls', async () => {
    const site = http2.createServer()
    site.on('stream', (stream) => {
      stream.respond({ ':status': 200 })
      stream.end('two')
    })
    await using fed = await feed(site)
    const createConnection = () => net.connect(fed.port, '127.0.0.1')
    const session = http2.connect('http://127.0.0.1', { createConnection })
    const stream = session.request({ ':path': '/' })
    expect(await receiveText(stream)).toBe('two')
    session.close()
    await once(session, 'close')
  })
})

describe('tls', () => {
  test('a client and a server over our sockets: 4 MiB there and back', async () => {
    const site = tls.createServer(identity('server'), (socket) => void socket.pipe(socket))
    await using fed = await feed(site)
    const socket = net.connect({ port: fed.port, host: '127.0.0.1', allowHalfOpen: true })
    const secured = tls.connect({ socket, servername: 'polysocket.test', ca: identity('server').cert })
    await once(secured, 'secureConnect')
    expect(secured.authorized).toBe(true)
    const sent = randomBytes(4 << 20)
    const received = createHash('sha256')
    let bytes = 0
    const whole = new Promise<void>((resolve) => {
      secured.on('data', (chunk: Buffer) => {
        received.update(chunk)
        bytes += chunk.length
        if (bytes === sent.length) resolve()
      })
    })
    secured.write(sent)
    await whole
    expect(received.digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'))
    secured.destroy()
    await once(socket, 'close')
  })
})

describe('diagnostics_channel', () => {
  given(scheme('tcp'))('tells of sockets and of listening, as of those of node:net', async () => {
    const told: string[] = []
    const note = (message: unknown, name: string | symbol): void => {
      told.push(`${String(name)} ${Object.keys(message as object).join(' ')}`)
    }
    const names = [
      'net.client.socket',
      'net.server.socket',
      'tracing:net.server.listen:asyncStart',
      'tracing:net.server.listen:asyncEnd',
      'tracing:net.server.listen:error',
    ]
    for (const name of names) channel(name).subscribe(note)
    const server: Server = net.createServer((socket) => void socket.end()).listen(0)
    await once(server, 'listening')
    const failing = net.createServer().listen((server.address() as AddressInfo).port)
    await once(failing, 'error')
    const client = net.connect((server.address() as AddressInfo).port).resume()
    await once(client, 'close')
    server.close()
    for (const name of names) channel(name).unsubscribe(note)
    expect(told).toEqual([
      'tracing:net.server.listen:asyncStart server options',
      'tracing:net.server.listen:asyncEnd server',
      'tracing:net.server.listen:asyncStart server options',
      'tracing:net.server.listen:error server error',
      'net.client.socket socket',
      'net.server.socket socket',
    ])
  })
})
