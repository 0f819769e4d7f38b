import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { connect, type Listener, listen, type RfcommAddress, type StreamEndpoint } from '../../src/index.ts'
import { MiB, randomChunks, receiveAll, receiveText, sendRandom } from '../support/bytes.ts'
import { errorOf } from '../support/errors.ts'
import { openDescriptors } from '../support/resources.ts'
import { pairOfControllers, startPeer } from './support.ts'

const { near, far } = pairOfControllers()

/** An address of the far adapter, where the tests listen; a connect that is not bound goes out from another one. */
const at = (channel: number): RfcommAddress => ({ family: 'bluetooth', scheme: 'rfcomm', bdaddr: far.address, channel })
const channelOf = (address: unknown): number => (address as { channel: number }).channel

interface Transfer {
  readonly sent: number
  readonly sentHash: string
  readonly received: number
  readonly receivedHash: string
}

describe('with Python', () => {
  test('we listen on a free channel: both addresses, and an echo', async () => {
    await using listener = await listen(at(0))
    const channel = channelOf(listener.address)
    expect(channel).toBeGreaterThan(0)
    await using peer = startPeer({
      role: 'connect',
      scheme: 'rfcomm',
      local: near.address,
      remote: far.address,
      port: channel,
      mode: 'echo',
    })
    const endpoint = (await listener.accept({ timeout: 10_000 })) as StreamEndpoint
    expect(endpoint.local).toEqual(at(channel))
    // The kernel reports the server's channel for the client, whose own number has no meaning.
    expect(endpoint.remote).toEqual({ ...at(channel), bdaddr: near.address })
    expect(await peer.report()).toEqual({ connected: true })
    endpoint.write('hello')
    expect(String(((await once(endpoint, 'data')) as [Buffer])[0])).toBe('hello')
    endpoint.end()
    expect(await peer.report()).toMatchObject({ echoed: 1 })
    expect((await peer.exited).code).toBe(0)
  })

  test('python listens: we connect from the adapter that we name', async () => {
    await using peer = startPeer({ role: 'listen', scheme: 'rfcomm', local: far.address, port: 0, mode: 'echo' })
    const { port } = await peer.report<{ port: number }>()
    const endpoint = await connect(`rfcomm://${far.address}/${port}`, { local: `rfcomm://${near.address}/0` })
    expect(await peer.report()).toEqual({ accepted: near.address })
    expect(endpoint.local).toMatchObject({ scheme: 'rfcomm', bdaddr: near.address })
    expect(endpoint.remote).toEqual(at(port))
    expect(endpoint.facts).toMatchObject({ kind: 'stream', halfClose: false, reliable: true, connected: true })
    endpoint.write('x'.repeat(5000))
    let back = 0
    for await (const chunk of endpoint as AsyncIterable<Buffer>) {
      back += chunk.length
      if (back === 5000) break
    }
    expect(back).toBe(5000)
  })

  test('an orderly close loses nothing: what python sent before it closed arrives, then the end', async () => {
    await using listener = await listen(at(0))
    const peer = startPeer({
      role: 'connect',
      scheme: 'rfcomm',
      local: near.address,
      remote: far.address,
      port: channelOf(listener.address),
      mode: 'send',
      bytes: 60_000,
    })
    const endpoint = (await listener.accept({ timeout: 10_000 })) as StreamEndpoint
    // Few enough for the buffers in between: all is sent, and the connection closed, before anybody reads.
    await peer.report()
    const { sentHash } = await peer.report<Transfer>()
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(await receiveAll(endpoint)).toEqual({ bytes: 60_000, sha256: sentHash })
    await peer[Symbol.asyncDispose]()
  })

  test('ours loses nothing either: end after 300,000 bytes, to a reader that begins late', async () => {
    await using peer = startPeer({ role: 'listen', scheme: 'rfcomm', local: far.address, port: 0, mode: 'receive' })
    const { port } = await peer.report<{ port: number }>()
    const endpoint = await connect(at(port))
    const sent = await sendRandom(endpoint, 300_000)
    await peer.report()
    expect(await peer.report()).toMatchObject({ received: sent.bytes, receivedHash: sent.sha256 })
  })

  test('16 MiB both ways at once', async () => {
    await using peer = startPeer({
      role: 'listen',
      scheme: 'rfcomm',
      local: far.address,
      port: 0,
      mode: 'duplex',
      bytes: 16 * MiB,
    })
    const { port } = await peer.report<{ port: number }>()
    const endpoint = await connect(at(port))
    await peer.report()
    const theirs = createHash('sha256')
    const ours = createHash('sha256')
    let received = 0
    const all = new Promise<void>((resolve) => {
      endpoint.on('data', (chunk: Buffer) => {
        received += chunk.length
        theirs.update(chunk)
        if (received === 16 * MiB) resolve()
      })
    })
    for (const chunk of randomChunks(16 * MiB)) {
      ours.update(chunk)
      if (!endpoint.write(chunk)) await once(endpoint, 'drain')
    }
    const report = await peer.report<Transfer>()
    await all
    expect(report).toMatchObject({ sent: 16 * MiB, received: 16 * MiB })
    expect(report.receivedHash).toBe(ours.digest('hex'))
    expect([received, theirs.digest('hex')]).toEqual([16 * MiB, report.sentHash])
    const closed = once(endpoint, 'close')
    peer.tell('done')
    await closed
  }, 400_000)
})

describe('many', () => {
  test('200 connections, one after the other, to one listener: each is answered, none is refused or left open', async () => {
    await using listener = await listen(at(0))
    listener.on('connection', (peer) => (peer as StreamEndpoint).pipe(peer as StreamEndpoint))
    const address = listener.address as RfcommAddress
    const before = openDescriptors()
    for (let number = 0; number < 200; number++) {
      const endpoint = await connect(address, { timeout: 10_000 })
      endpoint.write(`number ${number}`)
      const [answer] = (await once(endpoint, 'data')) as [Buffer]
      expect(String(answer)).toBe(`number ${number}`)
      endpoint.end()
      await once(endpoint, 'close')
    }
    await expect.poll(openDescriptors, { timeout: 5000 }).toBe(before)
  }, 120_000)

  test('two servers on one channel: the second is told so', async () => {
    await using listener = await listen(at(0))
    await expect(listen(listener.address as RfcommAddress)).rejects.toMatchObject({
      code: 'EADDRINUSE',
      syscall: 'bind',
    })
  })

  test('a second connection between the same adapters on one channel: EBUSY, and when the first is closed, none', async () => {
    await using listener = await listen(at(0))
    const address = listener.address as RfcommAddress
    const from = { local: `rfcomm://${near.address}/0` }
    const first = await connect(address, from)
    await expect(connect(address, from)).rejects.toMatchObject({ code: 'EBUSY', syscall: 'connect' })
    first.destroy()
    const second = await connect(address, from)
    second.destroy()
  })
})

describe('ends', () => {
  test('a peer that sends and closes at once, before we know that we are connected: the data, then the end', async () => {
    await using listener = await listen(at(0))
    listener.on('connection', (peer) => (peer as StreamEndpoint).end('short and sweet'))
    for (let round = 0; round < 10; round++) {
      const connecting = connect(listener.address as RfcommAddress)
      // The process looks away while the peer accepts, sends and closes; it is the same process, so not for ever.
      const endpoint = await connecting
      expect(await receiveText(endpoint)).toBe('short and sweet')
      endpoint.destroy()
    }
  })

  test('end() closes the connection as a whole, and what the peer sent before still arrives', async () => {
    await using listener = await listen(at(0))
    const [endpoint, peer] = await Promise.all([connect(listener.address as RfcommAddress), listener.accept()])
    ;(peer as StreamEndpoint).write('from the peer')
    await once(endpoint, 'readable')
    endpoint.end('bye')
    const [ours, theirs] = await Promise.all([receiveText(endpoint), receiveText(peer as StreamEndpoint)])
    expect([ours, theirs]).toEqual(['from the peer', 'bye'])
  })
})

describe('ends that are full in both directions', () => {
  const from = { local: `rfcomm://${near.address}/0` }

  /** Both write more than goes, and neither reads. */
  async function fill(...ends: readonly StreamEndpoint[]): Promise<void> {
    for (const end of ends) end.on('error', () => undefined).write(Buffer.alloc(4 * MiB))
    await delay(1000)
    for (const end of ends) expect(end.writableLength).toBeGreaterThan(0)
  }

  test('both are destroyed: there is room for the next connection within a second, and no descriptor stays', async () => {
    await using listener = (await listen(at(0))) as Listener<StreamEndpoint>
    const before = openDescriptors()
    for (let round = 0; round < 3; round++) {
      const ends = await Promise.all([connect(listener.address as RfcommAddress, from), listener.accept()])
      await fill(...ends)
      for (const end of ends) end.destroy()
    }
    await expect.poll(openDescriptors, { timeout: 5000 }).toBe(before)
  })

  test('so is there where the peer is python, which just closes', async () => {
    const listening = {
      role: 'listen',
      scheme: 'rfcomm',
      local: far.address,
      port: 0,
      mode: 'fill',
      clients: 3,
    } as const
    await using peer = startPeer(listening)
    const { port } = await peer.report<{ port: number }>()
    for (let round = 0; round < 3; round++) {
      const endpoint = await connect(at(port))
      await fill(endpoint)
      await peer.report()
      expect((await peer.report<{ sent: number }>()).sent).toBeGreaterThan(0)
      peer.tell('close')
      endpoint.destroy()
    }
    expect((await peer.exited).code).toBe(0)
  })
})

describe('options', () => {
  test('security is set before data flows, and read back', async () => {
    await using listener = await listen(at(0), { security: 'low' })
    const endpoint = await connect(listener.address as RfcommAddress, { security: 'low' })
    expect(endpoint.getOption('security')).toBe('low')
    endpoint.setOption('security', 'medium')
    expect(endpoint.getOption('security')).toBe('medium')
    expect(() => endpoint.setOption('security', 'highest' as 'high')).toThrow(TypeError)
    expect(errorOf(() => endpoint.getOption('receiveMtu'))).toMatchObject({ code: 'ERR_OPTION_UNKNOWN' })
    endpoint.destroy()
  })
})
