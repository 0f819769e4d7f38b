import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect } from 'vitest'
import type { EngineName } from '../../src/index.ts'
import { MiB, randomChunks, receiveAll, receiveText, sendRandom } from '../support/bytes.ts'
import { Child } from '../support/child.ts'
import { curl, given, python, scheme } from '../support/need.ts'
import { startPython } from '../support/python.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { OurAgent, request, serveHttp } from '../support/web.ts'

const body = 100 * MiB

describe.each<EngineName>(['kernel', 'node'])('http over our endpoints, %s engine', (engine) => {
  const withUnix = given(scheme('unix', engine))

  withUnix(
    '10,000 keep-alive requests over 8 connections',
    async () => {
      await using directory = await temporaryDirectory()
      await using site = await serveHttp(`unix:${directory.file('socket')}`, engine, (incoming, response) => {
        response.end(`answer to ${incoming.url}`)
      })
      const agent = new OurAgent(site.address, engine, 8)
      let next = 0
      const work = async (): Promise<void> => {
        while (next < 10_000) {
          const path = `/${next++}`
          const response = await request({ agent, path, host: 'polysocket.test' }, (made) => made.end())
          expect(response.statusCode).toBe(200)
          expect(await receiveText(response)).toBe(`answer to ${path}`)
        }
      }
      await Promise.all(Array.from({ length: 8 }, work))
      expect(next).toBeGreaterThanOrEqual(10_000)
      expect(site.connections).toBe(8)
      agent.destroy()
    },
    60_000,
  )

  given(python, scheme('unix', engine))(
    '1,000 requests of http.client on one connection',
    async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('socket')
      await using site = await serveHttp(`unix:${path}`, engine, (incoming, response) => {
        incoming.pipe(response)
      })
      await using peer = startPython('http_client.py', { path, requests: 1000 })
      expect(await peer.report()).toEqual({ answered: 1000 })
      expect(site.connections).toBe(1)
    },
    30_000,
  )

  given(curl, scheme('unix', engine))(
    'curl reuses its connection, chunked answers included',
    async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('socket')
      await using site = await serveHttp(`unix:${path}`, engine, (incoming, response) => {
        response.write('answer to ')
        response.end(`${incoming.url}\n`)
      })
      await using child = new Child('curl', ['-sS', '--unix-socket', path, 'http://polysocket.test/[1-200]'])
      const { code, stdout, stderr } = await child.exited
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toBe(Array.from({ length: 200 }, (_, at) => `answer to /${at + 1}\n`).join(''))
      expect(site.connections).toBe(1)
    },
    30_000,
  )

  for (const name of ['unix', 'tcp'] as const) {
    given(scheme(name, engine))(
      `a body of 100 MiB up, and one down: ${name}`,
      async () => {
        await using directory = await temporaryDirectory()
        const address = name === 'unix' ? `unix:${directory.file('socket')}` : 'tcp://127.0.0.1:0'
        await using site = await serveHttp(address, engine, async (incoming, response) => {
          if (incoming.method === 'PUT') response.end(JSON.stringify(await receiveAll(incoming)))
          else await answerWithDigest(response)
        })
        const agent = new OurAgent(site.address, engine, 1)

        let sent: unknown
        const up = await request({ agent, method: 'PUT', host: 'polysocket.test' }, async (made) => {
          sent = await sendRandom(made, body)
        })
        expect(JSON.parse(await receiveText(up))).toEqual(sent)

        const down = await request({ agent, host: 'polysocket.test' }, (made) => made.end())
        expect(await receiveAll(down)).toEqual({ bytes: body, sha256: down.trailers.digest })
        expect(site.connections).toBe(1)
        agent.destroy()
      },
      60_000,
    )
  }
})

/** The digest follows the body, as a trailer. */
async function answerWithDigest(response: ServerResponse): Promise<void> {
  const hash = createHash('sha256')
  response.setHeader('trailer', 'digest')
  for (const chunk of randomChunks(body)) {
    hash.update(chunk)
    if (!response.write(chunk)) await once(response, 'drain')
  }
  response.addTrailers({ digest: hash.digest('hex') })
  response.end()
}
