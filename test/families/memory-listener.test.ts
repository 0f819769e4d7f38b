import { describe, expect, test } from 'vitest'
import type { StreamHandle } from '../../src/core/family.ts'
import { type MemoryAddress, memoryLink } from '../../src/families/memory.ts'
import { Acceptor, connect, fresh, listen, StreamEnd, settle, until } from './memory-ends.ts'

const code = (code: string): unknown => expect.objectContaining({ code })

/** Connects without waiting; how it went so far. */
function attempt(address: MemoryAddress, signal?: AbortSignal) {
  const state: { handle?: StreamHandle<MemoryAddress>; error?: unknown } = {}
  connect(address, { signal }).then(
    (handle) => {
      state.handle = handle
    },
    (error: unknown) => {
      state.error = error
    },
  )
  return state
}

describe('a memory listener', () => {
  test('nobody listening is ECONNREFUSED with the address, and leaves nothing behind', async () => {
    const [address, local] = [fresh('memory'), fresh('memory')]
    const refused = expect.objectContaining({
      code: 'ECONNREFUSED',
      syscall: 'connect',
      address: `memory:${address.name}`,
    })
    await expect(connect(address, { local })).rejects.toThrow(refused)
    ;(await listen(local)).close()
  })

  test('a name in use is EADDRINUSE, until it is closed', async () => {
    const address = fresh('memory')
    const listener = await listen(address)
    const inUse = expect.objectContaining({ code: 'EADDRINUSE', syscall: 'bind' })
    await expect(listen(address)).rejects.toThrow(inUse)
    await expect(connect(fresh('memory'), { local: address })).rejects.toThrow(inUse)
    listener.close()
    listener.close()
    await expect(connect(address)).rejects.toThrow(code('ECONNREFUSED'))
    ;(await listen(address)).close()
  })

  test('connections outlive it, and its name can be taken meanwhile', async () => {
    const address = fresh('memory')
    const acceptor = new Acceptor(await listen(address))
    const near = new StreamEnd(await connect(address))
    await until('accepted', () => acceptor.accepted.length === 1)
    const far = new StreamEnd(acceptor.accepted[0] as StreamHandle<MemoryAddress>)
    acceptor.handle.close()
    const second = new Acceptor(await listen(address))
    await near.write(Buffer.from('still there'))
    await until('it', () => far.size === 11)
    expect(second.accepted).toEqual([])
    // The name's link is still theirs, too.
    expect(memoryLink(address).cut()).toBe(1)
    for (const { handle } of [near, far, second]) handle.close()
  })

  test('the backlog holds up those who connect; they come in order', async () => {
    const address = fresh('memory')
    const listener = await listen(address, { backlog: 2 })
    const attempts = Array.from({ length: 6 }, () => attempt(address))
    await settle()
    // As on Linux, one more than the backlog.
    expect(attempts.map(({ handle }) => handle !== undefined)).toEqual([true, true, true, false, false, false])
    const acceptor = new Acceptor(listener)
    await until('all', () => attempts.every(({ handle }) => handle !== undefined) && acceptor.accepted.length === 6)
    expect(acceptor.accepted.map(({ remote }) => remote)).toEqual(attempts.map(({ handle }) => handle?.local))
    for (const handle of [...acceptor.accepted, ...attempts.map(({ handle }) => handle), listener]) handle?.close()
  })

  test('pause within onAccept lets no further one follow', async () => {
    const address = fresh('memory')
    const listener = await listen(address)
    const accepted: { close(): void }[] = []
    listener.start({
      onAccept: (handle) => {
        accepted.push(handle)
        listener.pause()
      },
      onError: () => {},
    })
    listener.resume()
    const clients = await Promise.all([connect(address), connect(address), connect(address)])
    await settle()
    expect(accepted.length).toBe(1)
    listener.resume()
    await settle()
    expect(accepted.length).toBe(2)
    listener.close()
    for (const handle of [...accepted, ...clients]) handle.close()
  })

  test('closing refuses those who wait, and resets those it had not accepted', async () => {
    const address = fresh('memory')
    const listener = await listen(address, { backlog: 0 })
    const [first, second] = [attempt(address), attempt(address)]
    await settle()
    const near = new StreamEnd(first.handle as StreamHandle<MemoryAddress>)
    listener.close()
    await until('both told', () => near.error !== undefined && second.error !== undefined)
    expect(near.error).toMatchObject({ code: 'ECONNRESET' })
    expect(second.error).toMatchObject({ code: 'ECONNREFUSED' })
    near.handle.close()
  })
})

describe('an aborted connect', () => {
  test('rejects with the reason: before, in the backlog, on the way', async () => {
    const address = fresh('memory')
    const listener = await listen(address, { backlog: 0 })
    const reason = new Error('enough')
    await expect(connect(address, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)

    const first = await connect(address)
    const waiting = new AbortController()
    const inBacklog = attempt(address, waiting.signal)
    await settle()
    waiting.abort(reason)
    await settle()
    expect(inBacklog.error).toBe(reason)

    const slow = new AbortController()
    const onTheWay = attempt({ ...address, faults: { delay: 60_000 } }, slow.signal)
    await settle()
    slow.abort(reason)
    await settle()
    expect(onTheWay.error).toBe(reason)

    const acceptor = new Acceptor(listener)
    await settle()
    expect(acceptor.accepted.length).toBe(1)
    for (const handle of [first, ...acceptor.accepted, listener]) handle.close()
  })

  test('after the listener has it: the accepted end finds an end', async () => {
    const address = fresh('memory')
    const acceptor = new Acceptor(await listen({ ...address, faults: { delay: 100 } }))
    const controller = new AbortController()
    const aborted = attempt(address, controller.signal)
    await until('accepted', () => acceptor.accepted.length === 1)
    controller.abort(new Error('enough'))
    const far = new StreamEnd(acceptor.accepted[0] as StreamHandle<MemoryAddress>)
    await until('the end', () => far.ended)
    expect(aborted.error).toMatchObject({ message: 'enough' })
    far.handle.close()
    acceptor.handle.close()
  })
})
