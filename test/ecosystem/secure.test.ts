import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import tls from 'node:tls'
import { describe, expect, test } from 'vitest'
import {
  type Address,
  connect,
  createConnection,
  type Listener,
  listen,
  type StreamEndpoint,
  secure,
} from '../../src/index.ts'
import net from '../../src/net.ts'
import { Child } from '../support/child.ts'
import { given, program, scheme } from '../support/need.ts'
import { identity } from '../support/web.ts'

const openssl = program('openssl', ['version'], 'apt-get install openssl')
const servername = 'polysocket.test'
const { cert: ca, key } = identity('server')
const asServer = { isServer: true, cert: ca, key } as const

/** Serves TLS that echoes, over a listener of ours. */
async function echoing(address: string): Promise<Listener<StreamEndpoint>> {
  const listener = (await listen(address)) as Listener<StreamEndpoint>
  listener.on('connection', (endpoint: StreamEndpoint) => {
    const secured = secure(endpoint, asServer)
    secured.on('error', () => undefined).pipe(secured)
  })
  return listener
}

function eventsOf(socket: TLSSocket): string[] {
  const events: string[] = []
  for (const name of ['connect', 'secureConnect', 'data', 'end', 'finish', 'error', 'close']) {
    socket.on(name, () => events.push(name))
  }
  return events
}

// A path, since abstract names take the kernel engine.
const path = join(tmpdir(), `polysocket-secure-${process.pid}`)

describe.each(['tcp://127.0.0.1:0', `unix:${path}`, `memory:secure-${process.pid}`])('secure over %s', (address) => {
  test('goes through its states as over a net.Socket, and leaves nothing open', async () => {
    await using listener = await echoing(address)
    const endpoint = createConnection(listener.address as Address) as StreamEndpoint
    const client = secure(endpoint, { ca, servername })
    const events = eventsOf(client)
    expect(client.connecting).toBe(true)
    await once(client, 'secureConnect')
    expect(client.authorized).toBe(true)
    expect(client.remoteAddress).toBe(endpoint.remoteAddress)
    expect(client.localPort).toBe(endpoint.localPort)
    expect(client.address()).toEqual(endpoint.address())
    expect(client.setNoDelay().setKeepAlive(true, 1000).unref().ref()).toBe(client)
    client.write('hey')
    expect(String((await once(client, 'data'))[0])).toBe('hey')
    client.end()
    await once(client, 'close')
    expect(events.slice(0, 3)).toEqual(['connect', 'secureConnect', 'data'])
    // Either direction may be done first.
    expect(events.slice(3, -1).toSorted()).toEqual(['end', 'finish'])
    expect(events.at(-1)).toBe('close')
    expect(endpoint.destroyed).toBe(true)
  })

  test('whoever ends first, both ends close', async () => {
    const listener = (await listen(address)) as Listener<StreamEndpoint>
    await using _ = listener
    const serverSide = once(listener, 'connection').then(([endpoint]) => {
      const secured = secure(endpoint, asServer)
      secured.resume().end('bye')
      return once(secured, 'close')
    })
    const client = secure((await connect(listener.address as Address)) as StreamEndpoint, { ca, servername })
    client.resume()
    await Promise.all([serverSide, once(client, 'close')])
  })

  test('fails with what the handshake and the endpoint fail with', async () => {
    await using listener = await echoing(address)
    const open = async (): Promise<StreamEndpoint> => (await connect(listener.address as Address)) as StreamEndpoint
    const endpoint = await open()
    const stranger = secure(endpoint, { ca: identity('stranger').cert, servername })
    expect((await once(stranger, 'error'))[0].code).toMatch(
      /^(DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/,
    )
    await once(endpoint, 'close')

    const broken = await open()
    const client = secure(broken, { ca, servername })
    await once(client, 'secureConnect')
    broken.destroy(new Error('mine'))
    expect((await once(client, 'error'))[0].message).toBe('mine')
  })
})

describe('secure', () => {
  given(scheme('tcp'))('tells the addresses of both ends over tcp, over polysocket/net too', async () => {
    const told = new Promise<TLSSocket>((resolve) => {
      const server = net.createServer((socket) => {
        server.close()
        resolve(secure(socket, asServer))
      })
      server.listen(0, '127.0.0.1', () => {
        const { port } = server.address() as { port: number }
        const client = secure(net.connect(port, '127.0.0.1'), { ca, servername })
        const events = eventsOf(client)
        client.on('secureConnect', () => {
          expect(client).toMatchObject({ remoteAddress: '127.0.0.1', remotePort: port, remoteFamily: 'IPv4' })
          expect(events).toEqual(['connect', 'secureConnect'])
          client.end()
        })
      })
    })
    const served = await told
    served.resume()
    await once(served, 'secureConnect')
    expect(served).toMatchObject({ remoteAddress: '127.0.0.1', localAddress: '127.0.0.1' })
    await once(served, 'close')
  })

  test('asks for a certificate of the client, and turns away who has none or a wrong one', async () => {
    await using listener = (await listen(`memory:secure-asks-${process.pid}`)) as Listener<StreamEndpoint>
    const mutual = { ...asServer, requestCert: true, ca }
    const outcomes: string[] = []
    listener.on('connection', (endpoint: StreamEndpoint) => {
      const secured = secure(endpoint, mutual)
      secured.on('secureConnect', () => outcomes.push(`authorized ${secured.authorized}`))
      secured.on('error', (error: NodeJS.ErrnoException) => outcomes.push(String(error.code)))
      secured.on('close', () => outcomes.push('closed'))
    })
    for (const own of [{ cert: ca, key }, {}, identity('stranger')]) {
      const client = secure((await connect(listener.address as Address)) as StreamEndpoint, { ca, servername, ...own })
      client.on('error', () => undefined).on('secureConnect', () => client.end())
      client.resume()
      await new Promise((resolve) => client.once('close', resolve))
    }
    await new Promise(setImmediate)
    expect(outcomes).toEqual([
      'authorized true',
      'closed',
      expect.stringMatching(/CERT/),
      'closed',
      expect.stringMatching(/CERT/),
      'closed',
    ])
  })

  given(openssl, scheme('tcp'))('is understood by openssl as the client', async () => {
    await using listener = await echoing('tcp://127.0.0.1:0')
    const { port } = listener.address as { port: number }
    await using client = new Child('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`])
    client.stdin.write('hello\n')
    expect(await client.line()).toBe('hello')
  })

  given(openssl, scheme('tcp'))('understands openssl as the server', async () => {
    const files = new URL('../support/tls/', import.meta.url).pathname
    const identityOf = ['-cert', `${files}server.crt`, '-key', `${files}server.key`]
    await using server = new Child('openssl', [
      's_server',
      '-accept',
      '127.0.0.1:0',
      '-naccept',
      '1',
      '-rev',
      ...identityOf,
    ])
    const accepting = /^ACCEPT .*:(\d+)$/
    let port: string | undefined
    while (port === undefined) port = accepting.exec((await server.line()) ?? '')?.[1]
    const client = secure((await connect(`tcp://127.0.0.1:${port}`)) as StreamEndpoint, { ca, servername })
    client.write('hello\n')
    expect(String((await once(client, 'data'))[0])).toBe('olleh\n')
    expect(client.remotePort).toBe(Number(port))
    client.end()
    await once(client, 'close')
  })

  test('a server of node:tls is understood, and its end is an end', async () => {
    await using listener = (await listen(`memory:secure-node-${process.pid}`)) as Listener<StreamEndpoint>
    const server = tls.createServer({ cert: ca, key }, (socket) => socket.end('bye'))
    listener.on('connection', (endpoint: StreamEndpoint) => server.emit('connection', endpoint))
    const client = secure((await connect(listener.address as Address)) as StreamEndpoint, { ca, servername })
    let text = ''
    for await (const chunk of client) text += chunk
    expect(text).toBe('bye')
  })
})
