import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { RfcommAddress } from '../../src/families/bluetooth/address.ts'
import { formatRfcomm, parseRfcomm } from '../../src/families/bluetooth/rfcomm.ts'
import { connectSerialPort, probeSerialPort, serialPortFacts } from '../../src/families/bluetooth/serial-port.ts'
import {
  type AddressFamily,
  createSockets,
  type Listener,
  listen,
  type OpenOptions,
  type StreamEndpoint,
} from '../../src/index.ts'
import { readExactly } from '../support/bytes.ts'
import { given, need } from '../support/need.ts'
import { pairOfControllers, startPeer, startScript } from './support.ts'

const availability = probeSerialPort()
const driver = availability.available ? need(true, '', '') : need(false, availability.reason, availability.remedy)
const shown = given(driver)

/** The driver cannot be told its adapter: the system takes another one than the destination. */
const { far } = pairOfControllers()

const family: AddressFamily<RfcommAddress> = {
  name: 'bluetooth',
  schemes: { rfcomm: serialPortFacts },
  probe: probeSerialPort,
  parse: (_scheme, rest) => parseRfcomm(rest),
  format: formatRfcomm,
  ephemeral: () => undefined,
  connect: connectSerialPort,
}
const sockets = createSockets([family])
const connect = (address: string, options: object = {}): Promise<StreamEndpoint> =>
  sockets.connect(address, {
    driver: 'serial-port',
    ...options,
  } as OpenOptions) as Promise<unknown> as Promise<StreamEndpoint>

const code = (code: string): unknown => expect.objectContaining({ code, name: 'SocketError' })
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Our own server, by the kernel engine. */
async function server(): Promise<{ listener: Listener<StreamEndpoint>; text: string } & AsyncDisposable> {
  const on: RfcommAddress = { family: 'bluetooth', scheme: 'rfcomm', bdaddr: far.address, channel: 0 }
  const listener = (await listen(on)) as Listener<StreamEndpoint>
  const { channel } = listener.address as unknown as { channel: number }
  const text = `rfcomm://${far.address}/${channel}`
  return { listener, text, [Symbol.asyncDispose]: () => listener.close() }
}

async function pair(
  at: Awaited<ReturnType<typeof server>>,
  options: object = {},
): Promise<[StreamEndpoint, StreamEndpoint]> {
  return Promise.all([connect(at.text, options), at.listener.accept({ timeout: 30_000 })])
}

async function readAll(stream: StreamEndpoint): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

describe('the driver and our own server', () => {
  shown('talk both ways, and the end of either is the end of the other', async () => {
    await using at = await server()
    for (const who of ['near', 'far'] as const) {
      const [near, accepted] = await pair(at)
      expect(near).toMatchObject({ engine: 'serial-port', remote: parseRfcomm(at.text.slice('rfcomm:'.length)) })
      near.write('question')
      expect(String(await readExactly(accepted, 8))).toBe('question')
      accepted.write('answer')
      expect(String(await readExactly(near, 6))).toBe('answer')
      const [first, second] = who === 'near' ? [near, accepted] : [accepted, near]
      const all = readAll(second)
      first.end('bye')
      first.resume()
      expect(String(await all)).toBe('bye')
      if (!first.closed) await once(first, 'close')
    }
  })

  shown('exchange 300 kB in both directions at once', async () => {
    await using at = await server()
    const [near, accepted] = await pair(at)
    const [there, back] = [randomBytes(300_000), randomBytes(300_000)]
    const got = Promise.all([readExactly(accepted, there.length), readExactly(near, back.length)])
    near.write(there)
    accepted.write(back)
    const [gotThere, gotBack] = await got
    expect([sha256(gotThere), sha256(gotBack)]).toEqual([sha256(there), sha256(back)])
    near.destroy()
    accepted.destroy()
  })

  shown('a server that does not read holds up the writer, and nothing is lost: the driver alone loses it', async () => {
    await using at = await server()
    const [near, accepted] = await pair(at)
    accepted.pause()
    const bytes = randomBytes(400_000)
    let isWritten = false
    near.write(bytes, () => {
      isWritten = true
    })
    await delay(3000)
    expect(isWritten).toBe(false)
    expect(sha256(await readExactly(accepted, bytes.length))).toBe(sha256(bytes))
    near.destroy()
    accepted.destroy()
  })

  shown('we hold up a server by not reading, and lose nothing', async () => {
    await using at = await server()
    const [near, accepted] = await pair(at)
    near.pause()
    const bytes = randomBytes(400_000)
    let isWritten = false
    accepted.write(bytes, () => {
      isWritten = true
    })
    await delay(3000)
    expect(isWritten).toBe(false)
    expect(sha256(await readExactly(near, bytes.length))).toBe(sha256(bytes))
    near.destroy()
    accepted.destroy()
  })

  shown('three connections at once, the fourth would take the last thread', async () => {
    const servers = [await server(), await server(), await server(), await server()]
    const pairs = []
    for (const at of servers.slice(0, 3)) pairs.push(await pair(at))
    await expect(connect(servers[3]?.text as string)).rejects.toEqual(code('EMFILE'))
    for (const [i, [near, accepted]] of pairs.entries()) {
      near.write(`${i}`)
      expect(String(await readExactly(accepted, 1))).toBe(`${i}`)
    }
    // Files still get a thread.
    expect((await readFile('/proc/self/stat')).length).toBeGreaterThan(0)
    pairs[0]?.[0].destroy()
    await delay(500)
    const [near, accepted] = await pair(servers[3] as Awaited<ReturnType<typeof server>>)
    near.write('x')
    expect(String(await readExactly(accepted, 1))).toBe('x')
    for (const one of [near, accepted, ...pairs.flat()]) one.destroy()
    for (const at of servers) await at.listener.close()
  })

  shown('thirty times: connect, talk, close', async () => {
    await using at = await server()
    for (let i = 0; i < 30; i++) {
      // A connection to the same channel is refused for some milliseconds after the last one was closed.
      const accepting = at.listener.accept({ timeout: 30_000 })
      let near: StreamEndpoint | undefined
      for (let tries = 0; near === undefined && tries < 20; tries++) {
        near = await connect(at.text).catch(() => undefined)
        if (near === undefined) await delay(100)
      }
      const accepted = await accepting
      if (near === undefined) throw new Error('it never connected')
      near.write('x')
      expect(String(await readExactly(accepted, 1))).toBe('x')
      const gone = once(accepted, 'close')
      accepted.resume()
      near.destroy()
      await gone
    }
  })
})

describe('the driver', () => {
  shown('asks for the channel of spp, by SDP', async () => {
    await using directory = startScript('sdp_peer.py', JSON.stringify({ local: far.address, services: 1 }))
    expect(await directory.report()).toEqual({ listening: true })
    await using peer = startPeer({ role: 'listen', scheme: 'rfcomm', local: far.address, port: 1, mode: 'echo' })
    await peer.report()
    const stream = await connect(`rfcomm://${far.address}/spp`)
    stream.write('hello')
    expect(String(await readExactly(stream, 5))).toBe('hello')
    stream.destroy()
    await once(stream, 'close')
  })

  shown('finds no channel where there is no SDP: ENOTFOUND', async () => {
    await expect(connect(`rfcomm://${far.address}/spp`)).rejects.toEqual(code('ENOTFOUND'))
  })

  shown('does not say why nobody answers: EHOSTUNREACH, for a channel and for a device', async () => {
    await expect(connect(`rfcomm://${far.address}/29`)).rejects.toEqual(code('EHOSTUNREACH'))
    await expect(connect('rfcomm://00:AA:01:7F:00:7F/1')).rejects.toEqual(code('EHOSTUNREACH'))
  })

  shown('cannot be stopped from connecting, but what comes of it is closed', async () => {
    await using at = await server()
    // Too early an abort connects nothing, too late a one finds a connection.
    for (let milliseconds = 1; milliseconds < 100; milliseconds *= 1.5) {
      const controller = new AbortController()
      const accepting = at.listener.accept({ timeout: 2000 }).catch(() => undefined)
      const connecting = connect(at.text, { signal: controller.signal })
      setTimeout(() => controller.abort(), milliseconds)
      const isAborted = await connecting.then(
        (stream) => void stream.destroy(),
        (error: Error) => error.name === 'AbortError',
      )
      const accepted = await accepting
      const isLate = isAborted && accepted !== undefined
      if (isLate) expect((await readAll(accepted)).length).toBe(0)
      accepted?.destroy()
      if (isLate) return
    }
    expect.fail('no abort came while it connected')
  })
})

test.skipIf(driver.met)(`without the driver the scheme says so${driver.note}`, async () => {
  await expect(connect(`rfcomm://${far.address}/1`)).rejects.toEqual(code('ERR_FAMILY_UNAVAILABLE'))
})
