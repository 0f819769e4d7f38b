import { createHash } from 'node:crypto'
import { once } from 'node:events'
import https from 'node:https'
import tls from 'node:tls'
import { describe, expect } from 'vitest'
import { connect, type EngineName, type Listener, listen, type StreamEndpoint } from '../../src/index.ts'
import { MiB, randomChunks, receiveAll, receiveText, sendRandom } from '../support/bytes.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { identity, OurAgent, request } from '../support/web.ts'

const servername = 'polysocket.test'
const total = 10 * MiB

interface Secured extends AsyncDisposable {
  readonly server: tls.Server
  /** A TLS client over an endpoint of ours. */
  dial(options: tls.ConnectionOptions): Promise<tls.TLSSocket>
}

async function secure(name: 'tcp' | 'unix', engine: EngineName, allowHalfOpen = false): Promise<Secured> {
  const directory = await temporaryDirectory()
  const address = name === 'unix' ? `unix:${directory.file('socket')}` : 'tcp://127.0.0.1:0'
  const listener = (await listen(address, { engine, allowHalfOpen })) as Listener<StreamEndpoint>
  const server = tls.createServer(identity('server'))
  listener.on('connection', (endpoint: StreamEndpoint) => server.emit('connection', endpoint))
  return {
    server,
    dial: async (options) => {
      const socket = (await connect(listener.address, { engine, allowHalfOpen })) as StreamEndpoint
      return tls.connect({ socket, servername, ...options })
    },
    [Symbol.asyncDispose]: async () => {
      await listener.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

const cases = (['tcp', 'unix'] as const).flatMap((name) =>
  (['kernel', 'node'] as const).map((engine) => ({ name, engine })),
)

describe.each(cases)('tls over $name, $engine engine', ({ name, engine }) => {
  const test = given(scheme(name, engine))
  const ca = identity('server').cert

  test('10 MiB there and back', async () => {
    await using secured = await secure(name, engine)
    secured.server.on('secureConnection', (socket) => socket.pipe(socket))
    const client = await secured.dial({ ca })
    await once(client, 'secureConnect')
    expect(client.authorized).toBe(true)
    expect(client.getProtocol()).toBe('TLSv1.3')
    const echoed = createHash('sha256')
    let bytes = 0
    const whole = new Promise<void>((resolve) => {
      client.on('data', (chunk: Buffer) => {
        echoed.update(chunk)
        bytes += chunk.length
        if (bytes >= total) resolve()
      })
    })
    const sent = createHash('sha256')
    for (const chunk of randomChunks(total)) {
      sent.update(chunk)
      if (!client.write(chunk)) await once(client, 'drain')
    }
    await whole
    client.end()
    await once(client, 'close')
    expect({ bytes, sha256: echoed.digest('hex') }).toEqual({ bytes: total, sha256: sent.digest('hex') })
  }, 30_000)

  // tls writes and ends through the endpoint. One that is not half-open ends with its peer, while tls may hold data yet.
  test('10 MiB there and back, the client ending first: for half-open endpoints', async () => {
    await using secured = await secure(name, engine, true)
    secured.server.on('secureConnection', (socket) => socket.pipe(socket))
    const client = await secured.dial({ ca })
    const [sent, received] = await Promise.all([sendRandom(client, total), receiveAll(client)])
    expect(received).toEqual(sent)
  }, 30_000)

  test('the end of one direction reaches the other side after all data', async () => {
    await using secured = await secure(name, engine)
    const text = once(secured.server, 'secureConnection').then(([socket]) => receiveText(socket))
    const client = await secured.dial({ ca })
    client.end('the last word')
    expect(await text).toBe('the last word')
    client.destroy()
  })

  test('a certificate that nobody vouches for is rejected', async () => {
    await using secured = await secure(name, engine)
    secured.server.on('tlsClientError', () => undefined)
    const client = await secured.dial({ ca: identity('stranger').cert })
    const [error] = await once(client, 'error')
    expect(error.code).toMatch(/^(DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF_SIGNATURE)$/)
    expect(client.destroyed).toBe(true)
  })

  test('a certificate for another name is rejected', async () => {
    await using secured = await secure(name, engine)
    const client = await secured.dial({ ca, servername: 'elsewhere.test' })
    const [error] = await once(client, 'error')
    expect(error.code).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })

  test('https: a server fed from our listener, a client on our endpoints', async () => {
    await using directory = await temporaryDirectory()
    const address = name === 'unix' ? `unix:${directory.file('socket')}` : 'tcp://127.0.0.1:0'
    await using listener = (await listen(address, { engine })) as Listener<StreamEndpoint>
    const server = https.createServer(identity('server'), (incoming, response) =>
      response.end(`secret ${incoming.url}`),
    )
    listener.on('connection', (endpoint: StreamEndpoint) => server.emit('connection', endpoint))
    const agent = new OurAgent(listener.address, engine, 2)
    const secured = new https.Agent()
    secured.createConnection = () => tls.connect({ socket: agent.createConnection(), servername, ca })
    for (const path of ['/one', '/two']) {
      const response = await request({ agent: secured, protocol: 'https:', path, host: servername }, (made) =>
        made.end(),
      )
      expect(await receiveText(response)).toBe(`secret ${path}`)
    }
    secured.destroy()
  })
})
