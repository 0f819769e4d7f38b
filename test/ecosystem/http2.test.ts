import { createHash } from 'node:crypto'
import { once } from 'node:events'
import http2 from 'node:http2'
import tls from 'node:tls'
import { describe, expect } from 'vitest'
import { createConnection, type OpenOptions } from '../../src/index.ts'
import { type Digest, MiB, randomChunks, receiveAll, receiveText, sendRandom } from '../support/bytes.ts'
import { given } from '../support/need.ts'
import { type Place, places } from '../support/places.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { feed, identity } from '../support/web.ts'

interface Conversation extends AsyncDisposable {
  readonly session: http2.ClientHttp2Session
  get(path: string): http2.ClientHttp2Stream
}

/** A session over an endpoint of ours, with a server that echoes what is put and answers what is asked for. */
async function converse({ address, options }: Place): Promise<Conversation> {
  const directory = await temporaryDirectory()
  const server = http2.createServer()
  server.on('stream', (stream, headers) => {
    // A peer that cancels its stream is no failure here.
    stream.on('error', () => undefined)
    stream.respond({ ':status': 200 })
    if (headers[':method'] === 'PUT') stream.pipe(stream)
    else if (headers[':path'] === '/endless') void sendRandom(stream, 1024 * MiB).catch(() => undefined)
    else stream.end(`answer to ${headers[':path']}`)
  })
  const listener = await feed(server, address(directory), options)
  const made: OpenOptions = { ...options, allowHalfOpen: true }
  const session = http2.connect('http://polysocket.test', {
    createConnection: () => createConnection(listener.address, made),
  })
  return {
    session,
    get: (path) => session.request({ ':path': path }),
    [Symbol.asyncDispose]: async () => {
      const closed = once(session, 'close')
      session.close()
      await closed
      expect(await eventually(() => listener.connections === 0)).toBe(true)
      await listener.close()
      await directory[Symbol.asyncDispose]()
    },
  }
}

const some = places.filter(({ title }) => /^unix|^memory/.test(title))

describe.each(some)('http2: $title', (place) => {
  const test = given(place.need)

  test('500 streams at once on one connection', async () => {
    await using conversation = await converse(place)
    const answers = Array.from({ length: 500 }, (_, at) => receiveText(conversation.get(`/${at}`)))
    expect(await Promise.all(answers)).toEqual(answers.map((_, at) => `answer to /${at}`))
  })

  test('8 bodies of 256 KiB each way at once, and one of 2 MiB', async () => {
    await using conversation = await converse(place)
    const echo = async (bytes: number): Promise<void> => {
      const stream = conversation.session.request({ ':method': 'PUT' })
      const [sent, received] = await Promise.all<Digest>([sendRandom(stream, bytes), receiveAll(stream)])
      expect(received).toEqual(sent)
    }
    await Promise.all(Array.from({ length: 8 }, () => echo(MiB / 4)))
    await echo(2 * MiB)
  })

  test('a stream that nobody reads is held up by its window, and holds up no other', async () => {
    await using conversation = await converse(place)
    const unread = conversation.get('/endless')
    await once(unread, 'response')
    for (let at = 0; at < 20; at++) expect(await receiveText(conversation.get(`/${at}`))).toBe(`answer to /${at}`)
    expect(unread.readableLength).toBeLessThan(MiB)
    unread.close(http2.constants.NGHTTP2_CANCEL)
    await once(unread, 'close')
  })

  test('secure: TLS with ALPN below it', async () => {
    await using directory = await temporaryDirectory()
    const server = http2.createSecureServer({ ...identity('server') }, (request, response) => request.pipe(response))
    await using listener = await feed(server, place.address(directory), { ...place.options, allowHalfOpen: true })
    const session = http2.connect('https://polysocket.test', {
      createConnection: () =>
        tls.connect({
          socket: createConnection(listener.address, { ...place.options, allowHalfOpen: true }),
          servername: 'polysocket.test',
          ALPNProtocols: ['h2'],
          ca: identity('server').cert,
        }),
    })
    const stream = session.request({ ':method': 'PUT' })
    const hash = createHash('sha256')
    for (const chunk of randomChunks(MiB)) {
      hash.update(chunk)
      stream.write(chunk)
    }
    stream.end()
    expect(await receiveAll(stream)).toEqual({ bytes: MiB, sha256: hash.digest('hex') })
    expect(session.alpnProtocol).toBe('h2')
    const closed = once(session, 'close')
    session.close()
    await closed
  })
})
