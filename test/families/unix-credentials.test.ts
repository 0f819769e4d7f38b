import { closeSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  bind,
  connect,
  type DatagramEndpoint,
  type DroppedConnection,
  listen,
  type PeerCredentials,
  type StreamEndpoint,
  socketpair,
} from '../../src/index.ts'
import { receiveText } from '../support/bytes.ts'
import { us } from '../support/credentials.ts'
import { errorOf } from '../support/errors.ts'
import { given, need, python, scheme } from '../support/need.ts'
import { startPython } from '../support/python.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const unix = given(scheme('unix'))

describe('peerCredentials', () => {
  unix('tells the process at the other end, of streams and of packets, accepted and connected', async () => {
    await using directory = await temporaryDirectory()
    for (const name of ['unix', 'unixpacket'] as const) {
      await using listener = await listen(`${name}:${directory.file(name)}`)
      await using client = await connect(`${name}:${directory.file(name)}`)
      await using accepted = await listener.accept()
      expect(client.peerCredentials()).toEqual(us)
      expect(accepted.peerCredentials()).toEqual(us)
    }
    const [a, b] = socketpair('unixgram')
    expect(a.peerCredentials()).toEqual(us)
    await a.close()
    expect(errorOf(() => a.peerCredentials())).toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
    await b.close()
  })

  given(scheme('unix'), python)('tells another process, and its pidfd is that process', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using listener = await listen(`unix:${path}`)
    await using peer = startPython('credentials.py', { role: 'connect', address: { scheme: 'unix', path } })
    await using accepted = (await listener.accept({ timeout: 10_000 })) as StreamEndpoint
    const { pidfd, ...credentials } = accepted.peerCredentials({ pidfd: true })
    expect(credentials).toEqual({ ...us, pid: peer.pid })
    if (pidfd !== undefined) {
      expect(readFileSync(`/proc/self/fdinfo/${pidfd}`, 'utf8')).toMatch(new RegExp(`^Pid:\\s+${peer.pid}$`, 'm'))
      closeSync(pidfd)
    }
    accepted.end()
    await peer.exited
    expect(accepted.peerCredentials()).toEqual(credentials)
  })

  unix('is ENOTCONN without a peer, and ERR_UNSUPPORTED where nobody knows', async () => {
    await using gram = await bind('unixgram:?autobind')
    expect(errorOf(() => gram.peerCredentials())).toMatchObject({ code: 'ENOTCONN' })
    await using udp = await bind('udp://127.0.0.1:0')
    expect(errorOf(() => udp.peerCredentials())).toMatchObject({ code: 'ERR_UNSUPPORTED' })
    const [memory] = socketpair('memory')
    expect(errorOf(() => memory.peerCredentials())).toMatchObject({ code: 'ERR_UNSUPPORTED' })
    memory.destroy()
  })
})

describe('credentials of messages', () => {
  unix('tell who sent each, whatever the sender says', async () => {
    await using directory = await temporaryDirectory()
    const address = `unixgram:${directory.file('log')}`
    await using sink = await bind(address, { receiveCredentials: true })
    await using source = (await connect(address)) as DatagramEndpoint
    await source.send('plain')
    await source.send('stated', undefined, { credentials: us })
    expect(await sink.receive()).toMatchObject({ credentials: us })
    expect(await sink.receive()).toMatchObject({ credentials: us })
    expect(sink.getOption('receiveCredentials')).toBe(true)
    sink.setOption('receiveCredentials', false)
    await source.send('without')
    expect(await sink.receive()).not.toHaveProperty('credentials')
  })

  given(scheme('unix'), python)('of Python, with unixpacket and with unixgram', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('gram')
    await using sink = await bind(`unixgram:${path}`, { receiveCredentials: true })
    await using peer = startPython('credentials.py', { role: 'connect', address: { scheme: 'unixgram', path } })
    expect(await sink.receive({ timeout: 10_000 })).toMatchObject({ credentials: { ...us, pid: peer.pid } })
    await peer.exited
  })

  unix('of another process than ours need a privilege', async () => {
    const [a, b] = socketpair('unixgram')
    await using _ = a
    await using sink = b
    sink.setOption('receiveCredentials', true)
    const foreign = { pid: 1, uid: us.uid + 12_345, gid: us.gid }
    const sent = a.send('as somebody else', undefined, { credentials: foreign })
    const outcome = await sent.then(
      () => 'sent',
      (error) => error.code,
    )
    // Who may do it is seen as it says.
    if (outcome === 'sent') expect(await sink.receive()).toMatchObject({ credentials: foreign })
    else expect(outcome).toBe('EPERM')
  })

  unix('of the wrong shape are a TypeError', async () => {
    const [a, b] = socketpair('unixgram')
    for (const credentials of [{ pid: 1 }, 7, { ...us, uid: -1 }, { ...us, gid: 0.5 }, null] as unknown[]) {
      const sent = a.send('x', undefined, { credentials: credentials as typeof us })
      await expect(sent).rejects.toBeInstanceOf(TypeError)
    }
    await a.close()
    await b.close()
  })
})

describe('allow', () => {
  /** The accepted connections, and those that were dropped. */
  async function serve(path: string, allow: (peer: PeerCredentials) => boolean) {
    const listener = await listen(`unix:${path}`, { allow })
    const accepted: StreamEndpoint[] = []
    const drops: DroppedConnection[] = []
    listener.on('connection', (endpoint) => accepted.push(endpoint as StreamEndpoint))
    listener.on('drop', (drop) => drops.push(drop))
    return { listener, accepted, drops }
  }

  unix('lets in whom it names, and is told who it is', async () => {
    await using directory = await temporaryDirectory()
    const asked: PeerCredentials[] = []
    const { listener, accepted, drops } = await serve(directory.file('socket'), (peer) => {
      asked.push(peer)
      return peer.uid === us.uid
    })
    const client = (await connect(listener.address)) as StreamEndpoint
    expect(await eventually(() => accepted.length === 1)).toBe(true)
    expect({ asked, drops }).toEqual({ asked: [us], drops: [] })
    accepted[0]?.end('welcome')
    expect(await receiveText(client)).toBe('welcome')
    await listener.close()
  })

  unix('refuses before a byte is read, and says so by drop', async () => {
    await using directory = await temporaryDirectory()
    const { listener, accepted, drops } = await serve(directory.file('socket'), () => false)
    const client = (await connect(listener.address)) as StreamEndpoint
    client.on('error', () => undefined)
    client.write('a secret')
    await new Promise((resolve) => client.once('close', resolve).resume())
    expect(accepted).toEqual([])
    expect(drops).toEqual([expect.objectContaining({ reason: 'denied', peer: us })])
    expect(listener.connections).toBe(0)
    await listener.close()
  })

  unix('a denied peer that keeps connecting costs nothing that stays', async () => {
    await using directory = await temporaryDirectory()
    const { listener, drops } = await serve(directory.file('socket'), () => false)
    const before = openDescriptors()
    for (let round = 0; round < 500; round++) {
      const client = (await connect(listener.address)) as StreamEndpoint
      client.on('error', () => undefined)
      client.destroy()
    }
    expect(await eventually(() => drops.length === 500)).toBe(true)
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
    await listener.close()
  })

  unix('only true lets in: a promise of it does not', async () => {
    await using directory = await temporaryDirectory()
    const promising = (async () => true) as unknown as () => boolean
    const { listener, accepted, drops } = await serve(directory.file('socket'), promising)
    const client = (await connect(listener.address)) as StreamEndpoint
    client.on('error', () => undefined)
    expect(await eventually(() => drops.length === 1)).toBe(true)
    expect(accepted).toEqual([])
    client.destroy()
    await listener.close()
  })

  unix('is ERR_UNSUPPORTED where the peer is not known, and nothing listens then', async () => {
    const allow = (): boolean => true
    const before = openDescriptors()
    await expect(listen('tcp://127.0.0.1:0', { allow })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await expect(listen('memory:allow', { allow })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await using directory = await temporaryDirectory()
    const address = `unix:${directory.file('socket')}`
    await expect(listen(address, { allow, engine: 'node' })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
    await (await listen('memory:allow')).close()
  })

  test('a value that is no function is a TypeError', async () => {
    const wrong = { allow: true } as unknown as { allow: () => boolean }
    await expect(listen('memory:allow', wrong)).rejects.toBeInstanceOf(TypeError)
  })

  unix('applies to packets as well', async () => {
    await using listener = await listen('unixpacket:@polysocket-allow-test', {
      allow: ({ pid }) => pid !== process.pid,
    })
    const dropped = new Promise<DroppedConnection>((resolve) => listener.once('drop', resolve))
    listener.on('connection', () => expect.unreachable())
    await using client = (await connect(listener.address)) as DatagramEndpoint
    expect(await dropped).toMatchObject({ reason: 'denied', peer: us })
    expect(await client.receive()).toBeUndefined()
  })

  given(
    scheme('unix'),
    need(us.uid === 0, 'it runs as an ordinary user', 'run it as root'),
    python,
  )('tells users apart', async () => {
    const { listener, accepted, drops } = await serve('@polysocket-allow-users', ({ uid }) => uid === 0)
    const abstract = Buffer.from('polysocket-allow-users').toString('hex')
    await using peer = startPython('credentials.py', {
      role: 'connect',
      uid: 65_534,
      address: { scheme: 'unix', abstract },
    })
    expect(await eventually(() => drops.length === 1, 10_000)).toBe(true)
    expect(drops[0]).toMatchObject({ reason: 'denied', peer: { uid: 65_534, pid: peer.pid } })
    expect(accepted).toEqual([])
    await peer.exited
    await listener.close()
  })
})
