import { describe, expect, vi } from 'vitest'
import { type Address, bind, connect, type DatagramEndpoint, type OpenOptions } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually } from '../support/resources.ts'

noDescriptorsLeft()

const test = given(scheme('udp'))

/** A socket that sends, and one that gets it all. */
async function pair(options: OpenOptions = {}): Promise<{ far: DatagramEndpoint; near: DatagramEndpoint }> {
  const far = await bind('udp://127.0.0.1:0', { receiveBuffer: 4 << 20 })
  return { far, near: (await connect(far.local as Address, options)) as DatagramEndpoint }
}

const code = (error: NodeJS.ErrnoException): string | undefined => error.code

describe('a listener for drain', () => {
  test('that closes, while a send has just made room: its message does not wait for ever', async () => {
    const { far, near } = await pair({ sendQueue: 512 })
    const outcomes = Array.from({ length: 512 }, () => near.send('x').then(() => 'sent', code))
    // Somebody waits for room, so there is a drain to tell of; and the next send makes that room by itself.
    const ready = near.ready()
    near.on('drain', () => near.close())
    outcomes.push(near.send('last').then(() => 'sent', code))
    await ready
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['sent']))
    expect(await eventually(() => near.closed)).toBe(true)
    await far.close()
  })

  test('that sends does not go before what was sent earlier', async () => {
    const { far, near } = await pair({ sendQueue: 512 })
    const arrived: string[] = []
    far.on('message', ({ data }) => arrived.push(data.toString()))
    for (let index = 0; index < 512; index++) void near.send('x')
    void near.ready()
    near.once('drain', () => near.send('from the listener'))
    void near.send('earlier')
    expect(await eventually(() => arrived.length === 514)).toBe(true)
    expect(arrived.slice(-2)).toEqual(['earlier', 'from the listener'])
    await Promise.all([near.close(), far.close()])
  })

  test('is not told of room in a queue that was closed', async () => {
    const { far, near } = await pair({ sendQueue: 2 })
    const drained = vi.fn()
    near.on('drain', drained)
    const outcomes = [1, 2, 3].map(() => near.send('x').then(() => 'sent', code))
    await near.close()
    expect(await Promise.all(outcomes)).toEqual(['ERR_SOCKET_CLOSED', 'ERR_SOCKET_CLOSED', 'ERR_QUEUE_FULL'])
    await new Promise((resolve) => setImmediate(resolve))
    expect(drained).not.toHaveBeenCalled()
    expect(near.stats()).toMatchObject({ messagesSent: 0, messagesFailed: 3, messagesUnsent: 0 })
    await far.close()
  })

  test('is told once, after trySend has emptied the queue as well', async () => {
    const { far, near } = await pair({ sendQueue: 2 })
    const drained = vi.fn()
    near.on('drain', drained)
    const outcomes = [1, 2, 3].map(() => near.send('x').then(() => 'sent', code))
    expect(near.trySend('at once')).toBe(true)
    expect(drained).not.toHaveBeenCalled()
    expect(await Promise.all(outcomes)).toEqual(['sent', 'sent', 'ERR_QUEUE_FULL'])
    expect(await eventually(() => drained.mock.calls.length === 1)).toBe(true)
    await near.ready()
    await Promise.all([near.close(), far.close()])
  })
})

describe('a loop that does nothing but send leaves the event loop its turn', () => {
  const within = 20_000

  /** How often it is called until a turn of the event loop, and a timer, come between. */
  async function callsUntilTurn(call: () => Promise<unknown>): Promise<number> {
    let turned = false
    setImmediate(() => {
      turned = true
    })
    let calls = 0
    while (!turned && calls < within) {
      calls++
      await call().catch(() => undefined)
    }
    return calls
  }

  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('udp', engine))(`by send and by sendBatch, ${engine} engine`, async () => {
      const { far, near } = await pair({ engine })
      expect(await callsUntilTurn(() => near.send('x'))).toBeLessThan(5000)
      expect(await callsUntilTurn(() => near.sendBatch([{ data: 'x' }, { data: 'y' }]))).toBeLessThan(2500)
      const batch = Array.from({ length: 700 }, () => ({ data: 'x' }))
      expect(await callsUntilTurn(() => near.sendBatch(batch))).toBeLessThan(8)
      await Promise.all([near.close(), far.close()])
    })

    given(scheme('udp', engine))(`by sends that the system refuses, ${engine} engine`, async () => {
      const { far, near } = await pair({ engine })
      const tooLong = Buffer.alloc(70_000)
      expect(await callsUntilTurn(() => near.send(tooLong))).toBeLessThan(5000)
      expect(await callsUntilTurn(() => near.sendBatch([{ data: tooLong }, { data: tooLong }]))).toBeLessThan(2500)
      await Promise.all([near.close(), far.close()])
    })
  }

  test('again and again, and timers fire', async () => {
    const { far, near } = await pair()
    let fired = 0
    const timer = setInterval(() => fired++, 1)
    let calls = 0
    while (fired < 5 && calls < 200_000) {
      calls++
      await near.send('x')
    }
    clearInterval(timer)
    expect(fired).toBe(5)
    await Promise.all([near.close(), far.close()])
  })
})

describe('an error of an earlier message that nobody receives', () => {
  /** A socket whose message went to where nobody is. */
  async function refused(): Promise<{ near: DatagramEndpoint; to: Address }> {
    const { far, near } = await pair()
    const to = far.local as Address
    await far.close()
    await near.send('for nobody')
    // The event loop learns of it.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
    return { near, to }
  }

  test('costs no processor time, and is what the next send tells', async () => {
    const { near, to } = await refused()
    const before = process.cpuUsage()
    await new Promise((resolve) => setTimeout(resolve, 300))
    const { user, system } = process.cpuUsage(before)
    expect(user + system).toBeLessThan(150_000)
    const far = await bind(to)
    await expect(near.send('x')).rejects.toMatchObject({ code: 'ECONNREFUSED', syscall: 'send' })
    await near.send('y')
    expect(String((await far.receive({ timeout: 2000 }))?.data)).toBe('y')
    await Promise.all([near.close(), far.close()])
  })

  test('is what the next receive tells, once', async () => {
    const { near } = await refused()
    await expect(near.receive({ timeout: 2000 })).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await expect(near.receive({ timeout: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    await near.close()
  })

  test('is told to a listener for errors that comes with one for messages', async () => {
    const { near } = await refused()
    const errors: unknown[] = []
    near.on('error', (error) => errors.push(error))
    near.on('message', () => undefined)
    expect(await eventually(() => errors.length === 1)).toBe(true)
    expect(errors).toEqual([expect.objectContaining({ code: 'ECONNREFUSED' })])
    await near.close()
  })

  test('goes with the socket', async () => {
    const { near } = await refused()
    await near.close()
    expect(await near.receive()).toBeUndefined()
  })
})
