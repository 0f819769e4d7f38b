import { describe, expect, test } from 'vitest'
import { connected, fresh, listen, pattern, settle, until } from './memory-ends.ts'

const code = (code: string): unknown => expect.objectContaining({ code })

/** What one direction holds before a write waits. */
const CAPACITY = 262_144

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

  test('a peer that goes on writing without a pause has to wait once it has filled the connection, and learns of it', async () => {
    using pair = await connected()
    const { near, far } = pair
    near.handle.close()
    let failure: unknown
    let written = 0
    while (failure === undefined && written < 4 * CAPACITY) {
      failure = await far.write(Buffer.alloc(65_536))
      written += 65_536
    }
    expect(failure).toBe('ECONNRESET')
    expect(written).toBe(CAPACITY + 65_536)
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
