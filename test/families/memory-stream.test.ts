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

describe('a memory stream that closes', () => {
  test('delivers what it had written, then ends; a second close does nothing', async () => {
    using pair = await connected()
    const { near, far } = pair
    await near.write(pattern(200_000))
    near.handle.close()
    near.handle.close()
    await until('the end', () => far.ended)
    expect(far.data.equals(pattern(200_000))).toBe(true)
    expect(await near.write(Buffer.from('x'))).toBe('ERR_SOCKET_CLOSED')
    await expect(near.end()).rejects.toThrow(code('ERR_SOCKET_CLOSED'))
  })

  test('fails its waiting write with ERR_SOCKET_CLOSED, and calls nothing after that', async () => {
    using pair = await connected(fresh('memory'), {}, { farPaused: true })
    const { near, far } = pair
    const blocked = near.write(Buffer.alloc(CAPACITY + 1))
    await far.write(Buffer.from('unread'))
    near.handle.close()
    expect(await blocked).toBe('ERR_SOCKET_CLOSED')
    await settle()
    expect(near.size + (near.ended ? 1 : 0)).toBe(0)
    expect(near.error).toBeUndefined()
  })

  test('with bytes unread resets the peer, after what it had written', async () => {
    using pair = await connected(fresh('memory'), {}, { nearPaused: true })
    const { near, far } = pair
    await far.write(Buffer.from('unread'))
    await near.write(Buffer.from('last words'))
    near.handle.close()
    await until('the reset', () => far.error !== undefined)
    expect(far.error).toMatchObject({ code: 'ECONNRESET' })
    expect(far.data.toString()).toBe('last words')
    expect(far.ended).toBe(false)
  })

  test('a peer that goes on writing is reset, and then gets EPIPE', async () => {
    using pair = await connected()
    const { near, far } = pair
    near.handle.close()
    await until('the end', () => far.ended)
    expect(await far.write(Buffer.from('into the void'))).toBeUndefined()
    await until('the reset', () => far.error !== undefined)
    expect(far.error).toMatchObject({ code: 'ECONNRESET' })
    expect(await far.write(Buffer.from('again'))).toBe('EPIPE')
  })

  test('a peer whose write waits learns of it, although it reads nothing', async () => {
    using pair = await connected(fresh('memory'), {}, { nearPaused: true, farPaused: true })
    const { near, far } = pair
    const blocked = far.write(Buffer.alloc(CAPACITY + 1))
    await near.write(Buffer.from('unread by far'))
    near.handle.close()
    expect(await blocked).toBe('ECONNRESET')
    expect(far.error).toBeUndefined()
    far.handle.resume()
    await until('the reset', () => far.error !== undefined)
    expect(far.data.toString()).toBe('unread by far')
  })

  test('reset drops what is on its way', async () => {
    using pair = await connected(fresh('memory'), {}, { farPaused: true })
    const { near, far } = pair
    await near.write(Buffer.from('never seen'))
    near.handle.reset()
    await until('the reset', () => far.error !== undefined)
    expect(far.error).toMatchObject({ code: 'ECONNRESET', syscall: 'read' })
    expect(far.size).toBe(0)
  })

  test('frees its name', async () => {
    const local = fresh('memory')
    const pair = await connected(fresh('memory'), { local })
    expect(pair.near.handle.local).toEqual(local)
    await expect(listen(local)).rejects.toThrow(code('EADDRINUSE'))
    pair.near.handle.close()
    ;(await listen(local)).close()
    pair[Symbol.dispose]()
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
