import { describe, expect, test } from 'vitest'
import { type MemoryAddress, memory } from '../../src/families/memory.ts'
import { bind, connect, connected, fresh, listen, pattern, StreamEnd, settle, until } from './memory-ends.ts'

const code = (code: string): unknown => expect.objectContaining({ code })

/** What one direction holds before a write waits. */
const CAPACITY = 262_144

describe('memory streams', () => {
  test('carry bytes both ways, under the names of both ends', async () => {
    const address = fresh('memory')
    using pair = await connected(address)
    const { near, far, listener } = pair
    expect(near.handle.remote).toEqual(address)
    expect(far.handle.local).toEqual(address)
    expect(listener.local).toEqual(address)
    expect(far.handle.remote).toEqual(near.handle.local)
    expect(near.handle).toMatchObject({ engine: 'memory', fd: undefined, type: 'stream' })
    const sent = pattern(3 * 1024 * 1024 + 1)
    const [there, back] = [near.write(sent), far.write(Buffer.from('hello '), new Uint8Array(0), Buffer.from('there'))]
    await until('all of it', () => far.size === sent.length && near.size === 11)
    expect(await there).toBeUndefined()
    expect(await back).toBeUndefined()
    expect(far.data.equals(sent)).toBe(true)
    expect(near.data.toString()).toBe('hello there')
  })

  test('deliver nothing within the call, nothing before start and resume, and keep no sender’s buffer', async () => {
    const [a, b] = pairOf('memory')
    const near = new StreamEnd(a)
    const mine = Buffer.from('first')
    expect(await near.write(mine)).toBeUndefined()
    mine.fill('x')
    await settle()
    const far = new StreamEnd(b, true)
    await settle()
    expect(far.chunks).toEqual([])
    far.handle.resume()
    expect(far.chunks).toEqual([])
    await until('it', () => far.size === 5)
    expect(far.data.toString()).toBe('first')
    const chunk = far.chunks[0] as Buffer
    near.handle.write([Buffer.from('more')], () => {})
    expect(far.size).toBe(5)
    await settle()
    expect(far.data.toString()).toBe('firstmore')
    expect(chunk.toString()).toBe('first')
    a.close()
    b.close()
  })

  test('pause stops at once, even within onData', async () => {
    const [a, b] = pairOf('memory')
    const near = new StreamEnd(a)
    const got: string[] = []
    b.start({
      onData: (chunk) => {
        got.push(chunk.toString())
        b.pause()
      },
      onEnd: () => got.push('end'),
      onError: (error) => got.push(String(error)),
    })
    b.resume()
    for (const text of ['one', 'two', 'three']) await near.write(Buffer.from(text))
    await near.end()
    for (const expected of ['one', 'two', 'three', 'end']) {
      await settle()
      expect(got.splice(0)).toEqual([expected])
      b.resume()
    }
    a.close()
    b.close()
  })

  test('one direction ends, the other goes on', async () => {
    using pair = await connected()
    const { near, far } = pair
    await near.write(Buffer.from('question'))
    await near.end()
    await until('the end', () => far.ended)
    expect(far.data.toString()).toBe('question')
    await far.write(pattern(100_000))
    await far.end()
    await until('the other end', () => near.ended)
    expect(near.data.equals(pattern(100_000))).toBe(true)
  })

  test('a write waits while the reader does, and no more than the capacity is held', async () => {
    using pair = await connected(fresh('memory'), {}, { farPaused: true })
    const { near, far } = pair
    expect(await near.write(Buffer.alloc(CAPACITY))).toBeUndefined()
    let done = false
    const blocked = near.write(pattern(3 * CAPACITY)).then((error) => {
      done = true
      return error
    })
    await settle()
    expect(done).toBe(false)
    // Nothing has been copied yet: there was no room.
    far.handle.resume()
    await until('all of it', () => far.size === 4 * CAPACITY)
    expect(await blocked).toBeUndefined()
    expect(far.data.subarray(CAPACITY).equals(pattern(3 * CAPACITY))).toBe(true)
    expect(Math.max(...far.chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(65_536)
  })

  test('an endless writer leaves the event loop its turns', async () => {
    using pair = await connected()
    const { near, far } = pair
    let stop = false
    const chunk = Buffer.alloc(65_536)
    const writing = (async () => {
      while (!stop) await near.write(chunk)
    })()
    for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setTimeout(resolve, 1))
    stop = true
    await writing
    expect(far.size).toBeGreaterThan(0)
  })

  test('so does one that writes from within the reader’s onData', async () => {
    const [a, b] = pairOf('memory')
    let stop = false
    let turns = 0
    b.start({
      onData: () => {
        if (turns++ > 1_000_000) throw new Error('the loop never had its turn')
        if (!stop) a.write([Buffer.from('x')], () => {})
      },
      onEnd: () => {},
      onError: () => {},
    })
    b.resume()
    a.write([Buffer.from('x')], () => {})
    await new Promise((resolve) => setTimeout(resolve, 10))
    stop = true
    expect(turns).toBeGreaterThan(1)
    a.close()
    b.close()
  })
})

describe('a pair of memory streams', () => {
  test('is connected both ways', async () => {
    const [a, b] = pairOf('memory')
    expect(a.remote).toEqual(b.local)
    expect(b.remote).toEqual(a.local)
    const [near, far] = [new StreamEnd(a), new StreamEnd(b)]
    await near.write(Buffer.from('ping'))
    await far.write(Buffer.from('pong'))
    await near.end()
    await until('all', () => far.ended && near.size === 4)
    expect([near.data.toString(), far.data.toString()]).toEqual(['pong', 'ping'])
    a.close()
    b.close()
  })
})

describe('what memory does not have', () => {
  test('an unknown option is ERR_OPTION_UNKNOWN at every place', async () => {
    const options = { receiveBuffer: 4096 }
    const unknown = code('ERR_OPTION_UNKNOWN')
    await expect(listen(fresh('memory'), { options })).rejects.toThrow(unknown)
    await expect(bind(fresh('memorygram'), { options })).rejects.toThrow(unknown)
    using pair = await connected()
    await expect(connect(pair.listener.local as MemoryAddress, { options })).rejects.toThrow(unknown)
    expect(() => pair.near.handle.setOption('noDelay', true)).toThrow(unknown)
    expect(() => pair.far.handle.getOption({ level: 1, name: 7 })).toThrow(unknown)
  })

  test('an engine that is asked for is ERR_UNSUPPORTED, as are streams bound and datagrams listened to', async () => {
    const refused = code('ERR_UNSUPPORTED')
    await expect(listen(fresh('memory'), { engine: 'kernel' })).rejects.toThrow(refused)
    await expect(bind(fresh('memorygram'), { engine: 'node' })).rejects.toThrow(refused)
    await expect(bind(fresh('memory'))).rejects.toThrow(refused)
    await expect(listen(fresh('memorygram'))).rejects.toThrow(refused)
  })

  test('it is always available', () => {
    expect(memory.probe('memory')).toEqual({ available: true, engine: 'memory' })
  })
})

function pairOf(scheme: 'memory') {
  const pair = memory.socketpair?.(scheme)
  if (pair?.[0].type !== 'stream' || pair[1].type !== 'stream') throw new Error('no pair of streams')
  return [pair[0], pair[1]] as const
}
