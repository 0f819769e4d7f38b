import { once } from 'node:events'
import http from 'node:http'
import net from 'node:net'
import { describe, expect, test } from 'vitest'
import { connect, createConnection, type Listener, listen, SocketError, type StreamEndpoint } from '../../src/index.ts'
import { eventually } from '../support/resources.ts'

type StreamListener = Listener<StreamEndpoint>

/** An http.Server behind a listener of ours, as the README shows it. */
async function served(server: http.Server, address = 'tcp://127.0.0.1:0'): Promise<StreamListener> {
  const listener = (await listen(address)) as StreamListener
  listener.on('connection', (socket) => server.emit('connection', socket))
  server.emit('listening')
  return listener
}

function portOf({ address }: StreamListener): number {
  if (address.scheme === 'tcp') return address.port
  throw new Error('no port')
}

/** The status, or the error. */
function get(options: http.RequestOptions): Promise<unknown> {
  return new Promise((resolve) => {
    http
      .get({ path: '/', ...options }, (response) => {
        response.resume()
        response.once('end', () => resolve(response.statusCode))
      })
      .once('error', resolve)
  })
}

test('createConnection is an option of a request and a method of an agent; as an option of an agent Node ignores it', async () => {
  await using listener = await served(
    http.createServer((_, response) => response.end('hello')),
    'memory:readme-agent',
  )
  const open = (): StreamEndpoint => createConnection('memory:readme-agent') as StreamEndpoint
  expect(await get({ createConnection: open })).toBe(200)
  const agent = new http.Agent()
  Object.assign(agent, { createConnection: open })
  expect(await get({ agent })).toBe(200)
  const before = listener.stats().accepted
  const ignoring = new http.Agent({ createConnection: open } as http.AgentOptions)
  await get({ agent: ignoring, port: 1 })
  expect(listener.stats().accepted).toBe(before)
})

describe("server.emit('listening') behind a listener of ours", () => {
  test('ends slow clients in time', async () => {
    const times = { headersTimeout: 200, requestTimeout: 300, connectionsCheckingInterval: 50 }
    const server = http.createServer(times, (_, response) => response.end('hello'))
    await using listener = await served(server)
    let closed = 0
    const clients = Array.from({ length: 20 }, () => {
      const client = net.connect(portOf(listener), '127.0.0.1', () => client.write('GET / HTTP/1.1\r\nHost: x\r\nX-'))
      client.on('error', () => undefined)
      client.on('close', () => closed++)
      return client.resume()
    })
    expect(await eventually(() => closed === clients.length)).toBe(true)
    server.close()
  })

  test('lets closeAllConnections close them', async () => {
    const server = http.createServer()
    await using listener = await served(server)
    const client = net.connect(portOf(listener), '127.0.0.1')
    client.on('error', () => undefined)
    await once(client, 'connect')
    client.write('GET / HTTP/1.1\r\n')
    expect(await eventually(() => listener.stats().connections === 1)).toBe(true)
    const closed = once(client, 'close')
    await new Promise((resolve) => setTimeout(resolve, 50))
    server.closeAllConnections()
    client.resume()
    await closed
    server.close()
  })
})

test('misuse of a stream is Node’s own error, with the code that a net.Socket has', async () => {
  await using listener = (await listen('tcp://127.0.0.1:0')) as StreamListener
  const errors: unknown[] = []
  const pair = async (): Promise<(StreamEndpoint | net.Socket)[]> => {
    const ours = (await connect(`tcp://127.0.0.1:${portOf(listener)}`)) as StreamEndpoint
    const nodes = net.connect(portOf(listener), '127.0.0.1')
    await once(nodes, 'connect')
    return [ours, nodes]
  }
  for (const socket of await pair()) {
    socket.on('error', () => undefined)
    socket.end()
    socket.write('late', (error) => errors.push(error))
  }
  for (const socket of await pair()) {
    socket.destroy()
    socket.write('late', (error) => errors.push(error))
  }
  expect(await eventually(() => errors.length === 4)).toBe(true)
  expect(errors.map((error) => (error as NodeJS.ErrnoException).code).sort()).toEqual([
    'ERR_STREAM_DESTROYED',
    'ERR_STREAM_DESTROYED',
    'ERR_STREAM_WRITE_AFTER_END',
    'ERR_STREAM_WRITE_AFTER_END',
  ])
  for (const error of errors) expect(error).not.toBeInstanceOf(SocketError)
})
