import { afterEach, beforeEach, expect, test } from 'vitest'
import type { BluetoothDevice } from '../../src/families/bluetooth/bluez/device.ts'
import { deviceOf } from '../../src/families/bluetooth/bluez/device.ts'
import { discoverDevices } from '../../src/families/bluetooth/bluez/discovery.ts'
import { misuse } from '../support/errors.ts'
import { given } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { busNeeds, FakeBluetoothd, type PrivateBus, privateBus } from './bluez-support.ts'

const onBus = given(...busNeeds)
let before = 0

beforeEach(() => {
  before = openDescriptors()
})

afterEach(async () => {
  expect(await eventually(() => openDescriptors() <= before)).toBe(true)
})

async function withBluetoothd(run: (bluetoothd: FakeBluetoothd, bus: PrivateBus) => Promise<void>): Promise<void> {
  await using bus = await privateBus()
  await using bluetoothd = await FakeBluetoothd.start(bus)
  await run(bluetoothd, bus)
}

/** A search whose finds are collected, and its end. */
function search(options: Parameters<typeof discoverDevices>[0] = {}) {
  const found: BluetoothDevice[] = []
  const ended = (async () => {
    for await (const device of discoverDevices(options)) found.push(device)
  })()
  ended.catch(() => undefined)
  return { found, ended, addresses: () => found.map(({ address }) => address) }
}

const A = 'AA:00:00:00:00:01'
const B = 'AA:00:00:00:00:02'
const C = 'AA:00:00:00:00:03'
const serial = '00001101-0000-1000-8000-00805f9b34fb'

test('what a device is, by its properties', () => {
  const kinds = (properties: object) => deviceOf({ Address: A, ...properties }).kinds
  expect(kinds({ Class: 0x5a020c })).toEqual(['bredr'])
  expect(kinds({ UUIDs: [serial] })).toEqual(['bredr'])
  expect(kinds({ AddressType: 'random' })).toEqual(['le'])
  expect(kinds({ AddressType: 'public' })).toEqual(['le'])
  expect(kinds({ Class: 1, AdvertisingFlags: Buffer.of(6) })).toEqual(['bredr', 'le'])
  expect(deviceOf({})).toMatchObject({ address: '', name: undefined, services: [], paired: false, adapter: '' })
  expect(deviceOf({ Address: 7, UUIDs: 'x', Name: 1, RSSI: 'loud' })).toMatchObject({
    name: undefined,
    rssi: undefined,
  })
})

onBus('each device is yielded once, when it is seen; those that are known only when they are', () =>
  withBluetoothd(async (bluetoothd) => {
    await bluetoothd.addAdapter()
    const known = await bluetoothd.addDevice(A, { Name: 'known' })
    await bluetoothd.addDevice(B, { Connected: true })
    const { found, ended, addresses } = search({ timeout: 1500 })
    await bluetoothd.called('StartDiscovery')
    expect(await eventually(() => found.length === 1)).toBe(true)
    await bluetoothd.addDevice(C, { Name: 'new', RSSI: -50, Class: 0x1f00 })
    await bluetoothd.change(known, 'Device', { Name: 'no sighting' })
    await bluetoothd.change(known, 'Device', { RSSI: -70 })
    await bluetoothd.change(known, 'Device', { RSSI: -71 })
    await ended
    expect(addresses()).toEqual([B, C, A])
    expect(found[2]).toMatchObject({ name: 'no sighting', rssi: -70, adapter: 'hci0' })
    expect(await bluetoothd.called('SetDiscoveryFilter')).toEqual([{ Transport: 'auto' }])
  }),
)

onBus('what does not fit is left out: other adapters, other kinds, other services until they are announced', () =>
  withBluetoothd(async (bluetoothd) => {
    await bluetoothd.addAdapter('hci0', { Powered: false })
    await bluetoothd.addAdapter('hci1')
    const { ended, addresses } = search({ timeout: 1500, kinds: ['bredr'], services: ['spp'] })
    await bluetoothd.called('StartDiscovery')
    await bluetoothd.addDevice(A, { UUIDs: [serial] }, 'hci0')
    const late = await bluetoothd.addDevice(B, { RSSI: -1 }, 'hci1')
    await bluetoothd.addDevice(C, { UUIDs: [serial.replace('1101', '1105')] }, 'hci1')
    await bluetoothd.change(late, 'Device', { UUIDs: [serial.toUpperCase()] })
    await ended
    expect(addresses()).toEqual([B])
    expect(await bluetoothd.called('SetDiscoveryFilter')).toEqual([{ Transport: 'bredr', UUIDs: [serial] }])
  }),
)

onBus('errors: no adapter, none that is on, none of this name, and bluetoothd’s own', () =>
  withBluetoothd(async (bluetoothd) => {
    await expect(search().ended).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
    await bluetoothd.addAdapter('hci0', { Powered: false })
    await expect(search().ended).rejects.toMatchObject({ code: 'ENETDOWN', address: 'hci0' })
    await expect(search({ adapter: 'hci9' }).ended).rejects.toMatchObject({ code: 'ENODEV', address: 'hci9' })
    await bluetoothd.change('/org/bluez/hci0', 'Adapter', { Powered: true })
    await bluetoothd.tell('hold', 'StartDiscovery')
    const { ended } = search()
    await bluetoothd.called('StartDiscovery')
    await bluetoothd.tell('remove', '/org/bluez/hci0', 'org.bluez.Adapter1')
    await expect(ended).rejects.toMatchObject({ code: 'ENODEV', address: 'hci0' })
    await bluetoothd.addAdapter()
    await bluetoothd.tell('fail', 'StartDiscovery', 'org.bluez.Error.InProgress')
    await expect(search().ended).rejects.toMatchObject({ code: 'EBUSY', syscall: 'StartDiscovery' })
  }),
)

onBus('an adapter that is turned off, or unplugged, and bluetoothd and the bus that go, end it', () =>
  withBluetoothd(async (bluetoothd, bus) => {
    const begin = async (adapter: string) => {
      await bluetoothd.addAdapter(adapter)
      const running = search({ adapter })
      expect(await eventually(() => openDescriptors() > before)).toBe(true)
      await bluetoothd.called('StartDiscovery')
      await new Promise((resolve) => setTimeout(resolve, 200))
      return running
    }
    const off = await begin('hci0')
    await bluetoothd.change('/org/bluez/hci0', 'Adapter', { Powered: false })
    await expect(off.ended).rejects.toMatchObject({ code: 'ENETDOWN', address: 'hci0' })
    const unplugged = await begin('hci1')
    await bluetoothd.tell('remove', '/org/bluez/hci1', 'org.bluez.Adapter1')
    await expect(unplugged.ended).rejects.toMatchObject({ code: 'ENODEV', address: 'hci1' })
    const dead = await begin('hci2')
    await bluetoothd.kill()
    await expect(dead.ended).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
    await using second = await FakeBluetoothd.start(bus)
    await second.addAdapter()
    const busless = search()
    await second.called('StartDiscovery')
    await bus.kill()
    await expect(busless.ended).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
  }),
)

onBus('abort before, while it opens, and while it waits; timeouts at every stage end it normally', () =>
  withBluetoothd(async (bluetoothd) => {
    await bluetoothd.addAdapter()
    await expect(search({ signal: AbortSignal.abort() }).ended).rejects.toMatchObject({ name: 'AbortError' })
    for (const delay of [0, 1, 2, 4, 8, 16, 32, 64, 300]) {
      const controller = new AbortController()
      const { ended } = search({ signal: controller.signal })
      setTimeout(() => controller.abort(new Error('enough')), delay)
      await expect(ended).rejects.toMatchObject({ name: 'AbortError', cause: { message: 'enough' } })
      await search({ timeout: delay }).ended
    }
    await bluetoothd.tell('hold', 'StartDiscovery')
    await search({ timeout: 100 }).ended
  }),
)

test('options of another kind', async () => {
  const bad: object[] = [
    { kinds: [] },
    { kinds: 'le' },
    { kinds: ['wifi'] },
    { services: ['not one'] },
    { services: 'spp' },
    { services: [7] },
    { adapter: 0 },
    { timeout: -1 },
    { signal: 'now' },
  ]
  for (const options of bad) await expect(search(options).ended).rejects.toEqual(misuse)
})
