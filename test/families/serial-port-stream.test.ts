import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connect, Heard, ScriptedPort, turns, unsuccessful } from './serial-port-scripted.ts'

vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

const code = (code: string): unknown => expect.objectContaining({ code, name: 'SocketError' })

async function open(): Promise<{ heard: Heard; port: ScriptedPort }> {
  const port = new ScriptedPort()
  const heard = new Heard(await connect(port))
  await turns()
  return { heard, port }
}

/** `count` writes find the buffer full. */
function full(port: ScriptedPort, count: number): void {
  const take = port.onWrite
  let left = count
  port.onWrite = (data, done) => {
    if (left-- > 0) setImmediate(() => done(unsuccessful()))
    else take(data, done)
  }
}

describe('writing by the driver', () => {
  test('goes in frames, one at a time, and is done after the last', async () => {
    const { heard, port } = await open()
    const bytes = Buffer.from(Array.from({ length: 1000 }, (_, i) => i & 0xff))
    expect(await heard.write(bytes.subarray(0, 300), bytes.subarray(300))).toBeNull()
    expect(port.bytes.equals(bytes)).toBe(true)
    expect(port.taken.map(({ length }) => length)).toEqual([127, 127, 127, 127, 127, 127, 127, 111])
    expect(await heard.write()).toBeNull()
    expect(await heard.write(new Uint8Array([1, 2]).subarray(1))).toBeNull()
    expect(port.taken.at(-1)).toEqual(Buffer.of(2))
    heard.handle.close()
    await turns()
  })

  test('tries a frame again that found the buffer full, and loses nothing', async () => {
    const { heard, port } = await open()
    full(port, 5)
    const bytes = Buffer.alloc(300, 'a')
    expect(await heard.write(bytes)).toBeNull()
    expect(port.bytes.equals(bytes)).toBe(true)
    heard.handle.close()
    await turns()
  })

  test('is one frame at a time in the whole process, and waits with a connect for it', async () => {
    const { heard: first, port: firstPort } = await open()
    const { heard: second, port: secondPort } = await open()
    const pending: (() => void)[] = []
    for (const port of [firstPort, secondPort]) {
      port.onWrite = (_data, done) => {
        pending.push(done)
      }
    }
    const writes = [first.write(Buffer.alloc(127)), second.write(Buffer.alloc(127))]
    const third = new ScriptedPort()
    const connecting = connect(third)
    await turns()
    expect([pending.length, third.calls]).toEqual([1, []])
    pending.shift()?.()
    await turns()
    expect([pending.length, third.calls]).toEqual([1, []])
    pending.shift()?.()
    expect(await Promise.all(writes)).toEqual([null, null])
    const handle = await connecting
    for (const one of [first.handle, second.handle, handle]) one.close()
    await turns()
  })

  test('to a peer that is gone is EPIPE, although the driver calls back as if all were well', async () => {
    const { heard, port } = await open()
    full(port, 2)
    const writing = heard.write(Buffer.alloc(10))
    await turns()
    port.breakOff()
    expect(await writing).toEqual(code('EPIPE'))
    expect(await heard.write(Buffer.alloc(10))).toEqual(code('EPIPE'))
    expect(port.taken).toEqual([])
    heard.handle.close()
  })
})

describe('a peer that takes nothing', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }))
  afterEach(() => void vi.useRealTimers())

  test('is waited for as long as we read, which tells when it is gone; else 30 s', async () => {
    const { heard, port } = await open()
    heard.handle.resume()
    full(port, Number.POSITIVE_INFINITY)
    let outcome: unknown
    void heard.write(Buffer.alloc(10)).then((error) => {
      outcome = error
    })
    vi.advanceTimersByTime(60_000)
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(outcome).toBeUndefined()
    heard.handle.pause()
    port.answer(Buffer.from('x'))
    await new Promise((resolve) => setTimeout(resolve, 120))
    expect(outcome).toEqual(code('ETIMEDOUT'))
    heard.handle.close()
  })
})

describe('reading by the driver', () => {
  test('gives what comes, and reads on while somebody wants it', async () => {
    const { heard, port } = await open()
    heard.handle.resume()
    for (const text of ['a', 'b', 'c']) {
      expect(port.isReading).toBe(true)
      port.answer(Buffer.from(text))
      await turns()
    }
    expect(heard.chunks.map(String)).toEqual(['a', 'b', 'c'])
    heard.handle.close()
    await turns()
  })

  test('paused keeps what a read brought that was under way, and reads no more: the peer is held up', async () => {
    const { heard, port } = await open()
    port.answer(Buffer.from('early'))
    await turns()
    expect([heard.text, port.isReading]).toEqual(['', false])
    heard.handle.resume()
    expect(heard.text).toBe('early')
    await turns()
    expect(port.isReading).toBe(true)
    heard.handle.pause()
    port.answer(Buffer.from(', late'))
    await turns()
    expect([heard.text, port.isReading]).toEqual(['early', false])
    heard.handle.resume()
    expect(heard.text).toBe('early, late')
    heard.handle.close()
    await turns()
  })

  test('a driver that reads on by itself may bring 1 MiB, then it is ENOBUFS', async () => {
    const port = new ScriptedPort()
    const listeners = port.listeners.bind(port)
    port.listeners = (name) => (name === 'data' ? [] : listeners(name))
    const heard = new Heard(await connect(port))
    await turns()
    for (let i = 0; i <= 1024; i++) port.emit('data', Buffer.alloc(1024))
    heard.handle.resume()
    expect(heard.chunks.reduce((sum, { length }) => sum + length, 0)).toBe(1024 * 1024)
    expect(heard.errors).toEqual([code('ENOBUFS')])
    expect(port.isOpen()).toBe(false)
    heard.handle.close()
    await turns()
  })
})

describe('the end by the driver', () => {
  test.each(['breakOff', 'empty'] as const)('is that of the peer: %s', async (how) => {
    const { heard, port } = await open()
    heard.handle.resume()
    port.answer(Buffer.from('last words'))
    await turns()
    if (how === 'breakOff') port.breakOff()
    else port.answer(Buffer.alloc(0))
    await turns()
    expect([heard.text, heard.ends, heard.errors]).toEqual(['last words', 1, []])
    expect(await heard.end()).toBeNull()
    heard.handle.close()
    await turns()
    expect(heard.ends).toBe(1)
  })

  test('end() closes, and is the end of both directions', async () => {
    const { heard, port } = await open()
    heard.handle.resume()
    await heard.write(Buffer.from('x'))
    expect(await heard.end()).toBeNull()
    await turns()
    expect([port.isOpen(), heard.ends, heard.errors]).toEqual([false, 1, []])
    heard.handle.close()
    expect(port.calls.filter((call) => call === 'close')).toHaveLength(1)
  })

  test('close gives a pending write back once, stops it, and calls nothing more', async () => {
    const { heard, port } = await open()
    heard.handle.resume()
    const outcomes: unknown[] = []
    heard.handle.write([Buffer.alloc(1000)], (error) => outcomes.push((error as NodeJS.ErrnoException).code))
    await turns(1)
    heard.handle.close()
    heard.handle.close()
    const taken = port.taken.length
    await turns()
    expect(outcomes).toEqual(['ERR_SOCKET_CLOSED'])
    expect(port.taken.length).toBe(taken)
    expect([heard.text, heard.ends, heard.errors]).toEqual(['', 0, []])
    expect(await heard.write(Buffer.from('y'))).toEqual(code('ERR_SOCKET_CLOSED'))
    expect(await heard.end()).toEqual(code('ERR_SOCKET_CLOSED'))
    expect(() => heard.handle.getOption('x')).toThrow(code('ERR_SOCKET_CLOSED') as Error)
    heard.handle.reset()
    heard.handle.ref()
    heard.handle.unref()
  })
})
