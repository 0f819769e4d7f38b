import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { describe, expect, test } from 'vitest'
import { createConnection, listen, type StreamEndpoint, socketpair } from '../../src/index.ts'
import { KiB, MiB, randomChunks, readExactly, receiveText } from '../support/bytes.ts'
import { errorOf } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { kinds } from './joined.ts'

const total = 16 * MiB
noDescriptorsLeft()

/** The random bytes as a web stream, and what their hash will be. */
function source(): { stream: ReadableStream<Uint8Array>; digest: string } {
  const hash = createHash('sha256')
  for (const chunk of randomChunks(total)) hash.update(chunk)
  const chunks = randomChunks(total)
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const { value, done } = chunks.next()
      if (done) controller.close()
      else controller.enqueue(new Uint8Array(value))
    },
  })
  return { stream, digest: hash.digest('hex') }
}

async function digest(stream: ReadableStream<Uint8Array>): Promise<{ bytes: number; digest: string }> {
  const hash = createHash('sha256')
  let bytes = 0
  await stream.pipeTo(
    new WritableStream({
      write(chunk) {
        bytes += chunk.length
        hash.update(chunk)
      },
    }),
  )
  return { bytes, digest: hash.digest('hex') }
}

const text = async (stream: ReadableStream<Uint8Array>): Promise<string> => {
  let all = ''
  const decoder = new TextDecoder()
  for await (const chunk of stream) all += decoder.decode(chunk, { stream: true })
  return all
}

for (const { title, need, join } of kinds) {
  const it = given(need)

  describe(`web streams, ${title}`, () => {
    for (const allowHalfOpen of [false, true]) {
      it(`echo 16 MiB by pipeTo, allowHalfOpen ${allowHalfOpen}`, async () => {
        await using joined = await join({ allowHalfOpen })
        const server = joined.far.web()
        const client = joined.near.web()
        const echo = server.readable.pipeTo(server.writable)
        const sent = source()
        const [received] = await Promise.all([digest(client.readable), sent.stream.pipeTo(client.writable)])
        expect(received).toEqual({ bytes: total, digest: sent.digest })
        await echo
        await expect(Promise.all([client.closed, server.closed])).resolves.toEqual([undefined, undefined])
      })
    }

    it('go through CompressionStream and TextDecoderStream', async () => {
      await using joined = await join({ allowHalfOpen: true })
      const server = joined.far.web()
      const client = joined.near.web()
      const words = 'ein Wört '.repeat(20_000)
      const serving = server.readable.pipeThrough(new DecompressionStream('gzip')).pipeTo(server.writable)
      const sending = new Blob([words]).stream().pipeThrough(new CompressionStream('gzip')).pipeTo(client.writable)
      let answer = ''
      for await (const part of client.readable.pipeThrough(new TextDecoderStream())) {
        answer += part
      }
      await Promise.all([serving, sending])
      expect(answer).toBe(words)
      await Promise.all([client.closed, server.closed])
    })

    it('tell of both addresses, and are the same object at every call', async () => {
      await using joined = await join()
      const { near, far } = joined
      const web = near.web()
      expect(near.web()).toBe(web)
      expect(web).toMatchObject({ upgraded: false, secureTransport: 'off' })
      const info = await web.opened
      if (title.startsWith('tcp')) {
        const { remotePort, localPort } = near
        expect(info).toEqual({ remoteAddress: `127.0.0.1:${remotePort}`, localAddress: `127.0.0.1:${localPort}` })
        expect((await far.web().opened).remoteAddress).toBe(info.localAddress)
      } else expect(info.remoteAddress).toMatch(title.startsWith('unix') ? /^unix:\/.*socket$/ : /^memory:/)
      expect(errorOf(() => web.startTls())).toMatchObject({ name: 'SocketError', code: 'ERR_UNSUPPORTED' })
    })

    it('a BYOB reader gets the bytes into its own buffers, of every size', async () => {
      await using joined = await join()
      const sent = Buffer.concat([...randomChunks(3 * MiB)])
      joined.far.end(sent)
      await eventually(() => joined.near.readableLength > 65_536)
      const reader = joined.near.web().readable.getReader({ mode: 'byob' })
      const parts: Uint8Array[] = []
      const sizes = [1, 3, 1000, 4096, 65_536, 100_000, 300_000]
      for (let turn = 0; ; turn++) {
        const size = sizes[turn % sizes.length] as number
        const { value, done } = await reader.read(new Uint8Array(new ArrayBuffer(size + 8), 8))
        if (done) {
          expect(value).toHaveLength(0)
          break
        }
        expect(value.byteOffset).toBe(8)
        expect(value.buffer.byteLength).toBe(size + 8)
        parts.push(value)
      }
      expect(Buffer.concat(parts).equals(sent)).toBe(true)
      expect(joined.near.readableHighWaterMark).toBe(65_536)
    })

    it('a BYOB reader with min waits until there is as much', async () => {
      await using joined = await join()
      const { near, far } = joined
      const reader = near.web().readable.getReader({ mode: 'byob' })
      let settled = false
      const whole = reader.read(new Uint8Array(100_000), { min: 90_000 }).finally(() => {
        settled = true
      })
      far.write(Buffer.alloc(80_000, 1))
      await eventually(() => near.bytesRead === 80_000)
      expect(settled).toBe(false)
      far.write(Buffer.alloc(15_000, 2))
      const { value } = await whole
      expect(value?.length).toBeGreaterThanOrEqual(90_000)
      expect([value?.[79_999], value?.[80_000]]).toEqual([1, 2])
    })

    it('the end in the middle of a word fails readable with a TypeError, and the connection ends as ever', async () => {
      await using joined = await join()
      const web = joined.near.web()
      const reader = web.readable.getReader({ mode: 'byob' })
      const word = reader.read(new Uint32Array(4))
      joined.far.end(Buffer.from([1, 2, 3]))
      await expect(word).rejects.toThrow(TypeError)
      await web.closed
    })

    it('a reader that lets go while it waits loses nothing', async () => {
      await using joined = await join()
      const { near, far } = joined
      const { readable } = near.web()
      for (const mode of [undefined, 'byob'] as const) {
        const first = mode === undefined ? readable.getReader() : readable.getReader({ mode })
        const waiting = first.read(new Uint8Array(3) as never)
        first.releaseLock()
        await expect(waiting).rejects.toThrow(TypeError)
      }
      far.end('all of it')
      expect(await text(readable)).toBe('all of it')
    })

    it('tee gives both branches everything', async () => {
      await using joined = await join()
      const branches = joined.near.web().readable.tee()
      joined.far.end(Buffer.alloc(MiB, 'x'))
      const [one, two] = await Promise.all(branches.map(digest))
      expect(one).toEqual(two)
      expect(one?.bytes).toBe(MiB)
    })

    it('what is read is the reader’s own: transferring it harms nobody else', async () => {
      await using joined = await join()
      const { near, far } = joined
      const reader = near.web().readable.getReader()
      const parts: string[] = []
      for (const each of ['first', 'second', 'third'.repeat(20_000)]) {
        far.write(each)
        let part = ''
        while (part.length < each.length) {
          const { value } = (await reader.read()) as { value: Uint8Array<ArrayBuffer> }
          part += Buffer.from(structuredClone(value, { transfer: [value.buffer] })).toString()
          expect(value.byteLength).toBe(0)
        }
        parts.push(part)
      }
      expect(parts.map(({ length }) => length)).toEqual([5, 6, 100_000])
      expect(parts[2]).toBe('third'.repeat(20_000))
    })

    it('reading late holds up the peer, and writer.ready holds up the writer', async () => {
      await using joined = await join()
      const { near, far } = joined
      const reading = far.web()
      const writer = near.web().writable.getWriter()
      const chunk = new Uint8Array(64 * KiB)
      let taken = 0
      let waiting: Promise<unknown> = Promise.resolve()
      for (let step = 0; step < 1000; step++) {
        const isReady = await Promise.race([
          writer.ready.then(() => true),
          new Promise<boolean>((resolve) => setTimeout(resolve, 500, false)),
        ])
        if (!isReady) break
        waiting = writer.write(chunk).then(() => {
          taken += chunk.length
        })
      }
      expect(writer.desiredSize).toBeLessThanOrEqual(0)
      // What the two ends and the kernel's buffers hold, and no more.
      expect(taken).toBeLessThan(16 * MiB)
      expect(far.bytesRead).toBeLessThan(MiB)
      const got = digest(reading.readable)
      await writer.ready
      await waiting
      await writer.close()
      expect((await got).bytes).toBe(taken)
    })

    it('chunks may be views, buffers and text; anything else is a TypeError and a reset', async () => {
      await using joined = await join()
      const { near, far } = joined
      far.on('error', () => undefined)
      const web = near.web()
      const writer = web.writable.getWriter()
      const bytes = new Uint8Array([120, 97, 98, 99, 120])
      await writer.write('ä')
      await writer.write(bytes.subarray(1, 4))
      await writer.write(new DataView(bytes.buffer, 0, 1))
      await writer.write(bytes.buffer)
      await writer.write(new Uint8Array(0))
      expect((await readExactly(far, 11)).toString()).toBe('äabcxxabcx')
      const failed = writer.write(7 as unknown as string)
      await expect(failed).rejects.toThrow(TypeError)
      await expect(writer.closed).rejects.toThrow(TypeError)
      await expect(web.closed).resolves.toBeUndefined()
    })

    it('half open: the end of the peer closes readable, and writing goes on', async () => {
      await using joined = await join({ allowHalfOpen: true })
      const { near, far } = joined
      const web = near.web()
      far.end('question')
      expect(await text(web.readable)).toBe('question')
      const writer = web.writable.getWriter()
      await writer.write('answer')
      expect(near.destroyed).toBe(false)
      await writer.close()
      expect(await receiveText(far)).toBe('answer')
      await web.closed
    })

    it('our end reaches the peer, whose answer can still be read', async () => {
      await using joined = await join({ allowHalfOpen: true })
      const { near, far } = joined
      const web = near.web()
      const writer = web.writable.getWriter()
      void writer.write('question')
      await writer.close()
      expect(await receiveText(far)).toBe('question')
      far.end('answer')
      expect(await text(web.readable)).toBe('answer')
      await web.closed
    })

    it('without half open the end of the peer ends writable as well: closed where it is free', async () => {
      await using joined = await join()
      const web = joined.near.web()
      joined.far.end('bye')
      expect(await text(web.readable)).toBe('bye')
      await web.closed
      await web.writable.getWriter().closed
    })

    it('without half open the end of the peer ends writable as well: failed where it is locked', async () => {
      await using joined = await join()
      const { near, far } = joined
      const web = near.web()
      const writer = web.writable.getWriter()
      const received = receiveText(far)
      far.end()
      const written = 'x'.repeat(100_000)
      await Promise.all([writer.write(written), writer.write('y')])
      expect(await text(web.readable)).toBe('')
      expect(await received).toBe(`${written}y`)
      await web.closed
      await expect(writer.write('z')).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
    })

    it('close() ends readable, fails writable with its reason, and resolves closed', async () => {
      await using joined = await join()
      const { near, far } = joined
      far.on('error', () => undefined)
      const web = near.web()
      const reader = web.readable.getReader()
      const writer = web.writable.getWriter()
      const reading = reader.read()
      await writer.write('sent before')
      const reason = new Error('enough')
      const closed = web.close(reason)
      expect(closed).toBe(web.closed)
      expect(web.close()).toBe(closed)
      await expect(reading).resolves.toEqual({ done: true, value: undefined })
      await expect(writer.write('x')).rejects.toBe(reason)
      await expect(writer.closed).rejects.toBe(reason)
      await closed
      expect(near.destroyed).toBe(true)
      expect(await receiveText(far)).toBe('sent before')
    })

    it('close() while a BYOB read waits, and while a write is stuck', async () => {
      await using joined = await join()
      const { near, far } = joined
      far.on('error', () => undefined).pause()
      const web = near.web()
      const reading = web.readable.getReader({ mode: 'byob' }).read(new Uint8Array(10))
      const writer = web.writable.getWriter()
      const stuck = Array.from({ length: 16 }, () => writer.write(new Uint8Array(MiB)).catch((error) => error))
      await eventually(() => near.writableLength > 0 && far.bytesRead > 0)
      await web.close()
      expect(await reading).toMatchObject({ done: true })
      expect(await stuck.at(-1)).toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
    })

    it('cancel of readable throws away what comes; writing goes on, and the end of the peer is noticed', async () => {
      await using joined = await join()
      const { near, far } = joined
      const web = near.web()
      const reader = web.readable.getReader()
      far.write('x')
      await reader.read()
      await reader.cancel('seen enough')
      await web.writable.getWriter().write('still here')
      expect((await readExactly(far, 10)).toString()).toBe('still here')
      far.end(Buffer.alloc(4 * MiB))
      await once(far, 'finish')
      await web.closed
      expect(near.bytesRead).toBe(4 * MiB + 1)
    })

    it('abort of writable resets the connection, and readable fails with the reason', async () => {
      await using joined = await join()
      const { near, far } = joined
      let error: Error | undefined
      far.on('error', (each) => (error = each))
      const ended = new Promise((resolve) => far.resume().once('close', resolve))
      const web = near.web()
      const reading = web.readable.getReader().read()
      const reason = new Error('half of it is missing')
      await web.writable.abort(reason)
      await expect(reading).rejects.toBe(reason)
      await expect(web.closed).resolves.toBeUndefined()
      await ended
      // Unix sockets know no reset.
      if (!title.startsWith('unix')) expect(error).toMatchObject({ code: 'ECONNRESET' })
    })

    it('a source that fails, piped to writable, closes the connection', async () => {
      await using joined = await join()
      const { near, far } = joined
      far.on('error', () => undefined).resume()
      const web = near.web()
      const reason = new Error('the disk is gone')
      const failing = new ReadableStream({
        pull(controller) {
          controller.error(reason)
        },
      })
      await expect(failing.pipeTo(web.writable)).rejects.toBe(reason)
      await web.closed
      await expect(web.readable.getReader().read()).rejects.toBe(reason)
    })

    it('destroy of the endpoint fails both streams with ERR_SOCKET_CLOSED', async () => {
      await using joined = await join()
      joined.far.on('error', () => undefined)
      const web = joined.near.web()
      const reading = web.readable.getReader().read()
      joined.near.destroy()
      await expect(reading).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
      await expect(web.writable.getWriter().closed).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
      await expect(web.closed).resolves.toBeUndefined()
    })

    it('destroy of the endpoint with an error: it is everybody’s', async () => {
      await using joined = await join()
      joined.far.on('error', () => undefined)
      const web = joined.near.web()
      const error = new Error('told so')
      joined.near.destroy(error)
      await expect(web.readable.getReader().read()).rejects.toBe(error)
      await expect(web.writable.getWriter().write('x')).rejects.toBe(error)
      await expect(web.closed).rejects.toBe(error)
      await expect(web.opened).resolves.toBeDefined()
    })

    it('web() of an endpoint that has come to its end', async () => {
      await using joined = await join()
      const { near, far } = joined
      far.end()
      near.resume()
      await once(near, 'close')
      near.pause()
      const web = near.web()
      expect(await text(web.readable)).toBe('')
      await web.closed
      await web.close()
    })

    it('web() is a TypeError for an endpoint that is being read', async () => {
      for (const use of [
        (endpoint: StreamEndpoint) => endpoint.on('data', () => undefined),
        (endpoint: StreamEndpoint) => endpoint.on('readable', () => undefined),
        (endpoint: StreamEndpoint) => endpoint.resume(),
        (endpoint: StreamEndpoint) => endpoint.setEncoding('utf8'),
        (endpoint: StreamEndpoint) => endpoint.pipe(endpoint),
      ]) {
        await using joined = await join()
        use(joined.near)
        expect(() => joined.near.web()).toThrow(TypeError)
      }
    })
  })
}

for (const engine of ['kernel', 'node'] as const) {
  const tcp = given(scheme('tcp', engine))

  describe(`web streams while connecting, ${engine} engine`, () => {
    tcp('what is written meanwhile is sent', async () => {
      await using listener = await listen('tcp://127.0.0.1:0', { engine })
      const web = createConnection(listener.address, { engine }).web()
      const writer = web.writable.getWriter()
      void writer.write('early')
      const reading = web.readable.getReader().read()
      const far = (await listener.accept()) as StreamEndpoint
      expect((await readExactly(far, 5)).toString()).toBe('early')
      expect((await web.opened).remoteAddress).toBe(`127.0.0.1:${far.localPort}`)
      far.end('late')
      expect(Buffer.from((await reading).value as Uint8Array).toString()).toBe('late')
      await writer.close()
      await web.closed
    })

    tcp('a refusal fails everything with the same error', async () => {
      const listener = await listen('tcp://127.0.0.1:0', { engine })
      await listener.close()
      const web = createConnection(listener.address, { engine }).web()
      const refused = expect.objectContaining({ code: 'ECONNREFUSED' })
      const writing = expect(web.writable.getWriter().write('x')).rejects.toEqual(refused)
      await expect(web.opened).rejects.toEqual(refused)
      await expect(web.closed).rejects.toEqual(refused)
      await expect(web.readable.getReader().read()).rejects.toEqual(refused)
      await writing
    })

    tcp('close() meanwhile rejects opened with the reason, and leaves nothing open', async () => {
      await using listener = await listen('tcp://127.0.0.1:0', { engine })
      const before = openDescriptors()
      const web = createConnection(listener.address, { engine }).web()
      const reason = new Error('not any more')
      const writing = expect(web.writable.getWriter().write('x')).rejects.toBe(reason)
      await web.close(reason)
      await expect(web.opened).rejects.toBe(reason)
      await writing
      expect(await eventually(() => openDescriptors() === before)).toBe(true)
    })

    tcp('a reset by the peer fails readable, writable and closed', async () => {
      await using listener = await listen('tcp://127.0.0.1:0', { engine })
      const web = createConnection(listener.address, { engine }).web()
      const far = (await listener.accept()) as StreamEndpoint
      const reading = web.readable.getReader().read()
      await web.opened
      far.resetAndDestroy()
      const reset = expect.objectContaining({ code: 'ECONNRESET' })
      await expect(reading).rejects.toEqual(reset)
      await expect(web.writable.getWriter().closed).rejects.toEqual(reset)
      await expect(web.closed).rejects.toEqual(reset)
    })
  })
}

test('web() of an endpoint that was closed before it was connected', async () => {
  const endpoint = createConnection('memory:nobody')
  endpoint.destroy()
  const web = endpoint.web()
  await expect(web.opened).rejects.toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
  await web.closed
})

given(scheme('unix'))('an unnamed end has no address to tell', async () => {
  const [near, far] = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
  expect((await near.web().opened).remoteAddress).toBeUndefined()
  await near.web().close()
  far.destroy()
})
