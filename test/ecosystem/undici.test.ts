import { createHash } from 'node:crypto'
import http from 'node:http'
import type { Socket } from 'node:net'
import { Agent, fetch, request } from 'undici'
import { describe, expect } from 'vitest'
import {
  type Address,
  createConnection,
  type Listener,
  type OpenOptions,
  type StreamEndpoint,
} from '../../src/index.ts'
import { type Digest, MiB, randomChunks, receiveAll, sendRandom } from '../support/bytes.ts'
import { given } from '../support/need.ts'
import { places } from '../support/places.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { feed } from '../support/web.ts'

const origin = 'http://polysocket.test'
const total = 4 * MiB
/** More than TCP's buffers hold at both ends (tcp_wmem, tcp_rmem). */
const huge = 64 * MiB

/** undici asks for a socket, and gets it when it is connected. */
function connector(address: Address, options: OpenOptions): Agent {
  return new Agent({
    connections: 4,
    connect: (_, callback) => {
      const socket = createConnection(address, options) as unknown as Socket
      socket.once('connect', () => callback(null, socket)).once('error', (error) => callback(error, null))
    },
  })
}

function digestServer(): http.Server {
  return http.createServer(async (incoming, response) => {
    if (incoming.method === 'PUT') response.end(JSON.stringify(await receiveAll(incoming)))
    else if (incoming.url === '/big') await sendRandom(response, total)
    else if (incoming.url === '/huge') await sendRandom(response, huge)
    else response.end(`answer to ${incoming.url}`)
  })
}

interface Site extends AsyncDisposable {
  readonly dispatcher: Agent
  readonly listener: Listener<StreamEndpoint>
  /** Answers whose connection was closed before their end. */
  readonly cut: number
}

async function open(address: Address | string, options: OpenOptions): Promise<Site> {
  const server = digestServer()
  let cut = 0
  server.on('request', (_, response) => response.on('close', () => (cut += response.writableFinished ? 0 : 1)))
  const listener = await feed(server, address, options)
  const dispatcher = connector(listener.address, options)
  return {
    dispatcher,
    listener,
    get cut() {
      return cut
    },
    [Symbol.asyncDispose]: async () => {
      await dispatcher.destroy()
      await listener.close()
      server.closeAllConnections()
    },
  }
}

describe.each(places)('undici: $title', ({ address, options, need }) => {
  const test = given(need)

  test('100 requests at once over 4 connections', async () => {
    await using directory = await temporaryDirectory()
    await using site = await open(address(directory), options)
    const { dispatcher, listener } = site
    const answers = Array.from({ length: 100 }, async (_, at) => {
      const { statusCode, body } = await request(`${origin}/${at}`, { dispatcher })
      return `${statusCode} ${await body.text()}`
    })
    expect(await Promise.all(answers)).toEqual(answers.map((_, at) => `200 answer to /${at}`))
    expect(listener.connections).toBe(4)
    await dispatcher.close()
    expect(await eventually(() => listener.connections === 0)).toBe(true)
  })

  test('fetch: 4 MiB up, and down', async () => {
    await using directory = await temporaryDirectory()
    await using site = await open(address(directory), options)
    const { dispatcher } = site
    const hash = createHash('sha256')
    const chunks = [...randomChunks(total)]
    for (const chunk of chunks) hash.update(chunk)
    const up = await fetch(origin, { method: 'PUT', body: ReadableStream.from(chunks), duplex: 'half', dispatcher })
    expect((await up.json()) as Digest).toEqual({ bytes: total, sha256: hash.digest('hex') })
    const down = await fetch(`${origin}/big`, { dispatcher })
    expect((await down.arrayBuffer()).byteLength).toBe(total)
  })

  test('an abort in the middle of an answer closes its connection, and the next request gets another', async () => {
    await using directory = await temporaryDirectory()
    await using site = await open(address(directory), options)
    const { dispatcher } = site
    const controller = new AbortController()
    const { body } = await request(`${origin}/huge`, { dispatcher, signal: controller.signal })
    controller.abort()
    await expect(body.text()).rejects.toMatchObject({ name: 'AbortError' })
    expect(await eventually(() => site.cut === 1)).toBe(true)
    const { body: next } = await request(`${origin}/next`, { dispatcher })
    expect(await next.text()).toBe('answer to /next')
  })
})

describe.each(places)('node:http: $title', ({ address, options, need }) => {
  given(need)('100 keep-alive requests over 4 connections, by createConnection', async () => {
    await using directory = await temporaryDirectory()
    const server = digestServer()
    await using listener = await feed(server, address(directory), options)
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
    agent.createConnection = () => createConnection(listener.address, options)
    const answers = Array.from({ length: 100 }, async (_, at) => {
      const response = await new Promise<http.IncomingMessage>((resolve, reject) =>
        http.get({ agent, path: `/${at}`, host: 'polysocket.test' }, resolve).on('error', reject),
      )
      return String(Buffer.concat(await response.toArray()))
    })
    expect(await Promise.all(answers)).toEqual(answers.map((_, at) => `answer to /${at}`))
    expect(listener.connections).toBe(4)
    agent.destroy()
    expect(await eventually(() => listener.connections === 0)).toBe(true)
  })
})
