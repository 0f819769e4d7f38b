import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { describeNative, run } from './support.ts'

describeNative('tellClosed', ({ addon }) => {
  const told = (note: () => void): Promise<void> =>
    new Promise((resolve) => {
      const result = addon.tellClosed(() => {
        note()
        resolve()
      })
      expect(result).toBe(0)
    })

  test('calls back after what setImmediate was asked for, and before the next turn', async () => {
    const order: string[] = []
    // In the phase of the timers, ahead of the one of setImmediate.
    await new Promise((resolve) => setTimeout(resolve, 1))
    const closing = told(() => order.push('closed'))
    setImmediate(() => {
      order.push('immediate')
      setImmediate(() => order.push('next turn'))
    })
    await closing
    expect(order).toEqual(['immediate', 'closed'])
    await new Promise(setImmediate)
    expect(order).toEqual(['immediate', 'closed', 'next turn'])
  })

  test('runs ticks and microtasks between one callback and the next', async () => {
    const order: string[] = []
    const both = ['a', 'b'].map((name) =>
      told(() => {
        order.push(name)
        process.nextTick(() => order.push(`tick of ${name}`))
        Promise.resolve().then(() => order.push(`microtask of ${name}`))
      }),
    )
    await Promise.all(both)
    await new Promise(setImmediate)
    expect(order.map((line) => line.split(' ')[0]).slice(1, 3)).toEqual(['tick', 'microtask'])
    expect(order.toSorted()).toEqual(['a', 'b', 'microtask of a', 'microtask of b', 'tick of a', 'tick of b'])
  })

  test('keeps the async context of the call', async () => {
    const storage = new AsyncLocalStorage<string>()
    let seen: string | undefined
    await storage.run('mine', () => told(() => (seen = storage.getStore())))
    expect(seen).toBe('mine')
  })

  test('refuses what is no function', () => {
    expect(addon.tellClosed(undefined as never)).toBeLessThan(0)
  })

  test('what the callback throws is an uncaught exception, and the others are called', async () => {
    const { code, stdout, stderr } = await run('closing-throws.mjs')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout.split('\n').toSorted()).toEqual(['', 'the other', 'uncaught: mine'])
  })

  test('a worker that is terminated meanwhile ends', async () => {
    const worker = new Worker(new URL('scripts/closing-worker.mjs', import.meta.url))
    await once(worker, 'message')
    expect(await worker.terminate()).toBe(1)
  })
})
