import { closeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { EAGAIN } from '../../src/engine/errno.ts'
import { closeOnceSent } from '../../src/engine/parting.ts'
import { AF_UNIX, describeNative, isOpen, SOCK_STREAM } from '../native/support.ts'
import { settledMemory } from '../support/resources.ts'

// What was sent on a Unix socket holds memory of the sender's until it is read, as what waits for room holds RFCOMM's.
describeNative('closing once what was sent has left', ({ addon, pair, watch }) => {
  const owners = new Map<number, object>()

  const chunk = Buffer.alloc(65_536, 'x')

  /** Two ends that are watched, as every socket is. */
  function ends(): [near: number, far: number] {
    const both = pair(AF_UNIX, SOCK_STREAM)
    for (const fd of both)
      owners.set(
        fd,
        watch(fd, () => undefined),
      )
    return both
  }

  function part(fd: number): void {
    closeOnceSent(addon, fd, owners.get(fd) as object)
  }

  /** Sends until nothing more is taken, so many bytes at a time; returns the bytes. */
  function fill(fd: number, size = chunk.length): number {
    let total = 0
    for (;;) {
      const count = addon.send(fd, chunk, 0, size)
      if (count < 0) return total
      total += count
    }
  }

  /** Reads all that is there; returns the bytes, and what the last call gave. */
  function drain(fd: number): { bytes: number; last: number } {
    const buffer = Buffer.alloc(chunk.length)
    let bytes = 0
    for (;;) {
      const last = addon.recv(fd, buffer, 0, buffer.length)
      if (last <= 0) return { bytes, last }
      bytes += last
    }
  }

  test('with nothing on its way it is closed at once', () => {
    const [near] = ends()
    part(near)
    expect(isOpen(near)).toBe(false)
  })

  test('else when the peer has taken it: all of it, and then the end', async () => {
    const [near, far] = ends()
    const sent = fill(near)
    part(near)
    expect(isOpen(near)).toBe(true)
    expect(drain(far)).toEqual({ bytes: sent, last: EAGAIN })
    await vi.waitFor(() => expect(isOpen(near)).toBe(false))
    expect(drain(far)).toEqual({ bytes: 0, last: 0 })
  })

  test('two that are full, each waiting for the other to read, both come to their end', async () => {
    const both = ends()
    for (const fd of both) expect(fill(fd)).toBeGreaterThan(0)
    for (const fd of both) part(fd)
    await vi.waitFor(() => expect(both.map(isOpen)).toEqual([false, false]), { timeout: 3000 })
  })

  test('what comes is another reader’s as long as what was sent is leaving', async () => {
    const [near, far] = ends()
    fill(near, 4096)
    addon.send(far, chunk, 0, 100)
    part(near)
    const other = addon.duplicate(near)
    for (let round = 0; round < 20; round++) {
      expect(addon.recv(far, Buffer.alloc(4096), 0, 4096)).toBe(4096)
      await delay(30)
    }
    expect(drain(other).bytes).toBe(100)
    addon.close(other)
    drain(far)
    await vi.waitFor(() => expect(isOpen(near)).toBe(false))
  })

  test('its owner is not collected before, as its number would be another socket’s by the time it is closed', async () => {
    const [near, far] = pair(AF_UNIX, SOCK_STREAM)
    const partForgotten = (): WeakRef<object> => {
      const owner = {}
      expect(addon.watch(near, owner, {}, () => undefined)).toBe(0)
      fill(near)
      closeOnceSent(addon, near, owner)
      return new WeakRef(owner)
    }
    const owner = partForgotten()
    await settledMemory()
    expect(isOpen(near)).toBe(true)
    drain(far)
    await vi.waitFor(() => expect(isOpen(near)).toBe(false))
    await vi.waitFor(async () => {
      await settledMemory()
      expect(owner.deref()).toBeUndefined()
    })
  })

  test('where somebody else closes it, what comes to the next socket of its number is left alone', async () => {
    const [near] = ends()
    fill(near)
    part(near)
    closeSync(near)
    const [next, peer] = pair(AF_UNIX, SOCK_STREAM)
    expect([next, peer]).toContain(near)
    for (const fd of [next, peer]) expect(addon.send(fd, chunk, 0, 100)).toBe(100)
    await delay(600)
    expect([drain(next).bytes, drain(peer).bytes]).toEqual([100, 100])
  })

  test('a peer that never reads is waited for for 5 s', async () => {
    const [near] = ends()
    fill(near)
    const started = performance.now()
    part(near)
    await vi.waitFor(() => expect(isOpen(near)).toBe(false), { timeout: 20_000, interval: 100 })
    expect(performance.now() - started).toBeGreaterThanOrEqual(5000)
  })
})
