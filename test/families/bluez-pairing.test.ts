import { closeSync, writeSync } from 'node:fs'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { PairingAgent } from '../../src/families/bluetooth/bluez/agent.ts'
import { pair, registerAgent, unpair } from '../../src/families/bluetooth/bluez/pairing.ts'
import { publishRecord, registerProfile } from '../../src/families/bluetooth/bluez/profile.ts'
import { adopt, type StreamEndpoint } from '../../src/index.ts'
import { misuse, outOfRange, wrongType } from '../support/errors.ts'
import { given } from '../support/need.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { busNeeds, FakeBluetoothd, privateBus } from './bluez-support.ts'

const onBus = given(...busNeeds)
const A = 'AA:00:00:00:00:01'
let before = 0

beforeEach(() => {
  before = openDescriptors()
})

afterEach(async () => {
  expect(await eventually(() => openDescriptors() <= before)).toBe(true)
})

async function withBluetoothd(run: (bluetoothd: FakeBluetoothd) => Promise<void>): Promise<void> {
  await using bus = await privateBus()
  await using bluetoothd = await FakeBluetoothd.start(bus)
  await bluetoothd.addAdapter()
  await run(bluetoothd)
}

const names = (calls: readonly [string, unknown[]][]): string[] => calls.map(([name]) => name)

onBus('pairs with a known device over a connection of its own, and leaves it', () =>
  withBluetoothd(async (bluetoothd) => {
    await bluetoothd.addDevice(A)
    await pair(A.toLowerCase(), { requestConfirmation: () => true }, { trust: true })
    expect(await bluetoothd.calls()).toEqual([
      ['RegisterAgent', ['/polysocket/agent', 'DisplayYesNo']],
      ['Pair', []],
      ['Set', ['org.bluez.Device1', 'Trusted', 1]],
    ])
  }),
)

onBus('searches for one that is not known', () =>
  withBluetoothd(async (bluetoothd) => {
    const pairing = pair(A)
    await bluetoothd.called('StartDiscovery')
    await bluetoothd.addDevice('BB:00:00:00:00:02')
    await bluetoothd.addDevice(A)
    await pairing
    expect(names(await bluetoothd.calls())).toEqual(['RegisterAgent', 'StartDiscovery', 'StopDiscovery', 'Pair'])
  }),
)

onBus('what bluetoothd answers', () =>
  withBluetoothd(async (bluetoothd) => {
    await bluetoothd.addDevice(A)
    for (const [name, code] of [
      ['AuthenticationFailed', 'EACCES'],
      ['AuthenticationCanceled', 'ECANCELED'],
      ['AuthenticationRejected', 'EACCES'],
      ['AuthenticationTimeout', 'ETIMEDOUT'],
      ['ConnectionAttemptFailed', 'EHOSTDOWN'],
      ['AlreadyExists', 'EEXIST'],
      ['InProgress', 'EBUSY'],
    ] as const) {
      await bluetoothd.tell('fail', 'Pair', `org.bluez.Error.${name}`)
      await expect(pair(A)).rejects.toMatchObject({ code, address: A, cause: { dbusName: `org.bluez.Error.${name}` } })
    }
    await expect(unpair('BB:00:00:00:00:02')).rejects.toMatchObject({ code: 'ENOENT' })
    await unpair(A)
    expect((await bluetoothd.calls()).at(-1)).toEqual(['RemoveDevice', [`/org/bluez/hci0/dev_AA_00_00_00_00_01`]])
  }),
)

onBus('abort, timeout and the end of bluetoothd while it pairs', () =>
  withBluetoothd(async (bluetoothd) => {
    await bluetoothd.addDevice(A)
    await bluetoothd.tell('hold', 'Pair')
    await expect(pair(A, {}, { timeout: 300 })).rejects.toMatchObject({ code: 'ETIMEDOUT', address: A })
    await bluetoothd.called('CancelPairing')
    await bluetoothd.tell('hold', 'Pair')
    const controller = new AbortController()
    setTimeout(() => controller.abort(), 300)
    await expect(pair(A, {}, { signal: controller.signal })).rejects.toMatchObject({ name: 'AbortError' })
    await bluetoothd.tell('hold', 'Pair')
    const pairing = expect(pair(A)).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
    const isHeld = async () => names(await bluetoothd.calls()).filter((name) => name === 'Pair').length === 3
    while (!(await isHeld())) await new Promise((resolve) => setTimeout(resolve, 10))
    await bluetoothd.kill()
    await pairing
  }),
)

test('arguments of another kind', async () => {
  for (const address of ['', 'any', 'AA:BB', 7]) {
    await expect(pair(address as string)).rejects.toThrow(/address|AA:BB/)
    await expect(unpair(address as string)).rejects.toThrow(/address|AA:BB/)
  }
  await expect(pair(A, {}, { timeout: -1 })).rejects.toEqual(outOfRange)
  await expect(registerAgent({}, { signal: 'x' as never })).rejects.toEqual(wrongType)
  const events = { onConnection: () => undefined }
  const service = { uuid: 'spp', name: 'x' }
  for (const bad of [{ uuid: 'what' }, { uuid: 7 }, { name: '' }, { name: 'a\0b' }, { channel: 31 }, { channel: -1 }]) {
    await expect(async () => registerProfile({ ...service, ...bad } as never, events)).rejects.toEqual(misuse)
  }
  await expect(async () => registerProfile({ ...service, security: 'high' }, events)).rejects.toMatchObject({
    code: 'ERR_UNSUPPORTED',
  })
  await expect(async () => publishRecord({ ...service, channel: 0 })).rejects.toEqual(outOfRange)
})

onBus('the agent’s capability follows from its callbacks', () =>
  withBluetoothd(async (bluetoothd) => {
    await bluetoothd.addDevice(A)
    const nothing = () => undefined
    const cases: [PairingAgent, string][] = [
      [{}, 'NoInputNoOutput'],
      [{ displayPasskey: nothing }, 'DisplayOnly'],
      [{ requestConfirmation: () => true, displayPinCode: nothing }, 'DisplayYesNo'],
      [{ requestPasskey: () => 1 }, 'KeyboardOnly'],
      [{ requestPinCode: () => '1', displayPasskey: nothing }, 'KeyboardDisplay'],
      [{ requestPinCode: () => '1', capability: 'DisplayOnly' }, 'DisplayOnly'],
    ]
    for (const [agent] of cases) await pair(A, agent)
    const registered = (await bluetoothd.calls()).filter(([name]) => name === 'RegisterAgent')
    expect(registered.map(([, args]) => args[1])).toEqual(cases.map(([, capability]) => capability))
  }),
)

onBus('an agent answers each question, and refuses by throwing, by nonsense and by having no answer', () =>
  withBluetoothd(async (bluetoothd) => {
    const path = await bluetoothd.addDevice(A, { Name: 'keyboard' })
    const log: unknown[][] = []
    const note =
      <T>(name: string, answer: T) =>
      (device: { name: string | undefined }, ...rest: unknown[]): T => {
        log.push([name, device.name, ...rest])
        return answer
      }
    const agent: PairingAgent = {
      requestPinCode: note('pin', '1234'),
      displayPinCode: note('show pin', undefined),
      requestPasskey: note('passkey', Promise.resolve(7)),
      displayPasskey: note('show passkey', undefined),
      requestConfirmation: note('confirm', true),
      requestAuthorization: note('authorize', Promise.resolve(false)),
      cancel: () => log.push(['cancel']),
      release: () => log.push(['release']),
    }
    const registration = await registerAgent(agent)
    expect(names(await bluetoothd.calls())).toEqual(['RegisterAgent', 'RequestDefaultAgent'])
    const ask = (member: string, ...args: unknown[]) => bluetoothd.tell('ask', member, args)
    const rejected = { error: 'org.bluez.Error.Rejected' }
    expect(await ask('RequestPinCode', path)).toEqual({ reply: ['1234'] })
    expect(await ask('DisplayPinCode', path, '0000')).toEqual({ reply: [] })
    expect(await ask('RequestPasskey', path)).toEqual({ reply: [7] })
    expect(await ask('RequestConfirmation', path, 123_456)).toEqual({ reply: [] })
    expect(await ask('RequestAuthorization', path)).toEqual(rejected)
    expect(await ask('AuthorizeService', path, 'uuid')).toEqual(rejected)
    expect(await ask('Cancel')).toEqual({ reply: [] })
    expect(log).toEqual([
      ['pin', 'keyboard'],
      ['show pin', 'keyboard', '0000'],
      ['passkey', 'keyboard'],
      ['confirm', 'keyboard', 123_456],
      ['authorize', 'keyboard'],
      ['cancel'],
    ])
    const bad: Partial<PairingAgent>[] = [
      { requestPinCode: () => '' },
      { requestPinCode: () => 'x'.repeat(17) },
      { requestPinCode: () => Promise.reject(new Error('no')) },
      {
        requestPinCode() {
          throw 'a text'
        },
      },
    ]
    for (const callbacks of bad) {
      Object.assign(agent, callbacks)
      expect(await ask('RequestPinCode', path)).toEqual(rejected)
    }
    for (const passkey of [-1, 1_000_000, 1.5, '7']) {
      Object.assign(agent, { requestPasskey: () => passkey })
      expect(await ask('RequestPasskey', path)).toEqual(rejected)
    }
    expect(await ask('RequestPinCode', 'a text')).toEqual({ error: 'org.freedesktop.DBus.Error.InvalidArgs' })
    expect(await ask('toString')).toEqual({ error: 'org.freedesktop.DBus.Error.UnknownMethod' })
    await bluetoothd.kill()
    expect(await eventually(() => log.at(-1)?.[0] === 'release')).toBe(true)
    await registration.close()
    await registration.close()
  }),
)

onBus('a profile hands over its connections, and closes what is not for it', () =>
  withBluetoothd(async (bluetoothd) => {
    const path = await bluetoothd.addDevice(A)
    const fds: number[] = []
    const losses: string[] = []
    const registration = await registerProfile(
      { uuid: 'spp', name: 'serial', channel: 5, security: 'medium', authorization: true },
      {
        onConnection: (fd, { address }) => {
          expect(address).toBe(A)
          fds.push(fd)
        },
        onLost: ({ code }) => losses.push(code),
      },
    )
    expect(await bluetoothd.called('RegisterProfile')).toEqual([
      '/polysocket/profile',
      '00001101-0000-1000-8000-00805f9b34fb',
      { Name: 'serial', Role: 'server', Channel: 5, RequireAuthentication: 1, RequireAuthorization: 1 },
    ])
    for (let i = 0; i < 50; i++) expect(await bluetoothd.tell('connect', path)).toEqual({ reply: [] })
    expect(fds).toHaveLength(50)
    const [first, second, ...rest] = fds as [number, number, ...number[]]
    const endpoint = adopt(first) as StreamEndpoint
    endpoint.write('hello')
    expect(String(await new Promise((resolve) => endpoint.once('data', resolve)))).toBe('HELLO')
    endpoint.destroy()
    writeSync(second, 'x')
    for (const fd of [second, ...rest]) closeSync(fd)
    await bluetoothd.kill()
    expect(await eventually(() => losses.length === 1)).toBe(true)
    expect(losses).toEqual(['ERR_FAMILY_UNAVAILABLE'])
    await registration.close()
  }),
)

onBus('connections that nobody asked for, and descriptors in messages that take none, are closed', () =>
  withBluetoothd(async (bluetoothd) => {
    const path = await bluetoothd.addDevice(A)
    const record = await publishRecord({ uuid: 'spp', name: 'a<b', channel: 9 })
    const [, , options] = (await bluetoothd.called('RegisterProfile')) as [string, string, Record<string, string>]
    expect(options.ServiceRecord).toContain('<text value="a&#60;b"/>')
    const open = openDescriptors()
    for (let i = 0; i < 20; i++) {
      expect(await bluetoothd.tell('connect', path)).toEqual({ error: 'org.bluez.Error.Rejected' })
    }
    expect(await eventually(() => openDescriptors() <= open)).toBe(true)
    await record.close()
  }),
)
