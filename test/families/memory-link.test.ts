import { describe, expect, test, vi } from 'vitest'
import { memoryLink } from '../../src/families/memory.ts'
import { bind, bound, connect, connected, DatagramEnd, fresh, settle, until } from './memory-ends.ts'

vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

describe('a link', () => {
  test('cut: every connection over it, paused or waiting, is reset at once', async () => {
    const address = fresh('memory')
    using first = await connected(address, {}, { farPaused: true })
    const second = await connect(address)
    const link = memoryLink(address)
    const waiting = first.near.write(Buffer.alloc(1_000_000))
    await settle()
    expect(link.cut()).toBe(2)
    expect(first.near.error).toBeUndefined()
    await until('both ends reset', () => first.near.error !== undefined && first.far.error !== undefined)
    expect([first.near.error?.code, first.far.error?.code]).toEqual(['ECONNRESET', 'ECONNRESET'])
    expect(await waiting).toBe('ECONNRESET')
    expect(first.far.size).toBe(0)
    expect(link.cut()).toBe(0)
    expect(link.stats.cuts).toBe(2)
    second.close()
    // The listener is as good as before.
    const third = await connect(address)
    expect(memoryLink(third.local ?? address).cut()).toBe(1)
    third.close()
  })

  test('can be had before its socket, and its faults can be changed and read while it is in use', async () => {
    const address = fresh('memory')
    const link = memoryLink(`memory:${address.name}`)
    link.faults = { delay: 50 }
    const start = performance.now()
    using pair = await connected(address)
    expect(performance.now() - start).toBeGreaterThan(90)
    expect(pair.far.handle.getOption('faults')).toEqual({ delay: 50 })
    pair.listener.setOption('faults', { loss: 0 })
    expect(link.faults).toEqual({ loss: 0 })
    expect(link.address).toEqual(address)
    expect(() => {
      link.faults = { loss: 7 }
    }).toThrow(TypeError)
    expect(() => pair.near.handle.setOption('faults', { delay: -1 })).toThrow(TypeError)
    await expect(connect(address, { options: { faults: 'bad' } })).rejects.toThrow(TypeError)
  })

  test('given by the option wins over given by the address, one by one', async () => {
    const handle = await bind(fresh('memorygram', { loss: 0.1, delay: 5 }), { options: { faults: { loss: 0.2 } } })
    using socket = new DatagramEnd(handle)
    expect(socket.handle.getOption('faults')).toEqual({ loss: 0.2, delay: 5 })
    expect(socket.handle.local).not.toHaveProperty('faults')
  })

  test('follows a test’s fake clock: a minute on the way takes no time', async () => {
    vi.useFakeTimers()
    try {
      using sender = await bound()
      using receiver = await bound({ delay: 60_000 })
      await sender.send(['a minute', 'in order', 'as sent'], receiver.handle.local)
      await vi.advanceTimersByTimeAsync(59_990)
      expect(receiver.messages).toEqual([])
      await vi.advanceTimersByTimeAsync(20)
      expect(receiver.texts).toEqual(['a minute', 'in order', 'as sent'])
    } finally {
      vi.useRealTimers()
    }
  })
})
