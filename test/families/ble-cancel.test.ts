import { EventEmitter } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createSockets } from '../../src/index.ts'
import { bleFamily, connect, never, nus, ScriptedNoble, ScriptedPeripheral, turns } from './ble-scripted.ts'

vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

const code = (code: string): unknown => expect.objectContaining({ code, name: 'SocketError' })
const reason = new Error('changed my mind')

/** How to have a connect wait for ever at one of its steps. */
const steps: Readonly<Record<string, (noble: ScriptedNoble, peripheral: ScriptedPeripheral) => void>> = {
  'the adapter': (noble) => {
    noble.state = 'unknown'
  },
  'the scan': (_noble, peripheral) => {
    peripheral.advertises = false
  },
  'the connect': (_noble, peripheral) => {
    peripheral.onConnect = () => undefined
  },
  'the services': (_noble, peripheral) => {
    peripheral.onServices = never
  },
  'the characteristics': (_noble, peripheral) => {
    peripheral.onCharacteristics = never
  },
  'the subscription': (_noble, peripheral) => {
    peripheral.notify.onSubscribe = never
  },
}

const limits: Readonly<Record<string, [milliseconds: number, code: string]>> = {
  'the adapter': [5000, 'EHOSTUNREACH'],
  'the scan': [20_000, 'EHOSTDOWN'],
  'the connect': [20_000, 'ETIMEDOUT'],
  'the services': [30_000, 'ETIMEDOUT'],
  'the characteristics': [30_000, 'ETIMEDOUT'],
  'the subscription': [30_000, 'ETIMEDOUT'],
}

function stuckAt(step: string): [ScriptedNoble, ScriptedPeripheral] {
  const peripheral = new ScriptedPeripheral()
  const noble = new ScriptedNoble(peripheral)
  steps[step]?.(noble, peripheral)
  return [noble, peripheral]
}

/** Nothing of it is left: the scan has stopped, there is no connection, nobody listens. */
async function expectQuiet(noble: ScriptedNoble, peripheral: ScriptedPeripheral): Promise<void> {
  await turns()
  expect(noble.scanning).toBe(false)
  expect(['disconnected', 'error']).toContain(peripheral.state)
  expect([noble.listenerCount('discover'), noble.listenerCount('warning')]).toEqual([0, 0])
  expect([peripheral.listenerCount('connect'), peripheral.listenerCount('disconnect')]).toEqual([0, 0])
}

describe.each(Object.keys(steps))('stuck at %s', (step) => {
  test('an abort ends it with the reason', async () => {
    const [noble, peripheral] = stuckAt(step)
    const controller = new AbortController()
    const connecting = connect(noble, { signal: controller.signal })
    await turns()
    controller.abort(reason)
    await expect(connecting).rejects.toBe(reason)
    await expectQuiet(noble, peripheral)
  })

  test('a timeout of the caller is ETIMEDOUT', async () => {
    const [noble, peripheral] = stuckAt(step)
    const { connect } = createSockets([bleFamily])
    await expect(connect(nus, { noble, timeout: 20 } as object)).rejects.toEqual(code('ETIMEDOUT'))
    await expectQuiet(noble, peripheral)
  })

  describe('with no timeout given', () => {
    beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
    afterEach(() => void vi.useRealTimers())

    test('it ends by itself', async () => {
      const [noble, peripheral] = stuckAt(step)
      const [milliseconds, expected] = limits[step] ?? [0, '']
      let error: unknown
      connect(noble).catch((rejection) => {
        error = rejection
      })
      await turns()
      vi.advanceTimersByTime(milliseconds - 1)
      await turns()
      expect(error).toBeUndefined()
      vi.advanceTimersByTime(1)
      await turns()
      expect(error).toEqual(code(expected))
      await expectQuiet(noble, peripheral)
    })
  })
})

describe('an aborted connect', () => {
  test('that had not begun calls nothing', async () => {
    const [noble, peripheral] = stuckAt('the scan')
    await expect(connect(noble, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect([noble.scans, peripheral.calls]).toEqual([0, []])
  })

  test('at any moment gives the reason, or a stream that works', async () => {
    for (let count = 0; count < 40; count++) {
      const peripheral = new ScriptedPeripheral()
      const noble = new ScriptedNoble(peripheral)
      const controller = new AbortController()
      const connecting = connect(noble, { signal: controller.signal }).catch((error) => {
        expect(error).toBe(reason)
      })
      for (let i = 0; i < count; i++) await (count % 2 === 0 ? null : new Promise(setImmediate))
      controller.abort(reason)
      const handle = await connecting
      if (handle !== undefined) {
        handle.start({ onData: () => undefined, onEnd: () => undefined, onError: () => undefined })
        await new Promise((resolve) => handle.write([Buffer.from('x')], resolve))
        expect(peripheral.write.bytes.toString()).toBe('x')
        handle.close()
      }
      await expectQuiet(noble, peripheral)
    }
  })

  test('that connects all the same is disconnected, and the next one works', async () => {
    const [noble, peripheral] = stuckAt('the connect')
    // Both crossed on the way: the controller had connected already.
    peripheral.onCancel = () => setImmediate(() => peripheral.connected())
    const controller = new AbortController()
    const connecting = connect(noble, { signal: controller.signal })
    await turns()
    controller.abort(reason)
    await expect(connecting).rejects.toBe(reason)
    await expectQuiet(noble, peripheral)
    expect(peripheral.calls).toEqual(['connect', 'cancelConnect', 'disconnect'])
    peripheral.onConnect = () => setImmediate(() => peripheral.connected())
    const handle = await connect(noble)
    await turns()
    expect(peripheral.state).toBe('connected')
    handle.close()
  })

  test('holds up the next until noble says how it came out', async () => {
    const [noble, peripheral] = stuckAt('the connect')
    const other = new ScriptedPeripheral('00:AA:01:01:00:01')
    noble.peripherals.push(other)
    peripheral.onCancel = () => undefined
    const controller = new AbortController()
    const connecting = connect(noble, { signal: controller.signal })
    await turns()
    const next = connect(noble, { address: { ...nus, device: '00:AA:01:01:00:01' } })
    await turns()
    controller.abort(reason)
    await expect(connecting).rejects.toBe(reason)
    await turns()
    expect(other.calls).toEqual([])
    peripheral.failed(new Error('Unknown Connection Identifier (0x2)'))
    const handle = await next
    handle.close()
  })

  test('that waits for its turn leaves the one before alone, and lets the one behind through', async () => {
    const [noble, first] = stuckAt('the connect')
    const devices = ['00:AA:01:01:00:01', '00:AA:01:02:00:02']
    const [second, third] = devices.map((device) => new ScriptedPeripheral(device))
    noble.peripherals.push(second as ScriptedPeripheral, third as ScriptedPeripheral)
    const controller = new AbortController()
    const connecting = connect(noble)
    await turns()
    const waiting = connect(noble, { address: { ...nus, device: devices[0] as string }, signal: controller.signal })
    const behind = connect(noble, { address: { ...nus, device: devices[1] as string } })
    const refused = expect(waiting).rejects.toBe(reason)
    await turns()
    controller.abort(reason)
    await refused
    expect(second?.calls).toEqual([])
    first.connected()
    const handles = await Promise.all([connecting, behind])
    for (const handle of handles) handle.close()
  })
})

describe('a connect that was given up and says nothing', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  test('holds up the others for 2 s, and is disconnected also when it connects after that', async () => {
    const [noble, peripheral] = stuckAt('the connect')
    peripheral.onCancel = () => undefined
    const controller = new AbortController()
    const connecting = connect(noble, { signal: controller.signal })
    await turns()
    controller.abort(reason)
    await expect(connecting).rejects.toBe(reason)
    const other = new ScriptedPeripheral('00:AA:01:01:00:01')
    noble.peripherals.push(other)
    const next = connect(noble, { address: { ...nus, device: '00:AA:01:01:00:01' } })
    await turns()
    vi.advanceTimersByTime(1999)
    await turns()
    expect(other.calls).toEqual([])
    vi.advanceTimersByTime(1)
    const handle = await next
    peripheral.connected()
    await turns()
    expect(peripheral.calls).toEqual(['connect', 'cancelConnect', 'disconnect'])
    expect(peripheral.state).toBe('disconnected')
    handle.close()
    await turns()
  })

  test('and is tried anew meanwhile, keeps the new connection', async () => {
    const [noble, peripheral] = stuckAt('the connect')
    peripheral.onCancel = () => undefined
    const controller = new AbortController()
    const connecting = connect(noble, { signal: controller.signal })
    await turns()
    controller.abort(reason)
    await expect(connecting).rejects.toBe(reason)
    vi.advanceTimersByTime(2000)
    peripheral.onConnect = () => setImmediate(() => peripheral.connected())
    const handle = await connect(noble)
    await turns()
    expect(peripheral.calls).toEqual(['connect', 'cancelConnect', 'connect', 'services'])
    handle.close()
    await turns()
  })
})

describe('the adapter', () => {
  test.each([
    ['poweredOff', 'EHOSTUNREACH', /switched off/],
    ['unauthorized', 'EPERM', /CAP_NET_ADMIN/],
    ['unsupported', 'ERR_FAMILY_UNAVAILABLE', /no Bluetooth Low Energy/],
  ])('that is %s is %s, at once or when it says so', async (state, expected, message) => {
    const [noble] = stuckAt('the scan')
    noble.state = state
    await expect(connect(noble)).rejects.toEqual(code(expected))
    noble.state = 'unknown'
    const connecting = expect(connect(noble)).rejects.toThrow(message)
    await turns()
    noble.power(state)
    await connecting
  })

  test.each(['the scan', 'the connect'])('that goes away during %s is EHOSTUNREACH', async (step) => {
    const [noble, peripheral] = stuckAt(step)
    const connecting = connect(noble)
    await turns()
    noble.power('poweredOff')
    await expect(connecting).rejects.toThrow(/EHOSTUNREACH.*went away/)
    await expectQuiet(noble, peripheral)
  })

  test('is waited for', async () => {
    const noble = new ScriptedNoble(new ScriptedPeripheral())
    noble.state = 'resetting'
    const connecting = connect(noble)
    await turns()
    expect(noble.scans).toBe(0)
    noble.power('poweredOn')
    const handle = await connecting
    handle.close()
  })

  test.each([
    ['ENODEV, No such device', 'EHOSTUNREACH', /ENODEV/],
    ['EBUSY, Device or resource busy', 'EBUSY', /hciconfig hci0 down/],
    ['EPERM, Operation not permitted', 'EPERM', /CAP_NET_ADMIN/],
  ])('that cannot be opened for %s is %s: thrown, or told by a warning', async (said, expected, message) => {
    const noble = new ScriptedNoble()
    Object.defineProperty(noble, 'state', {
      configurable: true,
      get: () => {
        throw new Error(said)
      },
    })
    const thrown = connect(noble)
    await expect(thrown).rejects.toEqual(code(expected))
    await expect(thrown).rejects.toThrow(message)
    Object.defineProperty(noble, 'state', { value: 'unknown' })
    const warned = expect(connect(noble)).rejects.toEqual(code(expected))
    await turns()
    noble.emit('warning', 'unknown peripheral 00aa01000000 connected!')
    noble.emit('warning', `Initialization of USB device failed: ${said}`)
    await warned
  })

  test('that turns out to be unplugged by the first write to it is EHOSTUNREACH', async () => {
    const [noble, peripheral] = stuckAt('the scan')
    const socket = new EventEmitter()
    socket.on('error', () => undefined)
    Object.assign(noble, { _bindings: { _hci: { _socket: socket } } })
    const connecting = connect(noble)
    await turns()
    socket.emit('error', Object.assign(new Error('Network is down'), { code: 'ENETDOWN' }))
    await turns()
    expect(noble.scanning).toBe(true)
    socket.emit('error', Object.assign(new Error('File descriptor in bad state'), { code: 'EBADFD' }))
    await expect(connecting).rejects.toThrow(/EHOSTUNREACH.*went away/)
    await expectQuiet(noble, peripheral)
  })

  test('in user channel mode is asked for its buffers, which noble leaves out', async () => {
    const noble = new ScriptedNoble(new ScriptedPeripheral())
    const hci = { _userChannel: '1', _aclBuffers: undefined as unknown, readLeBufferSize: vi.fn() }
    Object.assign(noble, { _bindings: { _hci: hci } })
    const first = await connect(noble)
    expect(hci.readLeBufferSize).toHaveBeenCalledTimes(1)
    first.close()
    hci._aclBuffers = { length: 192, num: 1 }
    const second = await connect(noble)
    second.close()
    Object.assign(hci, { _aclBuffers: undefined, _userChannel: undefined })
    const third = await connect(noble)
    third.close()
    expect(hci.readLeBufferSize).toHaveBeenCalledTimes(1)
    await turns()
  })
})
