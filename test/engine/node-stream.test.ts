import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import type { Child } from '../support/child.ts'
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

const withPython = given(pythonThere)
const always = given()

/** Accepts one TCP connection as `peer`, and then does what `script` says. */
const accepting = (script: string): Child =>
  python(`
server = socket.create_server(('127.0.0.1', 0))
report(port=server.getsockname()[1])
peer, _ = server.accept()
${script}`)

async function connectTo(peer: Child, part = {}): Promise<Reader> {
  const { port } = await peer.report<{ port: number }>()
  return connectStream(port, part)
}

describe('a stream of the node engine', () => {
  withPython('carries bytes both ways, and each end by itself', async () => {
    await using peer = accepting(`
data = b''
while chunk := peer.recv(65536): data += chunk
peer.sendall(data[::-1])
peer.close()`)
    using near = await connectTo(peer)
    await near.write('ab', '', 'cd')
    await near.write('e')
    expect(near.calls).toEqual([])
    near.handle.resume()
    await near.end()
    expect(await eventually(() => near.calls.includes('end'))).toBe(true)
    expect(near.text).toBe('edcba')
    expect(near.calls.filter((call) => call !== 'data')).toEqual(['end'])
  })

  withPython('ends while our direction goes on', async () => {
    await using peer = accepting(`
peer.shutdown(socket.SHUT_WR)
report(got=peer.recv(100).decode())`)
    using near = await connectTo(peer)
    near.handle.resume()
    expect(await eventually(() => near.calls.includes('end'))).toBe(true)
    await near.write('still here')
    expect(await peer.report()).toEqual({ got: 'still here' })
  })

  withPython('reads nothing before resume and after pause, and holds up the sender', async () => {
    await using peer = accepting(`
peer.settimeout(0.5)
sent = 0
try:
  while sent < 200_000_000: sent += peer.send(bytes(1_000_000))
except TimeoutError: pass
report(sent=sent)
wait()
peer.settimeout(None)
peer.close()`)
    using near = await connectTo(peer)
    const { sent } = await peer.report<{ sent: number }>()
    // What fits into the socket buffers of both, tcp_rmem and tcp_wmem, and not the rest.
    expect(sent).toBeLessThan(50_000_000)
    expect(near.calls).toEqual([])
    near.handle.resume()
    expect(await eventually(() => near.bytes > 0)).toBe(true)
    near.handle.pause()
    const paused = near.bytes
    await sleep(100)
    expect(near.bytes).toBe(paused)
    near.handle.resume()
    peer.tell('close')
    expect(await eventually(() => near.calls.includes('end'))).toBe(true)
    expect(near.bytes).toBe(sent)
  })

  withPython('keeps its addresses when it is closed', async () => {
    await using peer = accepting('report(port=peer.getpeername()[1]); wait()')
    const near = await connectTo(peer)
    near.handle.close()
    near.handle.close()
    const { port } = await peer.report<{ port: number }>()
    expect(near.handle.local).toEqual(tcp(port))
    expect(near.handle.remote).toMatchObject({ host: '127.0.0.1', scheme: 'tcp' })
    expect(near.handle).toMatchObject({ engine: 'node', fd: undefined })
  })

  withPython('gives a write back that waits when it is closed, and calls nothing more', async () => {
    await using peer = accepting('wait()')
    const near = await connectTo(peer)
    const outcomes: unknown[] = []
    near.handle.write([Buffer.alloc(100_000_000)], (error) => outcomes.push(error))
    near.handle.resume()
    await sleep(50)
    near.handle.close()
    expect(outcomes).toMatchObject([{ code: 'ERR_SOCKET_CLOSED', name: 'SocketError' }])
    peer.tell('end')
    await peer.exited
    await sleep(50)
    expect(outcomes).toHaveLength(1)
    expect(near.calls).toEqual([])
    near.handle.write([Buffer.from('x')], (error) => outcomes.push(error))
    near.handle.end((error) => outcomes.push(error))
    const closed = { code: 'ERR_SOCKET_CLOSED' }
    expect(outcomes).toMatchObject([closed, closed, closed])
    expect(() => near.handle.setOption('noDelay', true)).toThrow(expect.objectContaining(closed))
  })

  withPython('tells once that the peer has reset, and gives the write back with the same error', async () => {
    await using peer = accepting(`
wait()
peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
peer.close()
report(closed=True)`)
    using near = await connectTo(peer)
    const outcomes: unknown[] = []
    near.handle.write([Buffer.alloc(100_000_000)], (error) => outcomes.push(error))
    near.handle.resume()
    peer.tell('reset')
    expect(await eventually(() => near.calls.length > 0)).toBe(true)
    await sleep(50)
    expect(near.calls).toEqual(['error'])
    expect(near.error).toMatchObject({ name: 'SocketError', code: expect.stringMatching(/^(ECONNRESET|EPIPE)$/) })
    expect(outcomes).toEqual([near.error])
  })

  withPython('resets: the peer sees it, and nothing stays open', async () => {
    const before = openDescriptors()
    {
      await using peer = accepting(`
try: report(got=peer.recv(1).decode())
except ConnectionResetError: report(reset=True)`)
      using near = await connectTo(peer)
      near.handle.reset()
      expect(await peer.report()).toEqual({ reset: true })
    }
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  withPython('leaves nothing open where a reset comes during the end of our direction', async () => {
    await using peer = accepting('wait()')
    const near = await connectTo(peer)
    const before = openDescriptors()
    const outcomes: unknown[] = []
    near.handle.end((error) => outcomes.push(error))
    near.handle.reset()
    expect(outcomes).toMatchObject([{ code: 'ERR_SOCKET_CLOSED' }])
    expect(await eventually(() => openDescriptors() < before)).toBe(true)
  })
})

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
})

describe('options of a stream of the node engine', () => {
  always('keepAlive and its delay are set whatever their order', async () => {
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request()))
    for (const options of [
      { keepAlive: true, keepAliveDelay: 5000 },
      { keepAliveDelay: 5000, keepAlive: true, noDelay: true },
    ]) {
      using near = await connectStream(portOf(listener.handle), { options })
      const [kind, jiffies = 0] = timerOf(portOf(near.handle))
      expect(kind, 'the timer of /proc/net/tcp is 2, keep-alive').toBe(2)
      expect(jiffies).toBeLessThanOrEqual(500)
      near.handle.setOption('keepAlive', false)
      expect(timerOf(portOf(near.handle))[0]).toBe(0)
    }
    using near = await connectStream(portOf(listener.handle), { options: { keepAliveDelay: 5000 } })
    expect(timerOf(portOf(near.handle))[0], 'a delay alone turns nothing on').toBe(0)
  })

  always('those of a listener go to what it accepts', async () => {
    const options = { keepAlive: true, keepAliveDelay: 7000 }
    using listener = new Acceptor(await inetOpener.listen(tcp(0), request({ options })))
    listener.handle.resume()
    using near = await connectStream(portOf(listener.handle))
    expect(await eventually(() => listener.accepted.length > 0)).toBe(true)
    expect(timerOf(portOf(listener.handle), portOf(near.handle))[0]).toBe(2)
  })

  always('unknown, of the wrong type, or not for Node: told apart, before anything is opened', async () => {
    const before = openDescriptors()
    const outcomes = [
      [{ nosuch: 1 }, { code: 'ERR_OPTION_UNKNOWN' }],
      [{ broadcast: true }, { code: 'ERR_OPTION_UNKNOWN' }],
      [{ noDelay: 'yes' }, { name: 'TypeError' }],
      [{ keepAliveDelay: -1 }, { name: 'TypeError' }],
      [{ linger: 0 }, { code: 'ERR_UNSUPPORTED' }],
      [{ receiveBuffer: 4096 }, { code: 'ERR_UNSUPPORTED' }],
      [{ ipv6Only: true }, { code: 'ERR_UNSUPPORTED' }],
    ] as const
    for (const [options, error] of outcomes) {
      await expect(inetOpener.connect(tcp(9), request({ options }))).rejects.toMatchObject(error)
    }
    await expect(unixOpener.connect(unix('/x'), request({ options: { noDelay: true } }))).rejects.toMatchObject({
      code: 'ERR_OPTION_UNKNOWN',
    })
    expect(openDescriptors()).toBe(before)
  })

  always('what Node cannot read is ERR_UNSUPPORTED', async () => {
    using listener = owned(await inetOpener.listen(tcp(0), request()))
    using near = await connectStream(portOf(listener.handle))
    const cannot = expect.objectContaining({ code: 'ERR_UNSUPPORTED' })
    expect(() => near.handle.getOption('noDelay')).toThrow(cannot)
    expect(() => near.handle.getOption({ level: 1, name: 7 })).toThrow(cannot)
    expect(() => near.handle.setOption({ level: 1, name: 7 }, Buffer.alloc(4))).toThrow(cannot)
    expect(() => near.handle.setOption('userTimeout', 5)).toThrow(cannot)
    expect(() => near.handle.setOption('noDelay', 'yes')).toThrow(TypeError)
    expect(() => near.handle.getOption('nosuch')).toThrow(expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }))
    near.handle.setOption('noDelay', true)
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

/** What /proc/net/tcp says of the timer of a connection: its kind, and when it fires, in hundredths of a second. */
function timerOf(port: number, remotePort?: number): number[] {
  const hex = (number: number): string => `:${number.toString(16).toUpperCase().padStart(4, '0')}`
  for (const line of readFileSync('/proc/net/tcp', 'ascii').split('\n')) {
    const [, local = '', remote = '', state, , timer = ''] = line.trim().split(/\s+/)
    if (state !== '01' || !local.endsWith(hex(port)) || (remotePort && !remote.endsWith(hex(remotePort)))) continue
    return timer.split(':').map((part) => Number.parseInt(part, 16))
  }
  throw new Error(`there is no connection from port ${port}`)
}
