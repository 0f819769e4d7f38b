import { expect, test } from 'vitest'
import { describeNative, run } from './support.ts'

describeNative('the end of workers', () => {
  // A worker takes Node 50 ms of processor time to start.
  test('a thousand of them, with sockets open, leave no descriptor open', { timeout: 400_000 }, async () => {
    const { code, signal, stdout, stderr } = await run('workers.mjs', ['1000', '8', 'main'])
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ started: 1000, leaked: 0 })
  })

  test('so do those of a thread that has not loaded the addon, one by one', { timeout: 400_000 }, async () => {
    const { code, signal, stdout, stderr } = await run('workers.mjs', ['60', '1', 'workers'])
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ started: 60, leaked: 0 })
  })
})
