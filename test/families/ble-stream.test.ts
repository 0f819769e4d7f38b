import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { connect, Heard, never, ScriptedNoble, ScriptedPeripheral, turns } from './ble-scripted.ts'

vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

const code = (code: string): unknown => expect.objectContaining({ code, name: 'SocketError' })
const MIB = 1024 * 1024

interface Open {
  readonly heard: Heard
  readonly peripheral: ScriptedPeripheral
  readonly noble: ScriptedNoble
}

async function open(
  options: Record<string, unknown> = {},
  prepare?: (peripheral: ScriptedPeripheral) => void,
): Promise<Open> {
  const peripheral = new ScriptedPeripheral()
  prepare?.(peripheral)
  const noble = new ScriptedNoble(peripheral)
  return { heard: new Heard(await connect(noble, { options })), peripheral, noble }
}

const notify = (peripheral: ScriptedPeripheral, data: Buffer | string): boolean =>
  peripheral.notify.emit('data', Buffer.from(data), true)

function pattern(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 0xff))
}

describe('writing', () => {
  test.each([
    [null, 20],
    [3, 20],
    [23, 20],
    [100, 97],
    [256, 253],
    // noble asks for 256, and takes the device's own limit for the outcome.
    [517, 253],
  ])('with an MTU of %j goes in pieces of %i', async (mtu, size) => {
    const { heard, peripheral } = await open()
    peripheral.mtu = mtu
    const bytes = pattern(1000)
    expect(await heard.write(bytes.subarray(0, 5), bytes.subarray(5, 600), bytes.subarray(600))).toBeNull()
    expect(peripheral.write.bytes.equals(bytes)).toBe(true)
    const sizes = peripheral.write.written.map(({ data }) => data.length)
    expect(sizes.slice(0, -1).every((one) => one === size)).toBe(true)
    heard.handle.close()
  })

  test('nothing is done without a write', async () => {
    const { heard, peripheral } = await open()
    expect(await heard.write()).toBeNull()
    expect(await heard.write(Buffer.alloc(0))).toBeNull()
    expect(peripheral.write.written).toEqual([])
    heard.handle.close()
  })

  test('takes what is no Buffer', async () => {
    const { heard, peripheral } = await open()
    const whole = new Uint8Array([0, 1, 2, 3])
    await heard.write(whole.subarray(1, 3))
    expect(peripheral.write.bytes).toEqual(Buffer.of(1, 2))
    expect(peripheral.write.written[0]?.data).toBeInstanceOf(Buffer)
    heard.handle.close()
  })

  test.each([
    [['write', 'writeWithoutResponse'], undefined, true],
    [['write', 'writeWithoutResponse'], true, false],
    [['write', 'writeWithoutResponse'], false, true],
    [['write'], undefined, false],
    [['writeWithoutResponse'], undefined, true],
  ])('to %j, withResponse %j, is without response: %j', async (properties, withResponse, expected) => {
    const { heard, peripheral } = await open({ withResponse }, ({ write }) => {
      write.properties = properties
    })
    await heard.write(pattern(400))
    expect(peripheral.write.written.every(({ withoutResponse }) => withoutResponse === expected)).toBe(true)
    // 20 pieces: one question after the 16th where nothing else is answered.
    expect(peripheral.notify.asked).toBe(expected ? 1 : 0)
    heard.handle.close()
  })

  test('is one piece at a time, and done after the last', async () => {
    const answers: (() => void)[] = []
    const { heard, peripheral } = await open({ withResponse: true })
    peripheral.write.onWrite = () => new Promise((resolve) => answers.push(() => resolve(undefined)))
    let done = false
    void heard.write(pattern(50)).then(() => {
      done = true
    })
    for (let written = 1; written <= 3; written++) {
      await turns()
      expect([peripheral.write.written.length, done]).toEqual([written, false])
      answers.shift()?.()
    }
    await turns()
    expect(done).toBe(true)
    heard.handle.close()
  })

  test('without response is held up by a device that shows no sign of life', async () => {
    let answer: (() => void) | undefined
    const { heard, peripheral } = await open()
    peripheral.notify.onAsk = () => new Promise((resolve) => (answer = () => resolve([])))
    const writing = heard.write(pattern(20 * 40))
    await turns()
    expect(peripheral.write.written.length).toBe(16)
    answer?.()
    await turns()
    expect(peripheral.write.written.length).toBe(32)
    answer?.()
    expect(await writing).toBeNull()
    expect(peripheral.write.written.length).toBe(40)
    peripheral.notify.onAsk = async () => []
    heard.handle.close()
  })

  test('that noble refuses is an error, also when it throws', async () => {
    const { heard, peripheral } = await open()
    peripheral.write.onWrite = () => Promise.reject('not connected')
    expect(await heard.write(Buffer.from('x'))).toEqual(code('EIO'))
    peripheral.write.onWrite = () => {
      throw new Error('no such handle')
    }
    expect(await heard.write(Buffer.from('x'))).toMatchObject({ code: 'EIO', syscall: 'write' })
    heard.handle.close()
  })
})

describe('reading', () => {
  test('gives what is notified, in order, and not what was merely read', async () => {
    const { heard, peripheral } = await open()
    heard.handle.resume()
    notify(peripheral, 'a')
    peripheral.notify.emit('data', Buffer.from('read by somebody'), false)
    notify(peripheral, '')
    notify(peripheral, 'b')
    expect(heard.chunks.map(String)).toEqual(['a', 'b'])
    heard.handle.close()
  })

  test('pause keeps what comes for resume, also from within onData', async () => {
    const peripheral = new ScriptedPeripheral()
    const handle = await connect(new ScriptedNoble(peripheral))
    const chunks: string[] = []
    handle.start({
      onData: (chunk) => {
        chunks.push(chunk.toString())
        handle.pause()
      },
      onEnd: () => chunks.push('end'),
      onError: (error) => chunks.push(String(error)),
    })
    for (const text of ['a', 'b', 'c']) notify(peripheral, text)
    expect(chunks).toEqual([])
    handle.resume()
    expect(chunks).toEqual(['a'])
    peripheral.leave()
    handle.resume()
    handle.resume()
    expect(chunks).toEqual(['a', 'b', 'c'])
    handle.resume()
    expect(chunks).toEqual(['a', 'b', 'c', 'end'])
    handle.close()
  })

  test('more than 1 MiB unread is ENOBUFS after what there was room for, and the end of the connection', async () => {
    const { heard, peripheral } = await open()
    const chunk = Buffer.alloc(244)
    let sent = 0
    while (peripheral.state === 'connected') {
      notify(peripheral, chunk)
      sent += chunk.length
    }
    await turns()
    notify(peripheral, chunk)
    expect(heard.errors).toEqual([])
    heard.handle.resume()
    const got = heard.chunks.reduce((sum, { length }) => sum + length, 0)
    expect([got, sent - got]).toEqual([Math.floor(MIB / 244) * 244, 244])
    expect(heard.errors).toEqual([code('ENOBUFS')])
    expect(heard.ends).toBe(0)
    expect(peripheral.state).toBe('disconnected')
    heard.handle.close()
  })
})

describe('the end', () => {
  test("of the device's own is the end of the stream, after what it sent", async () => {
    const { heard, peripheral } = await open()
    notify(peripheral, 'last words')
    peripheral.leave()
    await turns()
    expect(heard.ends).toBe(0)
    heard.handle.resume()
    expect([heard.text, heard.ends, heard.errors]).toEqual(['last words', 1, []])
    peripheral.leave()
    notify(peripheral, 'too late')
    expect([heard.text, heard.ends]).toEqual(['last words', 1])
    expect(await heard.end()).toBeNull()
    heard.handle.close()
    await turns()
    expect(peripheral.calls).not.toContain('disconnect')
  })

  test.each([undefined, 'unknown', null])('with %j for a reason counts as orderly', async (reason) => {
    const { heard, peripheral } = await open()
    heard.handle.resume()
    peripheral.gone(reason)
    expect([heard.ends, heard.errors]).toEqual([1, []])
    heard.handle.close()
  })

  test.each([
    [0x08, 'ETIMEDOUT'],
    [0x22, 'ETIMEDOUT'],
    [0x3d, 'EACCES'],
    [0x16, 'ECONNABORTED'],
    [0x7f, 'ECONNRESET'],
  ])('by HCI reason %i is %s', async (reason, expected) => {
    const { heard, peripheral } = await open()
    peripheral.gone(reason)
    expect([heard.ends, heard.errors]).toEqual([0, [code(expected)]])
    heard.handle.close()
  })

  test('a device that goes in the middle of a write gives it back with an error', async () => {
    const { heard, peripheral } = await open({ withResponse: true })
    heard.handle.resume()
    peripheral.write.onWrite = never
    const writing = heard.write(Buffer.from('x'))
    await turns()
    peripheral.leave()
    expect(await writing).toEqual(code('ECONNRESET'))
    expect(await heard.write(Buffer.from('y'))).toEqual(code('ECONNRESET'))
    expect([heard.ends, heard.errors]).toEqual([1, []])
    heard.handle.close()
  })

  test('the adapter going away ends every connection with ECONNABORTED', async () => {
    const { heard, peripheral, noble } = await open({ withResponse: true })
    peripheral.write.onWrite = never
    peripheral.onDisconnect = () => undefined
    const writing = heard.write(Buffer.from('x'))
    await turns()
    noble.power('poweredOff')
    expect(await writing).toEqual(code('ECONNABORTED'))
    expect(heard.errors).toEqual([code('ECONNABORTED')])
    heard.handle.close()
    noble.power('poweredOn')
    peripheral.advertises = true
    const again = await connect(noble)
    again.close()
  })

  test('the adapter being unplugged, of which noble in user channel mode says nothing, is ECONNABORTED', async () => {
    const { heard, noble } = await open()
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect(heard.errors).toEqual([])
    // There is no adapter of this number.
    Object.assign(noble, { _bindings: { _hci: { _userChannel: '1', _deviceId: 4711 } } })
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect(heard.errors).toEqual([code('ECONNABORTED')])
    heard.handle.close()
  })

  test('end() disconnects once the device has taken everything, and is the end of both directions', async () => {
    const { heard, peripheral } = await open()
    heard.handle.resume()
    let answer: (() => void) | undefined
    peripheral.notify.onAsk = () => new Promise((resolve) => (answer = () => resolve([])))
    await heard.write(Buffer.from('x'))
    const ending = heard.end()
    await turns()
    expect(peripheral.calls).not.toContain('disconnect')
    notify(peripheral, 'meanwhile')
    answer?.()
    expect(await ending).toBeNull()
    await turns()
    expect([peripheral.state, heard.text, heard.ends]).toEqual(['disconnected', 'meanwhile', 1])
    heard.handle.close()
  })

  test('end() with a device that goes by itself is done', async () => {
    const { heard, peripheral } = await open()
    peripheral.notify.onAsk = never
    await heard.write(Buffer.from('x'))
    const ending = heard.end()
    await turns()
    peripheral.leave()
    expect(await ending).toBeNull()
    heard.handle.close()
  })
})

describe('closing', () => {
  test('lets what was handed over arrive before it disconnects; a second close does nothing', async () => {
    const { heard, peripheral } = await open()
    let answer: (() => void) | undefined
    peripheral.notify.onAsk = () => new Promise((resolve) => (answer = () => resolve([])))
    await heard.write(Buffer.from('x'))
    heard.handle.close()
    heard.handle.close()
    await turns()
    expect(peripheral.calls).not.toContain('disconnect')
    answer?.()
    await turns()
    expect(peripheral.calls.filter((call) => call === 'disconnect')).toHaveLength(1)
  })

  test('gives a pending write back once, stops it, and calls nothing more', async () => {
    const { heard, peripheral } = await open({ withResponse: true })
    heard.handle.resume()
    let answer: (() => void) | undefined
    peripheral.write.onWrite = () => new Promise((resolve) => (answer = () => resolve(undefined)))
    const outcomes: unknown[] = []
    heard.handle.write([pattern(500)], (error) => outcomes.push((error as NodeJS.ErrnoException).code))
    await turns()
    heard.handle.close()
    answer?.()
    notify(peripheral, 'too late')
    await turns()
    peripheral.leave()
    expect(outcomes).toEqual(['ERR_SOCKET_CLOSED'])
    expect(peripheral.write.written).toHaveLength(1)
    expect([heard.text, heard.ends, heard.errors]).toEqual(['', 0, []])
    expect(await heard.write(Buffer.from('y'))).toEqual(code('ERR_SOCKET_CLOSED'))
    expect(await heard.end()).toEqual(code('ERR_SOCKET_CLOSED'))
  })

  test('reset disconnects at once', async () => {
    const { heard, peripheral } = await open()
    peripheral.notify.onAsk = never
    await heard.write(Buffer.from('x'))
    heard.handle.reset()
    expect(peripheral.calls).toContain('disconnect')
    heard.handle.close()
    await turns()
    expect(peripheral.calls.filter((call) => call === 'disconnect')).toHaveLength(1)
  })

  test('survives a noble that throws', async () => {
    const { heard, peripheral, noble } = await open()
    peripheral.onDisconnect = () => {
      peripheral.state = 'disconnected'
      peripheral.advertises = true
      throw new TypeError('The "value" argument must be of type number')
    }
    heard.handle.close()
    await turns()
    const again = await connect(noble)
    peripheral.onDisconnect = () => peripheral.gone()
    again.close()
  })

  test('ref and unref do nothing, and are there', async () => {
    const { heard } = await open()
    heard.handle.unref()
    heard.handle.ref()
    heard.handle.close()
  })
})

describe('a device that says nothing', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
  afterEach(() => void vi.useRealTimers())

  test('to a write or a question for 30 s is ETIMEDOUT', async () => {
    const { heard, peripheral } = await open({ withResponse: true })
    peripheral.write.onWrite = never
    const writing = heard.write(Buffer.from('x'))
    await turns()
    vi.advanceTimersByTime(30_000)
    expect(await writing).toEqual(code('ETIMEDOUT'))
    heard.handle.close()
    await turns()
  })

  test('to what close asks for is disconnected after 5 s, and given up after another 5', async () => {
    const { heard, peripheral, noble } = await open()
    peripheral.notify.onAsk = never
    peripheral.onDisconnect = () => undefined
    await heard.write(Buffer.from('x'))
    heard.handle.close()
    const next = connect(noble).catch((error) => error)
    await turns()
    expect(peripheral.calls).not.toContain('disconnect')
    vi.advanceTimersByTime(5000)
    await turns()
    expect(peripheral.calls).toContain('disconnect')
    expect(noble.scans).toBe(1)
    vi.advanceTimersByTime(5000)
    await turns()
    peripheral.gone()
    noble.advertise()
    const again = (await next) as { close(): void }
    again.close()
    await turns()
  })
})
