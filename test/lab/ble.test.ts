import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BleAddress } from '../../src/families/bluetooth/address.ts'
import { bleFacts, connectBle, formatBle, parseBle, probeBle } from '../../src/families/bluetooth/ble.ts'
import { type AddressFamily, createSockets, type OpenOptions, type StreamEndpoint } from '../../src/index.ts'
import { receiveAll } from '../support/bytes.ts'
import type { Child } from '../support/child.ts'
import { atLeastControllers, type Controller, restartControllers, startScript } from './support.ts'

const ble: AddressFamily<BleAddress> = {
  name: 'bluetooth',
  schemes: { ble: bleFacts },
  probe: probeBle,
  parse: parseBle,
  format: formatBle,
  ephemeral: () => undefined,
  connect: connectBle,
}
const sockets = createSockets([ble])
const connect = (address: string, options: object = {}): Promise<StreamEndpoint> =>
  sockets.connect(address, options as OpenOptions) as Promise<unknown> as Promise<StreamEndpoint>

/** noble has the first controller to itself, which must be down for that. */
let home: Controller
let far: Controller
let nus: string

beforeAll(() => {
  ;[home, far] = atLeastControllers(2) as [Controller, Controller]
  nus = `ble://${far.address}/nus`
  execFileSync('hciconfig', [home.id, 'down'])
  process.env.HCI_CHANNEL_USER = '1'
  process.env.NOBLE_HCI_DEVICE_ID = home.id.slice('hci'.length)
})

afterAll(() => {
  restartControllers(2)
})

async function peripheral(options: object = {}): Promise<Child> {
  const child = startScript('gatt_peripheral.py', JSON.stringify({ controller: Number(far.id.slice(3)), ...options }))
  expect(await child.report()).toEqual({ ready: far.address })
  return child
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

describe('with a device by Python', () => {
  test('an echo, there and back, and both sides see the end', async () => {
    await using device = await peripheral({ echo: true })
    console.log(execFileSync('hciconfig', { encoding: 'utf8' }), process.env.NOBLE_HCI_DEVICE_ID, home, far)
    const stream = await connect(nus)
    expect(await device.report()).toEqual({ connected: true })
    expect(await device.report()).toEqual({ subscribed: true })
    expect(stream).toMatchObject({ engine: 'noble', remote: parseBle('ble', nus.slice(4)) })
    stream.write('hello')
    const [data] = (await once(stream, 'data')) as [Buffer]
    expect(String(data)).toBe('hello')
    stream.end()
    await once(stream, 'close')
    expect(await device.report()).toMatchObject({ closed: 5 })
  })
})
