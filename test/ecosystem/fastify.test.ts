import http from 'node:http'
import fastify, { type FastifyInstance } from 'fastify'
import { describe, expect } from 'vitest'
import { createConnection, type Listener, type StreamEndpoint } from '../../src/index.ts'
import { Child } from '../support/child.ts'
import { curl, given } from '../support/need.ts'
import { type Place, places } from '../support/places.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { feed } from '../support/web.ts'

interface Note {
  readonly id: number
  readonly text: string
}

/** An application as its users write them; only that it does not listen by itself. */
function application(): FastifyInstance {
  const notes = new Map<number, Note>()
  const app = fastify({ forceCloseConnections: true })
  const body = { type: 'object', required: ['text'], properties: { text: { type: 'string' } } }
  app.post<{ Body: { text: string } }>('/notes', { schema: { body } }, async ({ body: { text } }, reply) => {
    const note = { id: notes.size, text }
    notes.set(note.id, note)
    return reply.code(201).send(note)
  })
  app.get<{ Params: { id: string } }>('/notes/:id', async ({ params }, reply) => {
    return notes.get(Number(params.id)) ?? reply.code(404).send({ error: 'no such note' })
  })
  app.get('/lines', async (_, reply) => {
    const lines = new ReadableStream<string>({
      start(controller) {
        for (let at = 0; at < 2_000; at++) controller.enqueue(`line ${at}\n`)
        controller.close()
      },
    })
    return reply.type('text/plain').send(lines.pipeThrough(new TextEncoderStream()))
  })
  return app
}

interface Site extends AsyncDisposable {
  readonly listener: Listener<StreamEndpoint>
  ask(method: string, path: string, body?: unknown): Promise<{ status: number | undefined; text: string }>
}

async function serve({ address, options }: Place): Promise<Site> {
  const directory = await temporaryDirectory()
  const app = application()
  await app.ready()
  const listener = await feed(app.server, address(directory), options)
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
  agent.createConnection = () => createConnection(listener.address, options)
  return {
    listener,
    ask: (method, path, body) =>
      new Promise((resolve, reject) => {
        const headers = { 'content-type': 'application/json' }
        const request = http.request({
          agent,
          method,
          path,
          host: 'polysocket.test',
          ...(body !== undefined && { headers }),
        })
        request.on('error', reject).on('response', async (response) => {
          resolve({ status: response.statusCode, text: String(Buffer.concat(await response.toArray())) })
        })
        request.end(body === undefined ? undefined : JSON.stringify(body))
      }),
    [Symbol.asyncDispose]: async () => {
      agent.destroy()
      await listener.close()
      await app.close()
      expect(await eventually(() => listener.connections === 0)).toBe(true)
      await directory[Symbol.asyncDispose]()
    },
  }
}

const some = places.filter(({ title }) => /^(tcp|unix, a path)/.test(title))

describe.each(some)('a Fastify application: $title', (place) => {
  const test = given(place.need)

  test('100 notes are made and read, and what is wrong is said so', async () => {
    await using site = await serve(place)
    const text = 'żółw 🐢'
    const made = await Promise.all(Array.from({ length: 100 }, () => site.ask('POST', '/notes', { text })))
    expect(made.map(({ status }) => status)).toEqual(made.map(() => 201))
    for (const { text: sent } of made.slice(0, 20)) {
      const read = await site.ask('GET', `/notes/${JSON.parse(sent).id}`)
      expect(read).toEqual({ status: 200, text: sent })
    }
    expect((await site.ask('GET', '/notes/1000')).status).toBe(404)
    expect((await site.ask('POST', '/notes', { words: text })).status).toBe(400)
    expect(site.listener.connections).toBe(4)
  })

  test('a streamed answer arrives whole', async () => {
    await using site = await serve(place)
    const { text } = await site.ask('GET', '/lines')
    expect(text).toBe(Array.from({ length: 2_000 }, (_, at) => `line ${at}\n`).join(''))
  })
})

for (const place of places.filter(({ title }) => title.startsWith('unix, a path'))) {
  given(curl, place.need)(`curl asks a Fastify application: ${place.title}`, async () => {
    await using site = await serve(place)
    const { path } = site.listener.address as { path: string }
    await using child = new Child('curl', [
      '-sS',
      '--unix-socket',
      path,
      '--json',
      '{"text":"hello"}',
      'http://x.test/notes',
    ])
    expect(await child.exited).toMatchObject({ code: 0, stdout: '{"id":0,"text":"hello"}' })
  })
}
