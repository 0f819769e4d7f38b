import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { given, python as pythonThere } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import {
  Acceptor,
  asStream,
  connectStream,
  inetOpener,
  owned,
  portOf,
  python,
  Reader,
  request,
  tcp,
  unix,
  unixOpener,
} from './node-handles.ts'

const always = given()
const withPython = given(pythonThere)

describe('connecting on the node engine', () => {
  always('refused: ECONNREFUSED with the address, and nothing stays open', async () => {
    using listener = owned(await inetOpener.listen(tcp(0), request()))
    const port = portOf(listener.handle)
    listener.handle.close()
    const before = openDescriptors()
    await expect(inetOpener.connect(tcp(port), request())).rejects.toMatchObject({
      name: 'SocketError',
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: `tcp://127.0.0.1:${port}`,
      errno: expect.any(Number),
    })
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  always('by a name, to whichever of its addresses answers', async () => {
    using listener = owned(await inetOpener.listen(tcp(0), request()))
    using near = owned(await inetOpener.connect(tcp(portOf(listener.handle), 'localhost'), request()))
    expect(near.handle.remote).toEqual(listener.handle.local)
  })

  always('from an address of our own', async () => {
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request()))
    listener.handle.resume()
    const local = tcp(0, '127.0.0.2')
    using near = await connectStream(portOf(listener.handle), { local })
    expect(near.handle.local).toMatchObject({ host: '127.0.0.2' })
    expect(await eventually(() => listener.accepted.length > 0)).toBe(true)
    expect(listener.accepted[0]?.handle.remote).toEqual(near.handle.local)
  })

  always('aborted before: the reason, and nothing was opened', async () => {
    const before = openDescriptors()
    const reason = new Error('not wanted')
    const signal = AbortSignal.abort(reason)
    await expect(inetOpener.connect(tcp(9), request({ signal }))).rejects.toBe(reason)
    await expect(inetOpener.listen(tcp(0), request({ signal }))).rejects.toBe(reason)
    await expect(unixOpener.connect(unix('/nonexistent'), request({ signal }))).rejects.toBe(reason)
    expect(openDescriptors()).toBe(before)
  })

  withPython('aborted while the backlog is full: the reason, and nothing stays open', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('socket')
    await using full = python(
      `
server = socket.socket(socket.AF_UNIX)
server.bind(argv[0])
server.listen(0)
client = socket.socket(socket.AF_UNIX)
client.connect(argv[0])
report(full=True)
wait()
taken = server.accept()
report(room=True)
wait()`,
      path,
    )
    await full.line()
    const before = openDescriptors()
    const stop = new AbortController()
    const waiting = unixOpener.connect(unix(path), request({ signal: stop.signal }))
    const patient = unixOpener.connect(unix(path), request())
    await sleep(150)
    const reason = new Error('no longer wanted')
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    full.tell('accept')
    using connected = owned(await patient)
    expect(connected.handle.remote).toEqual(unix(path))
    connected.handle.close()
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  withPython('aborted while nobody answers: the reason, and nothing stays open', async () => {
    await using silent = python(`
server = socket.create_server(('127.0.0.1', 0), backlog=0)
clients = [socket.socket() for _ in range(8)]
for client in clients:
  client.setblocking(False)
  client.connect_ex(server.getsockname())
time.sleep(0.1)
report(port=server.getsockname()[1])
wait()`)
    const { port } = await silent.report<{ port: number }>()
    const before = openDescriptors()
    const stop = new AbortController()
    const waiting = inetOpener.connect(tcp(port), request({ signal: stop.signal }))
    const ended = waiting.then(
      () => 'connected',
      () => 'rejected',
    )
    expect(await Promise.race([ended, sleep(100, 'waits')])).toBe('waits')
    expect(openDescriptors()).toBe(before + 1)
    const reason = new Error('no longer wanted')
    stop.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  always('aborted in every step of it: the reason or a connection, and nothing stays open', async () => {
    await using directory = await temporaryDirectory()
    using listener = new Acceptor(await unixOpener.listen(unix(directory.file('socket')), request()))
    using second = new Acceptor(await inetOpener.listen(tcp(0), request()))
    const before = openDescriptors()
    const attempts = [
      (signal: AbortSignal) => unixOpener.connect(unix(directory.file('socket')), request({ signal })),
      (signal: AbortSignal) => inetOpener.connect(tcp(portOf(second.handle), 'localhost'), request({ signal })),
    ]
    for (const attempt of attempts) {
      for (let steps = 0; steps < 20; steps++) {
        const stop = new AbortController()
        const outcome = attempt(stop.signal).then(
          (handle) => handle.close(),
          (error) => expect(error).toBe(stop.signal.reason),
        )
        for (let step = 0; step < steps; step++) await (step % 3 === 0 ? sleep(0) : Promise.resolve())
        stop.abort(new Error('no longer wanted'))
        await outcome
      }
    }
    listener.handle.close()
    second.handle.close()
    expect(await eventually(() => openDescriptors() <= before - 2)).toBe(true)
  })

  always('connecting from a Unix path is ERR_UNSUPPORTED', async () => {
    const local = unix('/tmp/never')
    await expect(unixOpener.connect(unix('/x'), request({ local }))).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })

  always('a Unix stream tells whom it reached; who connected has no name', async () => {
    await using directory = await temporaryDirectory()
    const address = unix(directory.file('socket'))
    using listener = new Acceptor(await unixOpener.listen(address, request()))
    listener.handle.resume()
    using near = new Reader(asStream(await unixOpener.connect(address, request())))
    expect([near.handle.local, near.handle.remote]).toEqual([undefined, address])
    expect(await eventually(() => listener.accepted.length > 0)).toBe(true)
    const far = listener.accepted[0]?.handle
    expect([far?.local, far?.remote]).toEqual([address, undefined])
    near.handle.reset()
    far?.resume()
    expect(await eventually(() => listener.accepted[0]?.calls.includes('end') ?? false)).toBe(true)
  })
})
