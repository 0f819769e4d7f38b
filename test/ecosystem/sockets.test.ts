import { once } from 'node:events'
import tls from 'node:tls'
import { describe, expect } from 'vitest'
import { connect, createConnection, type Listener, listen, type StreamEndpoint } from '../../src/index.ts'
import { errorOf } from '../support/errors.ts'
import { given } from '../support/need.ts'
import { places } from '../support/places.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { identity } from '../support/web.ts'

describe.each(places)('what libraries do with a net.Socket: $title', ({ address, options, need }) => {
  const test = given(need)

  test("connect() on one that is connecting, open, destroyed: 'connect' comes, and nothing else happens", async () => {
    await using directory = await temporaryDirectory()
    await using listener = (await listen(address(directory), options)) as Listener<StreamEndpoint>
    const events: string[] = []
    const endpoint = createConnection(listener.address, options)
    endpoint.on('connect', () => events.push('connect')).on('ready', () => events.push('ready'))
    expect(endpoint.connect(5432, 'elsewhere.test')).toBe(endpoint)
    const accepted = await listener.accept({ timeout: 5000 })
    if (endpoint.connecting) await once(endpoint, 'ready')
    expect(events).toEqual(['connect', 'ready'])
    const again = once(endpoint, 'connect')
    endpoint.connect({ path: '/elsewhere' })
    expect(events).toEqual(['connect', 'ready'])
    await again
    endpoint.write('to the same peer')
    expect(String((await once(accepted, 'data'))[0])).toBe('to the same peer')
    endpoint.destroy()
    expect(errorOf(() => endpoint.connect()).code).toBe('ERR_SOCKET_CLOSED')
    accepted.destroy()
  })

  test("'close' comes after TLS has told why", async () => {
    await using directory = await temporaryDirectory()
    await using listener = (await listen(address(directory), options)) as Listener<StreamEndpoint>
    const server = tls.createServer(identity('server')).on('tlsClientError', () => undefined)
    listener.on('connection', (endpoint) => server.emit('connection', endpoint))
    const socket = (await connect(listener.address, options)) as StreamEndpoint
    const events: string[] = []
    socket.on('close', () => events.push('close'))
    const client = tls.connect({ socket, servername: 'polysocket.test', ca: identity('stranger').cert })
    client.on('error', ({ code }: NodeJS.ErrnoException) => events.push(String(code)))
    await once(socket, 'close')
    expect(events).toEqual(['DEPTH_ZERO_SELF_SIGNED_CERT', 'close'])
  })
})
