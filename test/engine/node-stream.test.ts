import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import type { Child } from '../support/child.ts'
import { given, python as pythonThere } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { connectStream, python, type Reader, tcp } from './node-handles.ts'

const withPython = given(pythonThere)

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

  withPython('leaves what comes while it is paused to the system, where single bytes cost no memory each', async () => {
    await using peer = accepting(`
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for _ in range(1000):
  peer.send(b'x')
  time.sleep(0.0003)
report(sent=True)
wait()`)
    using near = await connectTo(peer)
    near.handle.resume()
    expect(await eventually(() => near.bytes > 0)).toBe(true)
    near.handle.pause()
    const before = near.calls.length
    await peer.report()
    near.handle.resume()
    expect(await eventually(() => near.bytes === 1000)).toBe(true)
    expect(near.calls.length - before).toBeLessThan(10)
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
