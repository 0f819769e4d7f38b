import { closeSync, fstatSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect } from 'vitest'
import { adopt, connect, createConnection, listen, type StreamEndpoint, socketpair } from '../../src/index.ts'
import { errorOf } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const unix = given(scheme('unix'))

const opened: StreamEndpoint[] = []
const descriptorsBefore = noDescriptorsLeft(() => {
  for (const endpoint of opened.splice(0)) endpoint.destroy()
})

function pair(): [StreamEndpoint, StreamEndpoint] {
  const ends = socketpair('unix') as [StreamEndpoint, StreamEndpoint]
  // One that is destroyed with something unread resets the other.
  for (const end of ends) opened.push(end.on('error', () => undefined))
  return ends
}

type Arrival = string | number[]

/** Data and descriptors in the order in which they come. */
function arrivals(endpoint: StreamEndpoint): Arrival[] {
  const log: Arrival[] = []
  endpoint.on('fds', (fds: number[]) => log.push(fds))
  endpoint.on('data', (data: Buffer) => log.push(data.toString()))
  return log
}

function closeAll(log: readonly Arrival[]): void {
  for (const fd of log.flat()) if (typeof fd === 'number') closeSync(fd)
}

const received = (log: readonly Arrival[]): string => log.filter((each) => typeof each === 'string').join('')

function writtenWithFds(endpoint: StreamEndpoint, text: string, fds: readonly number[]): Promise<void> {
  return new Promise((resolve, reject) =>
    endpoint.writeWithFds(Buffer.from(text), fds, (error) => (error ? reject(error) : resolve())),
  )
}

describe('descriptors that come', () => {
  unix('are announced before the bytes that they came with, and belong to the listener', async () => {
    const [a, b] = pair()
    const log = arrivals(b)
    await using directory = await temporaryDirectory()
    const path = directory.file('text')
    writeFileSync(path, 'content')
    const file = openSync(path, 'r')
    await writtenWithFds(a, 'x', [file, file])
    closeSync(file)
    expect(await eventually(() => log.length === 2)).toBe(true)
    expect(log).toEqual([[expect.any(Number), expect.any(Number)], 'x'])
    const [fd] = log[0] as number[]
    const text = Buffer.alloc(7)
    readSync(fd as number, text, 0, 7, 0)
    expect(text.toString()).toBe('content')
    closeAll(log)
  })

  unix('may be sockets, which adopt takes', async () => {
    const [a, b] = pair()
    const [inner, far] = pair()
    const arrived = new Promise<number[]>((resolve) => b.once('fds', resolve))
    b.resume()
    await writtenWithFds(a, 'x', [inner.fd as number])
    inner.destroy()
    const [fd] = await arrived
    const adopted = adopt(fd as number) as StreamEndpoint
    far.write('through it')
    expect(String(await new Promise((resolve) => adopted.once('data', resolve)))).toBe('through it')
    adopted.destroy()
  })

  unix('are closed by the system while nobody listens for them', async () => {
    const [a, b] = pair()
    const data: string[] = []
    b.on('data', (chunk: Buffer) => data.push(chunk.toString()))
    await writtenWithFds(a, 'x', [0, 1])
    expect(await eventually(() => data.length === 1)).toBe(true)
    const log = arrivals(b)
    await writtenWithFds(a, 'y', [0])
    expect(await eventually(() => log.length === 2)).toBe(true)
    closeAll(log)
    b.removeAllListeners('fds')
    await writtenWithFds(a, 'z', [0])
    expect(await eventually(() => data.length === 3)).toBe(true)
  })

  unix('are closed when the endpoint is destroyed before it read them', async () => {
    const [a, b] = pair()
    b.on('fds', () => expect.unreachable())
    b.pause()
    await writtenWithFds(a, 'x', [0, 1])
    b.destroy()
  })

  unix('an endpoint that is destroyed by the listener gets nothing more', async () => {
    const [a, b] = pair()
    const log: Arrival[] = []
    b.on('fds', (fds: number[]) => {
      log.push(fds)
      b.destroy()
    })
    b.on('data', (data: Buffer) => log.push(data.toString()))
    await writtenWithFds(a, 'x', [0])
    await writtenWithFds(a, 'y', [0])
    expect(await eventually(() => b.closed)).toBe(true)
    expect(log).toEqual([[expect.any(Number)]])
    closeAll(log)
  })

  unix('wait in the system while the endpoint is paused', async () => {
    const [a, b] = pair()
    const log = arrivals(b)
    b.pause()
    await writtenWithFds(a, 'x', [0])
    await sleep(50)
    expect(received(log)).toBe('')
    b.resume()
    expect(await eventually(() => received(log) === 'x')).toBe(true)
    closeAll(log)
  })

  unix('reach what a listener accepts', async () => {
    await using directory = await temporaryDirectory()
    await using listener = await listen(`unix:${directory.file('socket')}`)
    const client = createConnection(listener.address) as StreamEndpoint
    expect(errorOf(() => client.writeWithFds(Buffer.from('x'), [0]))).toMatchObject({ code: 'ENOTCONN' })
    client.once('connect', () => client.writeWithFds(Buffer.from('x'), [0]))
    const accepted = (await listener.accept()) as StreamEndpoint
    const log = arrivals(accepted)
    expect(await eventually(() => log.length === 2)).toBe(true)
    closeAll(log)
    client.destroy()
    accepted.destroy()
  })
})

describe('descriptors that are sent', () => {
  unix('keep their place among other writes of the tick, and nothing joins them', async () => {
    const [a, b] = pair()
    const log = arrivals(b)
    a.write('one ')
    a.write('two ')
    a.writeWithFds(Buffer.from('three '), [0, 1])
    a.write('four ')
    a.writeWithFds(Buffer.from('five '), [0])
    a.writeWithFds(Buffer.from('six '), [0])
    a.end('seven')
    expect(await eventually(() => received(log).endsWith('seven'))).toBe(true)
    const shape = log.map((each) => (typeof each === 'string' ? each : each.length))
    expect(shape).toEqual([2, 'one two three ', 1, 'four five ', 1, 'six ', 'seven'])
    closeAll(log)
  })

  unix('keep their place behind megabytes that wait, also when their own bytes go in parts', async () => {
    const [a, b] = pair()
    b.pause()
    const large = Buffer.alloc(1 << 20, 'a')
    a.write(large)
    a.writeWithFds(Buffer.alloc(1 << 20, 'b'), [0])
    a.write(large)
    await sleep(20)
    const log = arrivals(b)
    b.resume()
    expect(await eventually(() => received(log).length === 3 << 20)).toBe(true)
    const place = log.findIndex((each) => typeof each !== 'string')
    const earlier = received(log.slice(0, place)).length
    expect(earlier).toBeGreaterThan(0)
    expect(earlier).toBeLessThanOrEqual(1 << 20)
    expect(received(log)).toBe(`${large}${Buffer.alloc(1 << 20, 'b')}${large}`)
    expect(a.bytesWritten).toBe(3 << 20)
    closeAll(log)
  })

  unix('are duplicated: the caller may close its own before they are sent', async () => {
    const [a, b] = pair()
    const log = arrivals(b)
    await using directory = await temporaryDirectory()
    const file = openSync(directory.file('text'), 'w+')
    const { ino } = fstatSync(file)
    a.cork()
    a.writeWithFds(Buffer.from('x'), [file])
    closeSync(file)
    const other = openSync('/dev/null', 'r')
    expect(other).toBe(file)
    a.uncork()
    expect(await eventually(() => log.length === 2)).toBe(true)
    const [fd] = log[0] as [number]
    expect(fstatSync(fd).ino).toBe(ino)
    writeSync(fd, 'still open')
    closeSync(other)
    closeAll(log)
  })

  unix('the same buffer twice, with different descriptors', async () => {
    const [a, b] = pair()
    const log = arrivals(b)
    const bytes = Buffer.from('x')
    a.writeWithFds(bytes, [0])
    a.writeWithFds(bytes, [0, 0])
    expect(await eventually(() => received(log) === 'xx')).toBe(true)
    expect(log.map((each) => each.length)).toEqual([1, 1, 2, 1])
    closeAll(log)
  })

  unix('a thousand of them in one tick', async () => {
    const [a, b] = pair()
    let count = 0
    b.on('fds', (fds: number[]) => {
      count += fds.length
      closeAll([fds])
    })
    b.resume()
    for (let i = 0; i < 1000; i++) a.writeWithFds(Buffer.from('x'), [0, 1, 2])
    expect(await eventually(() => count === 3000)).toBe(true)
  })

  unix('are let go when the endpoint is destroyed with them in its queue', async () => {
    const [a, b] = pair()
    b.pause()
    const errors: unknown[] = []
    a.write(Buffer.alloc(4 << 20))
    for (let i = 0; i < 5; i++) a.writeWithFds(Buffer.from('x'), [0, 1], (error) => errors.push(error))
    await sleep(20)
    expect(openDescriptors()).toBe(descriptorsBefore() + 4 + 8)
    a.destroy()
    expect(await eventually(() => errors.length === 5)).toBe(true)
    for (const error of errors) expect(error).toBeInstanceOf(Error)
  })

  unix('are let go when the peer is gone', async () => {
    const [a, b] = pair()
    b.destroy()
    const failed = new Promise((resolve) => a.once('error', resolve))
    a.write('x')
    a.writeWithFds(Buffer.from('x'), [0, 1])
    a.writeWithFds(Buffer.from('x'), [0, 1])
    expect(await failed).toMatchObject({ code: 'EPIPE' })
  })

  unix('errors before anything is sent leave the endpoint as good as before', async () => {
    const [a, b] = pair()
    const log = arrivals(b)
    const x = Buffer.from('x')
    const code = (fds: readonly number[]) => errorOf(() => a.writeWithFds(x, fds)).code
    expect(code(Array.from({ length: 254 }, () => 0))).toBe('EINVAL')
    expect(code([0, 99_999])).toBe('EBADF')
    const badFds: unknown[] = [[], [-1], [1.5], ['0'], [2 ** 31], 'fds', undefined, null, new Int32Array(1)]
    for (const fds of badFds) expect(() => a.writeWithFds(x, fds as number[])).toThrow(TypeError)
    for (const bytes of [Buffer.alloc(0), 'text', undefined, null, 7]) {
      expect(() => a.writeWithFds(bytes as Uint8Array, [0])).toThrow(TypeError)
    }
    await writtenWithFds(
      a,
      'ok',
      Array.from({ length: 253 }, () => 0),
    )
    expect(await eventually(() => received(log) === 'ok')).toBe(true)
    expect(log[0]).toHaveLength(253)
    closeAll(log)
  })

  unix('after end and after destroy the stream’s own error tells, and nothing is held', async () => {
    const [a, b] = pair()
    a.end()
    a.on('error', () => undefined)
    await expect(writtenWithFds(a, 'x', [0])).rejects.toMatchObject({ code: 'ERR_STREAM_WRITE_AFTER_END' })
    b.destroy()
    await expect(writtenWithFds(b, 'x', [0])).rejects.toMatchObject({ code: 'ERR_STREAM_DESTROYED' })
  })

  unix('neither tcp nor the node engine carries them', async () => {
    await using listener = await listen('tcp://127.0.0.1:0')
    const tcp = (await connect(listener.address)) as StreamEndpoint
    await using directory = await temporaryDirectory()
    await using node = await listen(`unix:${directory.file('socket')}`, { engine: 'node' })
    const unixOverNode = (await connect(node.address, { engine: 'node' })) as StreamEndpoint
    for (const endpoint of [tcp, unixOverNode]) {
      expect(errorOf(() => endpoint.writeWithFds(Buffer.from('x'), [0]))).toMatchObject({ code: 'ERR_UNSUPPORTED' })
      endpoint.destroy()
    }
  })
})
