import { describe, expect, test } from 'vitest'
import { connectBle, parseBle, probeBle } from '../../src/families/bluetooth/ble.ts'
import { createSockets } from '../../src/index.ts'
import { given, need } from '../support/need.ts'
import {
  bleFamily,
  connect,
  DEVICE,
  FAILED_TO_ESTABLISH,
  failedToEstablish,
  Heard,
  never,
  nus,
  ScriptedNoble,
  ScriptedPeripheral,
  turns,
} from './ble-scripted.ts'

const OTHER = '00:AA:01:01:00:01'
const code = (code: string): unknown => expect.objectContaining({ code, name: 'SocketError' })
const bare = { signal: undefined, engine: undefined, local: undefined, options: {} }

const isMissing = need(!probeBle().available, 'noble is installed here', 'try without it')

describe('without noble', () => {
  given(isMissing)('the scheme says what to install, and so does connect', async () => {
    expect(probeBle()).toMatchObject({ available: false, remedy: 'run: npm install @abandonware/noble' })
    const connecting = connectBle(nus, bare)
    await expect(connecting).rejects.toEqual(code('ERR_FAMILY_UNAVAILABLE'))
    await expect(connecting).rejects.toThrow(/npm install @abandonware\/noble/)
  })
})

describe('connecting over ble', () => {
  test('finds the device, its characteristics, subscribes, and stops the scan', async () => {
    const peripheral = new ScriptedPeripheral()
    const noble = new ScriptedNoble(new ScriptedPeripheral(OTHER), peripheral)
    const handle = await connect(noble)
    expect(handle).toMatchObject({ engine: 'noble', type: 'stream', fd: undefined, local: undefined, remote: nus })
    expect(noble).toMatchObject({ scanning: false, scans: 1 })
    expect(noble.listenerCount('discover')).toBe(0)
    handle.close()
    await turns()
    expect(peripheral.calls).toEqual(['connect', 'services', 'disconnect'])
  })

  test.each([DEVICE.toLowerCase(), '00aa01000000', '00-AA-01-00-00-00'])('takes %s for the device', async (device) => {
    const noble = new ScriptedNoble(new ScriptedPeripheral())
    const handle = await connect(noble, { address: parseBle('ble', `//${device}/nus`) })
    handle.close()
  })

  test('several at once share one scan, and connect one after the other', async () => {
    const [first, second] = [new ScriptedPeripheral(), new ScriptedPeripheral(OTHER)]
    const noble = new ScriptedNoble(first, second)
    let under = 0
    for (const peripheral of [first, second]) {
      peripheral.onConnect = () => {
        expect(noble.scanning).toBe(false)
        expect(++under).toBe(1)
        setTimeout(() => {
          under--
          peripheral.connected()
        }, 5)
      }
    }
    const addresses = [nus, parseBle('ble', `//${OTHER}/nus`)]
    const handles = await Promise.all(addresses.map((address) => connect(noble, { address })))
    expect(handles.map(({ remote }) => remote?.device)).toEqual([DEVICE, OTHER])
    expect(noble.scans).toBe(1)
    for (const handle of handles) handle.close()
  })

  test('the scan goes on for who still looks, once a connect is over', async () => {
    const here = new ScriptedPeripheral()
    const noble = new ScriptedNoble(here)
    const looking = connect(noble, { address: parseBle('ble', `//${OTHER}/nus`) })
    const handle = await connect(noble)
    await turns()
    expect(noble.scanning).toBe(true)
    noble.peripherals.push(new ScriptedPeripheral(OTHER))
    noble.advertise()
    const other = await looking
    expect(noble.scanning).toBe(false)
    handle.close()
    other.close()
  })

  test('a second connection to the device is EBUSY, and a closed one frees it', async () => {
    const noble = new ScriptedNoble(new ScriptedPeripheral())
    const first = await connect(noble)
    await expect(connect(noble)).rejects.toEqual(code('EBUSY'))
    first.close()
    const second = await connect(noble)
    second.close()
  })

  test('of two at once to the device one is EBUSY', async () => {
    const noble = new ScriptedNoble(new ScriptedPeripheral())
    const outcomes = await Promise.allSettled([connect(noble), connect(noble)])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(outcomes[1]).toMatchObject({ reason: code('EBUSY') })
  })

  test('a device that somebody else connected is EBUSY', async () => {
    const peripheral = new ScriptedPeripheral()
    peripheral.state = 'connected'
    await expect(connect(new ScriptedNoble(peripheral))).rejects.toEqual(code('EBUSY'))
    expect(peripheral.calls).toEqual([])
  })

  test.each([
    ['Page Timeout (0x4)', 'EHOSTDOWN'],
    ['Unsupported Remote Feature (0x1a)', 'ECONNREFUSED'],
    ['Connection Timeout (0x8)', 'ETIMEDOUT'],
    ['Authentication Failure (0x5)', 'EACCES'],
    ['Command Disallowed (0xc)', 'EBUSY'],
    ['no number in it', 'ECONNREFUSED'],
  ])('a connect that fails with %s is %s', async (message, expected) => {
    const peripheral = new ScriptedPeripheral()
    peripheral.onConnect = () => setImmediate(() => peripheral.failed(new Error(message)))
    const connecting = connect(new ScriptedNoble(peripheral))
    await expect(connecting).rejects.toEqual(code(expected))
    await expect(connecting).rejects.toMatchObject({ syscall: 'connect', address: `ble://${DEVICE}/nus` })
    expect(peripheral.calls).toEqual(['connect'])
  })

  test('a connect that throws is an error', async () => {
    const peripheral = new ScriptedPeripheral()
    peripheral.onConnect = () => {
      throw new Error('EALREADY')
    }
    await expect(connect(new ScriptedNoble(peripheral))).rejects.toThrow(/EALREADY/)
  })

  test('a scan that cannot begin is an error', async () => {
    const noble = new ScriptedNoble()
    noble.startScanning = (_services, _duplicates, callback) => callback(new Error('not poweredOn'))
    await expect(connect(noble)).rejects.toEqual(code('EIO'))
    noble.startScanning = () => {
      throw new Error('not poweredOn')
    }
    await expect(connect(noble)).rejects.toThrow(/not poweredOn/)
  })
})

describe('what the device lacks', () => {
  test('a missing service, or characteristic, is ENOTFOUND that says what there is', async () => {
    const peripheral = new ScriptedPeripheral()
    const noble = new ScriptedNoble(peripheral)
    peripheral.onCharacteristics = async () => [peripheral.write]
    await expect(connect(noble)).rejects.toThrow(/ENOTFOUND.*no characteristic 6e400003.*only: 6e400002/)
    peripheral.services.pop()
    await expect(connect(noble)).rejects.toThrow(/ENOTFOUND.*no service 6e400001.*only: 1800/)
    peripheral.services = []
    await expect(connect(noble)).rejects.toThrow(/only: none/)
    await turns()
    expect(peripheral.state).toBe('disconnected')
  })

  test('a short UUID is found in each way to write it', async () => {
    for (const uuid of ['ff', '000000ff00001000800000805f9b34fb', '000000ff-0000-1000-8000-00805f9b34fb']) {
      const peripheral = new ScriptedPeripheral()
      peripheral.services = [{ uuid, discoverCharacteristicsAsync: () => peripheral.onCharacteristics() }]
      const address = { ...nus, service: '000000ff-0000-1000-8000-00805f9b34fb' }
      const handle = await connect(new ScriptedNoble(peripheral), { address })
      handle.close()
    }
  })

  test('a rejection that is a string is an error', async () => {
    const peripheral = new ScriptedPeripheral()
    peripheral.onServices = () => Promise.reject('Could not find all requested services')
    await expect(connect(new ScriptedNoble(peripheral))).rejects.toThrow(/EIO.*Could not find all requested services/)
    peripheral.onServices = () => {
      throw new Error('at once')
    }
    await expect(connect(new ScriptedNoble(peripheral))).rejects.toThrow(/EIO.*at once/)
  })

  test.each([
    ['write', [], {}, /cannot be written to/],
    ['write', ['write'], { withResponse: false }, /knows no write without response/],
    ['write', ['writeWithoutResponse'], { withResponse: true }, /knows no write with response/],
    ['notify', ['read'], {}, /notifies of nothing/],
  ] as const)(
    'a %s characteristic with only %j is ERR_UNSUPPORTED, given %j',
    async (which, properties, options, message) => {
      const peripheral = new ScriptedPeripheral()
      peripheral[which].properties = [...properties]
      const connecting = connect(new ScriptedNoble(peripheral), { options })
      await expect(connecting).rejects.toEqual(code('ERR_UNSUPPORTED'))
      await expect(connecting).rejects.toThrow(message)
    },
  )

  test('indications do as well', async () => {
    const peripheral = new ScriptedPeripheral()
    peripheral.notify.properties = ['indicate']
    const handle = await connect(new ScriptedNoble(peripheral))
    handle.close()
  })
})

describe('a disconnect while connecting', () => {
  test.each(['onServices', 'onCharacteristics'] as const)('ends %s that never settles', async (step) => {
    const peripheral = new ScriptedPeripheral()
    const hang = (): Promise<never> => {
      setImmediate(() => peripheral.leave())
      return never()
    }
    Object.assign(peripheral, { [step]: hang })
    await expect(connect(new ScriptedNoble(peripheral))).rejects.toEqual(code('ECONNRESET'))
    expect(peripheral.calls).not.toContain('disconnect')
  })

  test('ends a subscription that never settles', async () => {
    const peripheral = new ScriptedPeripheral()
    peripheral.notify.onSubscribe = () => {
      setImmediate(() => peripheral.vanish())
      return never()
    }
    await expect(connect(new ScriptedNoble(peripheral))).rejects.toEqual(code('ETIMEDOUT'))
  })

  test('in the very turn of the connect is noticed', async () => {
    const peripheral = new ScriptedPeripheral()
    peripheral.onServices = never
    peripheral.onConnect = () => {
      setImmediate(() => {
        peripheral.connected()
        peripheral.leave()
      })
    }
    await expect(connect(new ScriptedNoble(peripheral))).rejects.toEqual(code('ECONNRESET'))
  })
})

describe('retry', () => {
  test('a connection that failed to be established is tried again, three times in all', async () => {
    const peripheral = new ScriptedPeripheral()
    const noble = new ScriptedNoble(peripheral)
    peripheral.onConnect = () => setImmediate(() => peripheral.failed(failedToEstablish()))
    await expect(connect(noble)).rejects.toEqual(code('EHOSTDOWN'))
    expect(peripheral.calls).toEqual(['connect', 'connect', 'connect'])
  })

  test('so is one that came about and was lost for this reason', async () => {
    const peripheral = new ScriptedPeripheral()
    let attempts = 0
    peripheral.onServices = async () => {
      if (++attempts > 1) return peripheral.services
      setImmediate(() => peripheral.gone(FAILED_TO_ESTABLISH))
      return never()
    }
    const handle = await connect(new ScriptedNoble(peripheral))
    expect(attempts).toBe(2)
    handle.close()
  })

  test('other failures are not tried again', async () => {
    const peripheral = new ScriptedPeripheral()
    const noble = new ScriptedNoble(peripheral)
    peripheral.onConnect = () => setImmediate(() => peripheral.failed(new Error('Connection Timeout (0x8)')))
    await expect(connect(noble)).rejects.toEqual(code('ETIMEDOUT'))
    expect(peripheral.calls).toEqual(['connect'])
  })

  test('an abort ends the wait between two attempts', async () => {
    const peripheral = new ScriptedPeripheral()
    peripheral.onConnect = () => setImmediate(() => peripheral.failed(failedToEstablish()))
    const controller = new AbortController()
    const connecting = connect(new ScriptedNoble(peripheral), { signal: controller.signal })
    const refused = expect(connecting).rejects.toThrow('enough')
    await turns()
    controller.abort(new Error('enough'))
    await refused
  })
})

describe('options', () => {
  const noble = new ScriptedNoble(new ScriptedPeripheral())

  test.each([{ noble: 5 }, { noble: {} }, { noble: null }, { withResponse: 'yes' }])(
    '%o is a TypeError',
    async (options) => {
      await expect(connect(noble, { options })).rejects.toThrow(TypeError)
    },
  )

  test('what it does not know or cannot do is refused', async () => {
    await expect(connect(noble, { options: { mtu: 5 } })).rejects.toEqual(code('ERR_OPTION_UNKNOWN'))
    await expect(connect(noble, { engine: 'kernel' })).rejects.toEqual(code('ERR_UNSUPPORTED'))
    await expect(connect(noble, { local: nus })).rejects.toEqual(code('ERR_UNSUPPORTED'))
    const handle = await connect(noble)
    expect(() => handle.getOption('mtu')).toThrow(code('ERR_OPTION_UNKNOWN') as Error)
    expect(() => handle.setOption({ level: 1, name: 2 }, 3)).toThrow(code('ERR_OPTION_UNKNOWN') as Error)
    handle.close()
    expect(() => handle.getOption('mtu')).toThrow(code('ERR_SOCKET_CLOSED') as Error)
    expect(noble.scans).toBe(1)
  })
})

describe('through an endpoint', () => {
  test('it connects, talks both ways, and closes', async () => {
    const peripheral = new ScriptedPeripheral()
    const sockets = createSockets([bleFamily])
    const noble = new ScriptedNoble(peripheral)
    const stream = (await sockets.connect(nus, {
      noble,
    } as object)) as unknown as import('../../src/index.ts').StreamEndpoint
    stream.write('question')
    stream.end()
    peripheral.notify.emit('data', Buffer.from('answer'), true)
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).toString()).toBe('answer')
    expect(peripheral.write.bytes.toString()).toBe('question')
    expect(peripheral.state).toBe('disconnected')
  })

  test('destroying one that is connecting gives up', async () => {
    const peripheral = new ScriptedPeripheral()
    peripheral.onConnect = () => undefined
    const noble = new ScriptedNoble(peripheral)
    const stream = createSockets([bleFamily]).createConnection(nus, { noble } as object)
    const closed = new Promise((resolve) => stream.once('close', resolve))
    await turns()
    stream.destroy()
    await closed
    await turns()
    expect(peripheral.calls).toEqual(['connect', 'cancelConnect'])
  })
})

test('a handle hears nothing before it is resumed', async () => {
  const peripheral = new ScriptedPeripheral()
  peripheral.notify.onSubscribe = async () => peripheral.notify.emit('data', Buffer.from('early'), true)
  const heard = new Heard(await connect(new ScriptedNoble(peripheral)))
  await turns()
  expect(heard.text).toBe('')
  heard.handle.resume()
  expect(heard.text).toBe('early')
  heard.handle.close()
})
