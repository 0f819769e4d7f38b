import { closeSync, openSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { adapters } from '../../src/families/bluetooth/bluez/adapters.ts'
import { BluezBus } from '../../src/families/bluetooth/bluez/bus.ts'
import { parseBusAddresses } from '../../src/families/bluetooth/bluez/bus-address.ts'
import { listen } from '../../src/index.ts'
import { outOfRange } from '../support/errors.ts'
import { given, scheme } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { busNeeds, FakeBluetoothd, privateBus } from './bluez-support.ts'

const onBus = given(...busNeeds)
let before = 0

beforeEach(() => {
  before = openDescriptors()
})

afterEach(async () => {
  expect(await eventually(() => openDescriptors() <= before)).toBe(true)
})

test('addresses of the bus are read as the D-Bus specification writes them', () => {
  const unix = (name: object) => ({ family: 'unix', scheme: 'unix', ...name })
  expect(parseBusAddresses('unix:path=/run/a,guid=00ff;unix:abstract=b%2fc;tcp:host=x,port=1;unix:dir=/tmp')).toEqual([
    unix({ path: '/run/a' }),
    unix({ abstract: Buffer.from('b/c') }),
  ])
  expect(parseBusAddresses('unix:path=/a%3b%2C%25b')).toEqual([unix({ path: '/a;,%b' })])
  expect(parseBusAddresses('unix:path=/\u00fc%c3%bc')).toEqual([unix({ path: '/\u00fc\u00fc' })])
  expect(parseBusAddresses('unix:path=/%ff')).toEqual([unix({ path: Buffer.from('/\xff', 'latin1') })])
  for (const junk of ['', ';;', 'unix', 'unix:', 'unix:path=', 'unix:abstract', 'unix:=', '%', 'launchd:env=X']) {
    expect(parseBusAddresses(junk)).toEqual([])
  }
})

async function refusal(address: string): Promise<unknown> {
  const saved = process.env.DBUS_SYSTEM_BUS_ADDRESS
  process.env.DBUS_SYSTEM_BUS_ADDRESS = address
  try {
    return await adapters().then(
      () => 'it worked',
      (error: unknown) => error,
    )
  } finally {
    if (saved === undefined) delete process.env.DBUS_SYSTEM_BUS_ADDRESS
    else process.env.DBUS_SYSTEM_BUS_ADDRESS = saved
  }
}

test('without a bus: unavailable, why, and what helps', async () => {
  const unavailable = (text: string) =>
    expect.objectContaining({ code: 'ERR_FAMILY_UNAVAILABLE', message: expect.stringContaining(text) })
  expect(await refusal('unix:path=/nowhere/bus')).toEqual(unavailable('ENOENT'))
  expect(await refusal('unix:path=/nowhere/bus')).toEqual(unavailable('systemctl start dbus'))
  expect(await refusal('tcp:host=localhost,port=1')).toEqual(unavailable('DBUS_SYSTEM_BUS_ADDRESS'))
})

test('a bus that closes, or that refuses, or that talks nonsense', async () => {
  await using directory = await temporaryDirectory()
  for (const [index, behave] of [
    (peer: NodeJS.WritableStream) => peer.end(),
    (peer: NodeJS.WritableStream) => peer.end('REJECTED EXTERNAL\r\n'.repeat(5)),
    (peer: NodeJS.WritableStream) => peer.end('OK 00\r\nAGREE_UNIX_FD\r\nnonsense that is no message at all, but long'),
    (peer: NodeJS.WritableStream) => peer.end('\r\n'.repeat(20)),
  ].entries()) {
    const path = directory.file(String(index))
    await using listener = await listen(`unix:${path}`)
    listener.on('connection', (peer) => {
      peer.on('error', () => undefined)
      peer.resume()
      behave(peer)
    })
    expect(await refusal(`unix:path=${path}`)).toMatchObject({
      code: expect.stringMatching(/ERR_FAMILY_UNAVAILABLE|EIO/),
    })
  }
})

given(scheme('unix'))('descriptors that no message claims are closed with the connection', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('bus')
  const file = openSync('/dev/null', 'r')
  let sent = 0
  {
    await using listener = await listen(`unix:${path}`)
    listener.on('connection', (peer) => {
      peer.on('error', () => undefined)
      peer.write('OK 00\r\nAGREE_UNIX_FD\r\n')
      peer.on('data', (chunk) => {
        if (!String(chunk).includes('BEGIN')) return
        // Of a header's 16 bytes, the first.
        peer.writeWithFds(Buffer.from('l'), [file, file], () => peer.end())
        sent++
      })
    })
    expect(await refusal(`unix:path=${path}`)).toMatchObject({ code: expect.any(String) })
  }
  closeSync(file)
  expect(sent).toBe(1)
})

test('a bus that never answers: the timeout and the signal end it', async () => {
  await using directory = await temporaryDirectory()
  const path = directory.file('bus')
  await using listener = await listen(`unix:${path}`)
  listener.on('connection', (peer) => peer.on('error', () => undefined).resume())
  process.env.DBUS_SYSTEM_BUS_ADDRESS = `unix:path=${path}`
  await expect(adapters({ timeout: 50 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  const controller = new AbortController()
  setTimeout(() => controller.abort(new Error('enough')), 50)
  await expect(adapters({ signal: controller.signal })).rejects.toMatchObject({
    name: 'AbortError',
    cause: { message: 'enough' },
  })
  await expect(adapters({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' })
  delete process.env.DBUS_SYSTEM_BUS_ADDRESS
})

onBus('without bluetoothd on the bus: unavailable, why, and what helps', async () => {
  await using _bus = await privateBus()
  await expect(adapters()).rejects.toMatchObject({
    code: 'ERR_FAMILY_UNAVAILABLE',
    message: expect.stringContaining('systemctl start bluetooth'),
    cause: { dbusName: 'org.freedesktop.DBus.Error.ServiceUnknown' },
  })
})

onBus('adapters are listed by number, and set', async () => {
  await using bus = await privateBus()
  await using bluetoothd = await FakeBluetoothd.start(bus)
  expect(await adapters()).toEqual([])
  for (const id of ['hci10', 'hci2', 'hci0']) await bluetoothd.addAdapter(id, { Powered: id === 'hci2' })
  const list = await adapters()
  expect(list.map(({ id }) => id)).toEqual(['hci0', 'hci2', 'hci10'])
  expect(list[1]).toMatchObject({ address: '00:00:00:00:00:02', name: 'host', powered: true, discoverable: false })
  const [first] = list
  await first?.setPowered(true)
  await first?.setDiscoverable(true, { duration: 1500 })
  const adapter = 'org.bluez.Adapter1'
  expect(await bluetoothd.calls()).toEqual([
    ['Set', [adapter, 'Powered', 1]],
    ['Set', [adapter, 'DiscoverableTimeout', 2]],
    ['Set', [adapter, 'Discoverable', 1]],
  ])
  await expect(first?.setDiscoverable(true, { duration: -1 })).rejects.toEqual(outOfRange)
})

onBus('errors of bluetoothd and of the bus have system codes, and their cause', async () => {
  await using bus = await privateBus()
  await using bluetoothd = await FakeBluetoothd.start(bus)
  await bluetoothd.addAdapter()
  const [adapter] = await adapters()
  const codes: [string, string][] = [
    ['org.bluez.Error.NotReady', 'ENETDOWN'],
    ['org.bluez.Error.InProgress', 'EBUSY'],
    ['org.bluez.Error.NotAuthorized', 'EACCES'],
    ['org.bluez.Error.SomethingNew', 'EIO'],
    ['org.freedesktop.DBus.Error.AccessDenied', 'EACCES'],
    ['org.freedesktop.DBus.Error.NoReply', 'ETIMEDOUT'],
    ['com.example.Strange', 'EIO'],
    ['org.freedesktop.DBus.Error.ServiceUnknown', 'ERR_FAMILY_UNAVAILABLE'],
  ]
  for (const [name, code] of codes) {
    await bluetoothd.tell('fail', 'Set', name)
    const error = await adapter?.setPowered(true).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code, cause: { dbusName: name } })
    if (code !== 'ERR_FAMILY_UNAVAILABLE') expect(error).toMatchObject({ syscall: 'Set', address: 'hci0' })
  }
})

onBus('bluetoothd that dies with a call open, or before one, is unavailable; so is a bus that does', async () => {
  const bus = await privateBus()
  const bluetoothd = await FakeBluetoothd.start(bus)
  await bluetoothd.addAdapter()
  const connection = await BluezBus.open()
  const second = await BluezBus.open()
  const losses: string[] = []
  connection.onLost(({ code }) => losses.push(code))
  await bluetoothd.tell('hold', 'Wait')
  const waiting = expect(connection.call('/org/bluez/hci0', 'a.b', 'Wait')).rejects.toMatchObject({
    code: 'ERR_FAMILY_UNAVAILABLE',
  })
  await bluetoothd.called('Wait')
  await bluetoothd.kill()
  await waiting
  expect(await eventually(() => losses.length === 1)).toBe(true)
  await expect(connection.call('/', 'a.b', 'C')).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
  connection.onLost(({ code }) => losses.push(code))
  expect(losses).toEqual(['ERR_FAMILY_UNAVAILABLE', 'ERR_FAMILY_UNAVAILABLE'])
  await bus[Symbol.asyncDispose]()
  await expect(second.call('/', 'a.b', 'C')).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
  await connection.close()
  await second.close()
  await second.close()
})
