import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect } from 'vitest'
import { createConnection, type EngineName, type StreamEndpoint } from '../../src/index.ts'
import { type Digest, MiB, randomChunks } from '../support/bytes.ts'
import { given, python, scheme } from '../support/need.ts'
import { fromPeer, type PeerAddress, startPython } from '../support/python.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const total = 16 * MiB

for (const engine of ['kernel', 'node'] as const) {
  describe(`web streams with peers of another kind, ${engine} engine`, () => {
    for (const name of ['tcp', 'unix'] as const) {
      given(scheme(name, engine), python)(
        `Python over ${name}: 16 MiB there, 16 MiB back, half closed between`,
        async () => {
          await using directory = await temporaryDirectory()
          const address =
            name === 'tcp'
              ? { scheme: name, host: '127.0.0.1', port: 0 }
              : { scheme: name, path: directory.file('socket') }
          await using peer = startPython('stream.py', { role: 'listen', mode: 'receive-send', bytes: total, address })
          const { address: bound } = await peer.report<{ address: PeerAddress }>()
          const web = createConnection(fromPeer(bound), { engine, allowHalfOpen: true }).web()
          const sent = await send(web.writable)
          const received = await receive(web.readable)
          expect(await peer.report()).toMatchObject({ received: sent, sent: received })
          expect([sent.bytes, received.bytes]).toEqual([total, total])
          await web.closed
        },
      )
    }

    given(scheme('tcp', engine))('an HTTP server, read by Response', async () => {
      const text = 'Grüße '.repeat(10_000)
      const server = createServer((_request, response) => response.end(text)).listen(0, '127.0.0.1')
      const { port } = await new Promise<AddressInfo>((resolve) =>
        server.once('listening', () => resolve(server.address() as AddressInfo)),
      )
      const web = connection(port, engine).web()
      const writer = web.writable.getWriter()
      await writer.write(`GET / HTTP/1.0\r\nHost: localhost\r\n\r\n`)
      const answer = await new Response(web.readable).text()
      expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
      expect(answer.endsWith(text)).toBe(true)
      await web.closed
      server.close()
    })
  })
}

function connection(port: number, engine: EngineName): StreamEndpoint {
  return createConnection(`tcp://127.0.0.1:${port}`, { engine })
}

async function send(writable: WritableStream): Promise<Digest> {
  const hash = createHash('sha256')
  const writer = writable.getWriter()
  for (const chunk of randomChunks(total)) {
    hash.update(chunk)
    await writer.ready
    void writer.write(chunk)
  }
  await writer.close()
  return { bytes: total, sha256: hash.digest('hex') }
}

async function receive(readable: ReadableStream<Uint8Array>): Promise<Digest> {
  const hash = createHash('sha256')
  const reader = readable.getReader({ mode: 'byob' })
  let bytes = 0
  let buffer = new ArrayBuffer(100_000)
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(buffer))
    if (done) return { bytes, sha256: hash.digest('hex') }
    bytes += value.length
    hash.update(value)
    buffer = value.buffer as ArrayBuffer
  }
}
