import { closeSync, openSync, readSync, writeFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  adopt,
  bind,
  connect,
  type DatagramEndpoint,
  listen,
  type StreamEndpoint,
  socketpair,
} from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { Child } from '../support/child.ts'
import { errorOf } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const available = given(scheme('unixgram'))
const schemes = ['unixgram', 'unixpacket'] as const

beforeAll(buildOnce, 120_000)

const opened: DatagramEndpoint[] = []
const descriptorsBefore = noDescriptorsLeft(async () => {
  for (const endpoint of opened.splice(0)) await endpoint.close()
})

function pair(name: (typeof schemes)[number], options = { receiveFds: true }): [DatagramEndpoint, DatagramEndpoint] {
  const both = socketpair(name, options) as [DatagramEndpoint, DatagramEndpoint]
  opened.push(...both)
  return both
}

function closeAll(fds: readonly number[] = []): void {
  for (const fd of fds) closeSync(fd)
}

describe.each(schemes)('descriptors with messages of %s', (name) => {
  available('of a batch that has to wait for room are duplicated before it waits', async () => {
    await using directory = await temporaryDirectory()
    writeFileSync(directory.file('text'), 'content')
    const file = openSync(directory.file('text'), 'r')
    const [a, b] = socketpair(name, { sendQueue: 1, receiveFds: true }) as [DatagramEndpoint, DatagramEndpoint]
    opened.push(a, b)
    const size = 400
    const batch = a.sendBatch(Array.from({ length: size }, () => ({ data: Buffer.alloc(1000), fds: [file] })))
    closeSync(file)
    for (let count = 0; count < size; count++) {
      const message = await b.receive()
      expect(message?.fds?.length).toBe(1)
      closeAll(message?.fds)
    }
    await expect(batch).resolves.toEqual({ sent: size, failed: [] })
  })

  available('of a batch that is given up are closed', async () => {
    const [a] = pair(name)
    const file = openSync('/dev/null', 'r')
    const before = openDescriptors()
    const messages = Array.from({ length: 200 }, () => ({ data: Buffer.alloc(100_000), fds: [file] }))
    await expect(a.sendBatch(messages, { timeout: 20 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    closeSync(file)
    expect(await eventually(() => openDescriptors() === before - 1)).toBe(true)
  })

  available('arrive with their own message, and belong to whoever receives it', async () => {
    await using directory = await temporaryDirectory()
    writeFileSync(directory.file('text'), 'content')
    const file = openSync(directory.file('text'), 'r')
    const [a, b] = pair(name)
    await Promise.all([
      a.send('none'),
      a.send('two', undefined, { fds: [file, file] }),
      a.send('none again'),
      a.send('', undefined, { fds: [file] }),
    ])
    closeSync(file)
    const messages = [await b.receive(), await b.receive(), await b.receive(), await b.receive()]
    expect(messages.map((message) => [String(message?.data), message?.fds?.length])).toEqual([
      ['none', undefined],
      ['two', 2],
      ['none again', undefined],
      ['', 1],
    ])
    const text = Buffer.alloc(7)
    readSync(messages[1]?.fds?.[0] as number, text, 0, 7, 0)
    expect(String(text)).toBe('content')
    for (const message of messages) closeAll(message?.fds)
  })

  available('go by send, trySend and sendBatch, in order with messages that carry none', async () => {
    const [a, b] = pair(name)
    expect(a.trySend('first', undefined, { fds: [0] })).toBe(true)
    const postings = Array.from({ length: 100 }, (_, index) =>
      index % 3 === 0 ? { data: String(index), fds: [0, 1] } : { data: String(index) },
    )
    const batch = a.sendBatch(postings)
    const texts: string[] = []
    for await (const { data, fds = [] } of b) {
      texts.push(`${data}:${fds.length}`)
      closeAll(fds)
      if (texts.length === 101) break
    }
    expect(await batch).toEqual({ sent: 100, failed: [] })
    expect(texts).toEqual(['first:1', ...postings.map(({ data, fds = [] }) => `${data}:${fds.length}`)])
  })

  available('may be sockets, which adopt takes', async () => {
    const [a, b] = pair(name)
    const [inner, far] = socketpair('unix')
    await a.send('a socket', undefined, { fds: [inner.fd as number] })
    inner.destroy()
    const message = await b.receive()
    const adopted = adopt(message?.fds?.[0] as number) as StreamEndpoint
    far.write('through it')
    expect(String(await new Promise((resolve) => adopted.once('data', resolve)))).toBe('through it')
    adopted.destroy()
    far.destroy()
  })

  available('are closed by the system where they are not asked for', async () => {
    const [a, b] = pair(name, { receiveFds: false })
    await a.send('x', undefined, { fds: [0, 1] })
    const message = await b.receive()
    expect(String(message?.data)).toBe('x')
    expect(message).not.toHaveProperty('fds')
  })

  available('are closed by us where only credentials are asked for', async () => {
    const [a, b] = pair(name, { receiveFds: false })
    b.setOption('receiveCredentials', true)
    await a.send('x', undefined, { fds: [0, 1] })
    const message = await b.receive()
    expect(message).toMatchObject({ credentials: { pid: process.pid } })
    expect(message).not.toHaveProperty('fds')
  })

  available('of messages that nobody has received are closed with the endpoint', async () => {
    const [a, b] = pair(name)
    const received = b.receive()
    await a.send('received')
    await a.send('with', undefined, { fds: [0, 1] })
    await a.send('without')
    await received
    expect(await eventually(() => b.queued.received === 2)).toBe(true)
    await b.close()
    expect(b.dropped).toBe(1)
    expect(String((await b.receive())?.data)).toBe('without')
    expect(await b.receive()).toBeUndefined()
  })

  available('of messages that wait to be sent are closed with the endpoint', async () => {
    const [a] = pair(name)
    const sends: Promise<unknown>[] = []
    while (a.trySend(Buffer.alloc(60_000))) expect(openDescriptors()).toBeLessThan(descriptorsBefore() + 10)
    for (let count = 0; count < 10; count++) sends.push(a.send('x', undefined, { fds: [0] }).catch((error) => error))
    await Promise.resolve()
    expect(openDescriptors()).toBeGreaterThanOrEqual(descriptorsBefore() + 10)
    expect(a.trySend('y', undefined, { fds: [0] })).toBe(false)
    await a.close()
    for (const error of await Promise.all(sends)) expect(error).toMatchObject({ code: 'ERR_SOCKET_CLOSED' })
  })

  available('253 go with a message, 254 are refused', async () => {
    const [a, b] = pair(name)
    await a.send('most', undefined, { fds: Array.from({ length: 253 }, () => 0) })
    const message = await b.receive()
    expect(message?.fds).toHaveLength(253)
    closeAll(message?.fds)
    const tooMany = a.send('too many', undefined, { fds: Array.from({ length: 254 }, () => 0) })
    await expect(tooMany).rejects.toMatchObject({ code: 'EINVAL', message: expect.stringContaining('253') })
    await a.send('as good as before')
    expect(String((await b.receive())?.data)).toBe('as good as before')
  })

  available('that are not open are refused, and nothing is sent', async () => {
    const [a, b] = pair(name)
    const closed = openSync('/dev/null', 'r')
    closeSync(closed)
    await expect(a.send('x', undefined, { fds: [0, closed] })).rejects.toMatchObject({ code: 'EBADF' })
    expect(errorOf(() => a.trySend('x', undefined, { fds: [0, closed] }))).toMatchObject({ code: 'EBADF' })
    expect(await a.sendBatch([{ data: 'x', fds: [closed] }, { data: 'y' }])).toMatchObject({
      sent: 1,
      failed: [{ index: 0, error: { code: 'EBADF' } }],
    })
    expect(String((await b.receive())?.data)).toBe('y')
  })

  available('that are no descriptors are a TypeError', async () => {
    const [a] = pair(name)
    for (const fds of [[-1], [1.5], ['0'], 0, [Number.NaN], [2 ** 31]] as unknown as number[][]) {
      await expect(a.send('x', undefined, { fds })).rejects.toBeInstanceOf(TypeError)
    }
    await a.send('x', undefined, { fds: [] })
  })
})

available('to a datagram peer that is gone: an error, and nothing leaks', async () => {
  await using directory = await temporaryDirectory()
  const sink = await bind(`unixgram:${directory.file('sink')}`)
  const source = await connect(`unixgram:${directory.file('sink')}`)
  opened.push(source)
  await source.send('x', undefined, { fds: [0] })
  await sink.close()
  await expect(source.send('y', undefined, { fds: [0] })).rejects.toMatchObject({
    code: expect.stringMatching(/^(ECONNREFUSED|ECONNRESET)$/),
  })
  const unconnected = await bind('unixgram:?autobind')
  opened.push(unconnected)
  const gone = `unixgram:${directory.file('sink')}`
  await expect(unconnected.send('z', gone, { fds: [0] })).rejects.toMatchObject({ code: 'ENOENT' })
})

available('a listener hands receiveFds to what it accepts', async () => {
  await using directory = await temporaryDirectory()
  await using listener = await listen(`unixpacket:${directory.file('socket')}`, { receiveFds: true })
  const client = await connect(listener.address)
  const accepted = (await listener.accept()) as DatagramEndpoint
  opened.push(client as DatagramEndpoint, accepted)
  await (client as DatagramEndpoint).send('x', undefined, { fds: [0] })
  const message = await accepted.receive()
  expect(message?.fds).toHaveLength(1)
  closeAll(message?.fds)
})

describe('where no descriptor goes', () => {
  available('receiveFds and fds are ERR_UNSUPPORTED', async () => {
    await expect(bind('udp://127.0.0.1:0', { receiveFds: true })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    await expect(bind('memorygram:x', { receiveFds: true })).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    const udp = await bind('udp://127.0.0.1:0')
    const memory = await bind('memorygram:fds')
    opened.push(udp, memory)
    for (const endpoint of [udp, memory]) {
      const sent = endpoint.send('x', endpoint.local, { fds: [0] })
      await expect(sent).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
    }
  })

  test('an option of another type is a TypeError', async () => {
    const wrong = { receiveFds: 1 } as unknown as { receiveFds: boolean }
    await expect(bind('memorygram:fds', wrong)).rejects.toBeInstanceOf(TypeError)
  })
})

available('descriptors that this process has no room for are an error of their message alone', async () => {
  const script = `
    import { openSync, closeSync, readdirSync } from 'node:fs'
    import { socketpair } from 'polysocket'
    const [a, b] = socketpair('unixgram', { receiveFds: true })
    await a.send('with', undefined, { fds: [0, 0, 0, 0, 0] })
    await a.send('without')
    const opened = []
    try { for (;;) opened.push(openSync('/dev/null', 'r')) } catch (error) { if (error.code !== 'EMFILE') throw error }
    for (const fd of opened.splice(-3)) closeSync(fd)
    const before = readdirSync('/proc/self/fd').length
    const seen = []
    b.on('error', (error) => seen.push(error.code))
    b.on('message', (message) => seen.push(String(message.data)))
    while (seen.length < 2) await new Promise((resolve) => setTimeout(resolve, 10))
    console.log(JSON.stringify({ seen: seen.sort(), more: readdirSync('/proc/self/fd').length - before }))
    process.exit()
  `
  await using child = new Child(process.execPath, ['--input-type=module', '-e', script], { descriptors: 64 })
  expect(await child.report()).toEqual({ seen: ['EMFILE', 'without'], more: 0 })
  await child.exited
})
