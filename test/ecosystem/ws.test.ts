import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type net from 'node:net'
import { describe, expect } from 'vitest'
import { type ClientOptions, WebSocket, WebSocketServer } from 'ws'
import { createConnection } from '../../src/index.ts'
import { MiB } from '../support/bytes.ts'
import { given } from '../support/need.ts'
import { type Place, places } from '../support/places.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { feed } from '../support/web.ts'

const some = places.filter(({ title }) => /^unix|^memory/.test(title))

interface Meeting extends AsyncDisposable {
  readonly client: WebSocket
  /** The server's side, which echoes. */
  readonly server: WebSocket
}

/** A client and a server that talk over an endpoint of ours; `deflate` compresses every message. */
async function meet({ address, options }: Place, deflate = false): Promise<Meeting> {
  const directory = await temporaryDirectory()
  const web = http.createServer()
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: deflate && { threshold: 0 } })
  web.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (made) => sockets.emit('connection', made, request)),
  )
  const listener = await feed(web, address(directory), options)
  const dial: ClientOptions = {
    perMessageDeflate: deflate,
    createConnection: (() => createConnection(listener.address, options)) as unknown as typeof net.createConnection,
  }
  const accepted = once(sockets, 'connection')
  const client = new WebSocket('ws://polysocket.test/', dial)
  await once(client, 'open')
  const [server] = (await accepted) as [WebSocket]
  server.on('message', (data, isBinary) => server.send(data, { binary: isBinary }))
  return {
    client,
    server,
    [Symbol.asyncDispose]: async () => {
      client.terminate()
      expect(await eventually(() => listener.connections === 0)).toBe(true)
      await listener.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

describe.each(some)('ws: $title', (place) => {
  const test = given(place.need)

  for (const deflate of [false, true]) {
    test(`300 texts and binaries at once are echoed in order${deflate ? ', compressed' : ''}`, async () => {
      await using meeting = await meet(place, deflate)
      const { client } = meeting
      expect(client.extensions).toBe(deflate ? 'permessage-deflate' : '')
      const sent = Array.from({ length: 1000 }, (_, at) =>
        at % 2 === 0 ? `żółw ${at} 🐢` : Buffer.from(`bytes ${at}`),
      )
      const received: (string | Buffer)[] = []
      client.on('message', (data: Buffer, isBinary) => received.push(isBinary ? data : String(data)))
      for (const data of sent) client.send(data)
      expect(await eventually(() => received.length >= sent.length, 10_000)).toBe(true)
      expect(received).toEqual(sent)
    })

    test(`a message of 2 MiB, and an empty one${deflate ? ', compressed' : ''}`, async () => {
      await using meeting = await meet(place, deflate)
      const { client } = meeting
      for (const data of [randomBytes(2 * MiB), Buffer.alloc(0)]) {
        client.send(data)
        const [echo] = (await once(client, 'message')) as [Buffer]
        expect(data.equals(echo)).toBe(true)
      }
    })
  }

  test('pings are answered from both sides', async () => {
    await using meeting = await meet(place)
    const { client, server } = meeting
    for (const [from, text] of [
      [client, 'from the client'],
      [server, 'from the server'],
    ] as const) {
      const pong = once(from, 'pong')
      from.ping(text)
      expect(String((await pong)[0])).toBe(text)
    }
  })

  test('a close tells its code and reason to the other side, and the connection ends', async () => {
    await using meeting = await meet(place)
    const { client, server } = meeting
    const closes = Promise.all([once(client, 'close'), once(server, 'close')])
    server.close(4001, 'go away 🐢')
    for (const [code, reason] of await closes) expect([code, String(reason)]).toEqual([4001, 'go away 🐢'])
  })

  test('a client that breaks off without a close is 1006', async () => {
    await using meeting = await meet(place)
    const closed = once(meeting.server, 'close')
    meeting.client.terminate()
    expect((await closed)[0]).toBe(1006)
  })
})
