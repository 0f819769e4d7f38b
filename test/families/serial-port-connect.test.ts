import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { RfcommAddress } from '../../src/families/bluetooth/address.ts'
import { connectSerialPort, probeSerialPort } from '../../src/families/bluetooth/serial-port.ts'
import { given, need } from '../support/need.ts'
import { connect, DEVICE, moduleOf, port3, ScriptedPort, turns } from './serial-port-scripted.ts'

vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

const code = (code: string): unknown => expect.objectContaining({ code, name: 'SocketError' })
const reason = new Error('changed my mind')
const spp = '00001101-0000-1000-8000-00805f9b34fb'
const byService: RfcommAddress = { family: 'bluetooth', scheme: 'rfcomm', bdaddr: DEVICE, service: spp }

/** Libuv's default. */
const THREADS = 4

const isMissing = need(!probeSerialPort().available, 'node-bluetooth-serial-port is installed here', 'try without it')

describe('without node-bluetooth-serial-port', () => {
  given(isMissing)('the driver says what to install, and so does connect', async () => {
    expect(probeSerialPort()).toMatchObject({ remedy: 'run: npm install node-bluetooth-serial-port' })
    const request = { signal: undefined, engine: undefined, local: undefined, options: { driver: 'serial-port' } }
    const connecting = connectSerialPort(port3, request)
    await expect(connecting).rejects.toEqual(code('ERR_FAMILY_UNAVAILABLE'))
    await expect(connecting).rejects.toThrow(/npm install node-bluetooth-serial-port/)
  })

  test('on macOS it says that there is none', () => {
    const platform = Object.getOwnPropertyDescriptor(process, 'platform') as PropertyDescriptor
    Object.defineProperty(process, 'platform', { ...platform, value: 'darwin' })
    try {
      expect(probeSerialPort()).toMatchObject({ available: false, reason: expect.stringContaining('not on darwin') })
    } finally {
      Object.defineProperty(process, 'platform', platform)
    }
  })
})

describe('connecting by the driver', () => {
  test('goes to the channel', async () => {
    const port = new ScriptedPort()
    const handle = await connect(port)
    expect(handle).toMatchObject({
      engine: 'serial-port',
      type: 'stream',
      fd: undefined,
      local: undefined,
      remote: port3,
    })
    expect(port.calls).toEqual([`connect ${DEVICE} 3`])
    handle.close()
    await turns()
  })

  test('asks for the channel of spp', async () => {
    const port = new ScriptedPort()
    const handle = await connect(port, { address: byService })
    expect(handle.remote).toEqual({ ...port3, channel: 7 })
    expect(port.calls).toEqual(['find', `connect ${DEVICE} 7`])
    handle.close()
    await turns()
  })

  test('to a device without spp is ENOTFOUND', async () => {
    const port = new ScriptedPort()
    port.onFind = (_found, none) => setImmediate(none)
    await expect(connect(port, { address: byService })).rejects.toEqual(code('ENOTFOUND'))
    port.onFind = () => {
      throw new Error('no such function')
    }
    await expect(connect(port, { address: byService })).rejects.toThrow(/no such function/)
  })

  test('that is refused is tried again, as the channel may only just have been left', async () => {
    const [first, second, third] = [new ScriptedPort(), new ScriptedPort(), new ScriptedPort()]
    for (const port of [first, second]) port.onConnect = (_connected, failed) => setImmediate(failed)
    const stream = await connect(first, { options: { serialPort: moduleOf(first, second, third) } })
    expect([first, second, third].map(({ calls }) => calls)).toEqual(Array(3).fill([`connect ${DEVICE} 3`]))
    stream.close()
  })

  test('that is aborted between two tries is not tried again', async () => {
    const port = new ScriptedPort()
    port.onConnect = (_connected, failed) => setImmediate(failed)
    const controller = new AbortController()
    const connecting = connect(port, { signal: controller.signal })
    setTimeout(() => controller.abort(reason), 50)
    await expect(connecting).rejects.toBe(reason)
    expect(port.calls).toHaveLength(1)
  })

  test('that fails is EHOSTUNREACH, with what the driver said', async () => {
    const port = new ScriptedPort()
    port.onConnect = (_connected, failed) => setImmediate(() => failed(new Error('Cannot connect: -1')))
    const connecting = connect(port)
    await expect(connecting).rejects.toMatchObject({
      code: 'EHOSTUNREACH',
      syscall: 'connect',
      address: `rfcomm://${DEVICE}/3`,
    })
    await expect(connecting).rejects.toThrow(/Cannot connect: -1/)
    port.onConnect = (_connected, failed) => failed()
    await expect(connect(port)).rejects.toThrow(/no reason/)
    port.onConnect = () => {
      throw new TypeError('ChannelID should be a positive int value.')
    }
    await expect(connect(port)).rejects.toThrow(/positive int/)
  })

  test.each([
    [{ bdaddr: 'any' }, 'ERR_ADDRESS_INVALID'],
    [{ channel: 0 }, 'ERR_ADDRESS_INVALID'],
    [{ channel: 31 }, 'ERR_ADDRESS_INVALID'],
    [{ bdaddr: 'x'.repeat(100) }, 'ERR_ADDRESS_INVALID'],
    [{ channel: undefined, service: '00001105-0000-1000-8000-00805f9b34fb' }, 'ERR_UNSUPPORTED'],
  ])('with %j is refused', async (wrong, expected) => {
    const port = new ScriptedPort()
    await expect(connect(port, { address: { ...port3, ...wrong } as RfcommAddress })).rejects.toEqual(code(expected))
    expect(port.calls).toEqual([])
  })

  test('what it does not know or cannot do is refused', async () => {
    const port = new ScriptedPort()
    await expect(connect(port, { options: { security: 'high' } })).rejects.toEqual(code('ERR_OPTION_UNKNOWN'))
    await expect(connect(port, { engine: 'kernel' })).rejects.toEqual(code('ERR_UNSUPPORTED'))
    await expect(connect(port, { local: port3 })).rejects.toEqual(code('ERR_UNSUPPORTED'))
    for (const serialPort of [5, {}, null, { BluetoothSerialPort: 5 }]) {
      await expect(connect(port, { options: { serialPort } })).rejects.toThrow(TypeError)
    }
    expect(port.calls).toEqual([])
  })
})

describe('an aborted connect', () => {
  test('that had not begun calls nothing', async () => {
    const port = new ScriptedPort()
    await expect(connect(port, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(port.calls).toEqual([])
  })

  test('rejects at once; what connects late is closed', async () => {
    const port = new ScriptedPort()
    let arrive: (() => void) | undefined
    port.onConnect = (connected) => {
      arrive = connected
    }
    const controller = new AbortController()
    const connecting = connect(port, { signal: controller.signal })
    await turns()
    controller.abort(reason)
    await expect(connecting).rejects.toBe(reason)
    arrive?.()
    await turns()
    expect(port.calls).toEqual([`connect ${DEVICE} 3`, 'close'])
    expect(port.isReading).toBe(false)
  })

  test('while it asks for the channel connects to nothing', async () => {
    const port = new ScriptedPort()
    let answer: ((channel: number) => void) | undefined
    port.onFind = (found) => {
      answer = found
    }
    const controller = new AbortController()
    const connecting = connect(port, { address: byService, signal: controller.signal })
    await turns()
    controller.abort(reason)
    await expect(connecting).rejects.toBe(reason)
    answer?.(3)
    await turns()
    expect(port.calls).toEqual(['find'])
  })
})

describe('the thread pool', () => {
  let before: string | undefined
  beforeEach(() => {
    before = process.env.UV_THREADPOOL_SIZE
    delete process.env.UV_THREADPOOL_SIZE
  })
  afterEach(() => {
    if (before !== undefined) process.env.UV_THREADPOOL_SIZE = before
    else delete process.env.UV_THREADPOOL_SIZE
  })

  /** As many connections as there is room for. */
  async function fill(count: number): Promise<{ close(): void }[]> {
    const handles: { close(): void }[] = []
    for (let i = 0; i < count; i++) handles.push(await connect(new ScriptedPort()))
    await expect(connect(new ScriptedPort())).rejects.toEqual(code('EMFILE'))
    await expect(connect(new ScriptedPort())).rejects.toThrow(/UV_THREADPOOL_SIZE/)
    return handles
  }

  test('keeps one thread free, and has room again when a connection is closed, or ends', async () => {
    const handles = await fill(THREADS - 1)
    handles.pop()?.close()
    await turns()
    const port = new ScriptedPort()
    const handle = await connect(port)
    port.breakOff()
    handle.close()
    const last = await connect(new ScriptedPort())
    for (const one of [...handles, last]) one.close()
    await turns()
    for (const one of await fill(THREADS - 1)) one.close()
    await turns()
  })

  test('has room again after a connect that failed', async () => {
    const port = new ScriptedPort()
    port.onConnect = (_connected, failed) => setImmediate(failed)
    // Each of its tries had one of the threads.
    await expect(connect(port)).rejects.toEqual(code('EHOSTUNREACH'))
    expect(port.calls.length).toBeGreaterThan(THREADS)
    port.onFind = (_found, none) => setImmediate(none)
    for (let i = 0; i < 10; i++) await expect(connect(port, { address: byService })).rejects.toEqual(code('ENOTFOUND'))
  })

  test('has none while a connect that was given up goes on', async () => {
    const arrivals: (() => void)[] = []
    for (let i = 0; i < THREADS - 1; i++) {
      const port = new ScriptedPort()
      port.onConnect = (connected) => arrivals.push(connected)
      const controller = new AbortController()
      const connecting = connect(port, { signal: controller.signal })
      await turns()
      controller.abort(reason)
      await expect(connecting).rejects.toBe(reason)
    }
    await expect(connect(new ScriptedPort())).rejects.toEqual(code('EMFILE'))
    for (const arrive of arrivals) arrive()
    for (const one of await fill(THREADS - 1)) one.close()
    await turns()
  })

  test.each([
    ['1', 0],
    ['0', 0],
    ['-3', 0],
    ['2', 1],
    ['6', 5],
    ['junk', THREADS - 1],
  ])('of UV_THREADPOOL_SIZE=%s has room for %i', async (size, room) => {
    process.env.UV_THREADPOOL_SIZE = size
    for (const one of await fill(room)) one.close()
    await turns()
  })

  test('a handle that is closed in any turn gives its thread back, once', async () => {
    for (let i = 0; i < 30; i++) {
      const port = new ScriptedPort()
      const handle = await connect(port)
      handle.start({ onData: () => undefined, onEnd: () => undefined, onError: () => undefined })
      if (i % 3 === 0) {
        handle.resume()
        port.answer(Buffer.from('x'))
      }
      if (i % 5 === 0) await turns(1)
      if (i % 7 === 0) port.breakOff()
      handle.close()
      handle.close()
      await turns()
    }
    for (const one of await fill(THREADS - 1)) one.close()
    await turns()
  })
})

describe('a driver that does not answer', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  test.each(['onConnect', 'onFind'] as const)('to %s is ETIMEDOUT after a minute', async (step) => {
    const port = new ScriptedPort()
    let late: (() => void) | undefined
    const hang = (_done: unknown, none: () => void): void => {
      late = none
    }
    Object.assign(port, { [step]: hang })
    const connecting = connect(port, { address: byService }).catch((error) => error)
    await turns()
    vi.advanceTimersByTime(60_000)
    expect(await connecting).toEqual(code('ETIMEDOUT'))
    late?.()
    await turns()
  })
})
