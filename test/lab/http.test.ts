import { once } from 'node:events'
import { createServer, Agent as HttpAgent, request as httpRequest, type RequestListener } from 'node:http'
import type { Socket } from 'node:net'
import { Agent, request } from 'undici'
import { expect, test } from 'vitest'
import { createConnection, type Listener, listen, type RfcommAddress, type StreamEndpoint } from '../../src/index.ts'
import { receiveText } from '../support/bytes.ts'
import { pairOfControllers } from './support.ts'

const { near, far } = pairOfControllers()
const requests = 20

/** A site on a free channel of the far adapter. */
async function site(answer: RequestListener): Promise<Listener<StreamEndpoint>> {
  const any: RfcommAddress = { family: 'bluetooth', scheme: 'rfcomm', bdaddr: far.address, channel: 0 }
  const listener = (await listen(any)) as Listener<StreamEndpoint>
  const server = createServer(answer)
  listener.on('connection', (socket) => server.emit('connection', socket))
  return listener
}

const echo: RequestListener = (incoming, response) => {
  response.setHeader('path', String(incoming.url))
  incoming.pipe(response)
}

const open = (listener: Listener<StreamEndpoint>): StreamEndpoint =>
  createConnection(listener.address, { local: `rfcomm://${near.address}/0` })

test('node:http over rfcomm: one connection, many requests', async () => {
  await using listener = await site(echo)
  const agent = new HttpAgent({ keepAlive: true, maxSockets: 1 })
  agent.createConnection = () => open(listener)
  for (let number = 0; number < requests; number++) {
    const made = httpRequest({ agent, method: 'PUT', path: `/${number}`, host: 'polysocket.test' })
    made.end('x'.repeat(number * 100))
    const [response] = await once(made, 'response')
    expect(response.headers.path).toBe(`/${number}`)
    expect((await receiveText(response)).length).toBe(number * 100)
  }
  expect(listener.stats()).toMatchObject({ accepted: 1, connections: 1 })
  agent.destroy()
})

test('undici over rfcomm', async () => {
  await using listener = await site(echo)
  const agent = new Agent({
    connections: 1,
    connect: (_options, done) => {
      const socket = open(listener)
      socket.once('connect', () => done(null, socket as unknown as Socket))
      socket.once('error', (error) => done(error, null))
    },
  })
  for (let number = 0; number < requests; number++) {
    const { headers, body } = await request(`http://polysocket.test/${number}`, {
      dispatcher: agent,
      method: 'PUT',
      body: `body ${number}`,
    })
    expect(headers.path).toBe(`/${number}`)
    expect(await body.text()).toBe(`body ${number}`)
  }
  await agent.destroy()
})
