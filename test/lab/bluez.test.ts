import { execFileSync, spawnSync } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { adapters, type BluetoothAdapter } from '../../src/families/bluetooth/bluez/adapters.ts'
import type { BluetoothDevice } from '../../src/families/bluetooth/bluez/device.ts'
import { discoverDevices } from '../../src/families/bluetooth/bluez/discovery.ts'
import { pair, registerAgent, unpair } from '../../src/families/bluetooth/bluez/pairing.ts'
import { publishRecord, registerProfile } from '../../src/families/bluetooth/bluez/profile.ts'
import { adopt, connect, listen, type RfcommAddress, type StreamEndpoint } from '../../src/index.ts'
import { readExactly } from '../support/bytes.ts'
import { Child } from '../support/child.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { type Controller, restartControllers, startPeer } from './support.ts'

let far: Controller
let near: Controller

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' })
}

async function startBluetoothd(): Promise<void> {
  ;[far, near] = restartControllers(2) as [Controller, Controller]
  run('lab-bluetoothd', 'start')
  // What makes it connectable, too.
  await (await adapterOf(far)).setDiscoverable(true, { duration: 0 })
}

async function adapterOf({ id }: Controller): Promise<BluetoothAdapter> {
  return (await adapters()).find((adapter) => adapter.id === id) as BluetoothAdapter
}

async function found(options: Parameters<typeof discoverDevices>[0]): Promise<BluetoothDevice[]> {
  const devices: BluetoothDevice[] = []
  for await (const device of discoverDevices({ adapter: near.id, ...options })) devices.push(device)
  return devices
}

/** Both ends forget each other: one daemon keeps both adapters. */
async function forgetAll(): Promise<void> {
  await unpair(far.address, { adapter: near.id }).catch(() => undefined)
  await unpair(near.address, { adapter: far.id }).catch(() => undefined)
}

/** What either end says. */
function isPaired(): boolean {
  return [
    [near, far],
    [far, near],
  ].some(([ours, theirs]) => {
    const path = `/org/bluez/${ours?.id}/dev_${theirs?.address.replaceAll(':', '_')}`
    const result = spawnSync('busctl', ['--system', 'get-property', 'org.bluez', path, 'org.bluez.Device1', 'Paired'])
    return result.stdout.toString() === 'b true\n'
  })
}

beforeAll(async () => {
  // A thread's first child has libuv open a descriptor that stays, which is no leak of a test that counts.
  await new Child('true', []).exited
  await startBluetoothd()
})

afterAll(() => {
  run('lab-bluetoothd', 'stop')
})

describe('adapters', () => {
  test('are listed as hciconfig has them, and set', async () => {
    const list = await adapters()
    expect(list.map(({ id, address }) => ({ id, address }))).toEqual([far, near])
    const adapter = await adapterOf(far)
    await adapter.setDiscoverable(false)
    expect(await adapterOf(far)).toMatchObject({ powered: true, discoverable: false, alias: adapter.name })
    await adapter.setAlias('polysocket')
    await adapter.setPairable(true)
    await adapter.setDiscoverable(true, { duration: 0 })
    expect(await adapterOf(far)).toMatchObject({ discoverable: true, pairable: true, alias: 'polysocket' })
    expect(run('hciconfig', far.id, 'name')).toContain("Name: 'polysocket'")
    expect(run('hciconfig', far.id)).toContain('ISCAN')
  })

  test('that are off say so', async () => {
    const adapter = await adapterOf(near)
    await adapter.setPowered(false)
    expect(run('hciconfig', near.id)).toContain('DOWN')
    const off = { code: 'ENETDOWN', address: near.id, message: expect.stringContaining('setPowered') }
    await expect(found({})).rejects.toMatchObject(off)
    await expect(pair(far.address, {}, { adapter: near.id })).rejects.toMatchObject(off)
    await expect(adapter.setDiscoverable(true)).rejects.toMatchObject({ code: 'ENETDOWN' })
    await adapter.setPowered(true)
    expect(run('hciconfig', near.id)).toContain('UP RUNNING')
  })
})

describe('discovery', () => {
  test('finds the other controller once, with name, strength and services', async () => {
    const [device, ...more] = await found({ kinds: ['bredr'], timeout: 8000 })
    expect(more).toEqual([])
    expect(device).toMatchObject({
      address: far.address,
      addressType: 'public',
      kinds: ['bredr'],
      name: 'polysocket',
      rssi: expect.any(Number),
      paired: false,
      connected: false,
      adapter: near.id,
    })
    expect(device?.services).toContain('0000110e-0000-1000-8000-00805f9b34fb')
    expect((await adapterOf(near)).discovering).toBe(false)
  })

  test('by services, known ones and others', async () => {
    const search = { kinds: ['bredr'], timeout: 5000 } as const
    expect(await found({ ...search, services: ['0x110e'] })).toHaveLength(1)
    expect(await found({ ...search, services: ['spp'] })).toEqual([])
  })

  test('leaving the loop ends it, and an adapter may be named by its address', async () => {
    const before = openDescriptors()
    for await (const device of discoverDevices({ adapter: near.address, kinds: ['bredr'] })) {
      expect(device.address).toBe(far.address)
      break
    }
    expect((await adapterOf(near)).discovering).toBe(false)
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  test('two at once do not disturb each other', async () => {
    const [long, short] = await Promise.all([
      found({ kinds: ['bredr'], timeout: 7000 }),
      found({ kinds: ['le'], timeout: 1000 }),
    ])
    expect(long).toHaveLength(1)
    expect(short.filter(({ kinds }) => !kinds.includes('le'))).toEqual([])
  })

  test('abort', async () => {
    const controller = new AbortController()
    setTimeout(() => controller.abort(new Error('enough')), 1000)
    await expect(found({ signal: controller.signal })).rejects.toMatchObject({
      name: 'AbortError',
      cause: { message: 'enough' },
    })
    await expect(found({ adapter: 'hci7' })).rejects.toMatchObject({ code: 'ENODEV', address: 'hci7' })
  })

  test('an adapter that is turned off meanwhile', async () => {
    setTimeout(() => run('hciconfig', near.id, 'down'), 2000)
    await expect(found({ kinds: ['le'] })).rejects.toMatchObject({ code: 'ENETDOWN', address: near.id })
    await (await adapterOf(near)).setPowered(true)
  })
})

describe('pairing', () => {
  afterEach(forgetAll)

  test('with a device that asks nothing; a second time; and forgetting it', async () => {
    await pair(far.address, {}, { adapter: near.id, timeout: 60_000, trust: true })
    expect(isPaired()).toBe(true)
    await expect(pair(far.address, {}, { adapter: near.id })).rejects.toMatchObject({ code: 'EEXIST' })
    await forgetAll()
    expect(isPaired()).toBe(false)
    await expect(unpair(far.address, { adapter: near.id })).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('both agents are shown the same number, and both have to agree', async () => {
    const asked: [string, number][] = []
    const confirm = (device: BluetoothDevice, passkey: number): boolean => {
      asked.push([device.address, passkey])
      return true
    }
    await using _agent = await registerAgent({ requestConfirmation: confirm })
    await pair(far.address, { requestConfirmation: confirm }, { adapter: near.id, timeout: 60_000 })
    expect(new Set(asked.map(([address]) => address))).toEqual(new Set([far.address, near.address]))
    expect(asked[0]?.[1]).toBe(asked[1]?.[1])
    await forgetAll()
  })

  test('after it, security gets an encrypted connection', async () => {
    await pair(far.address, {}, { adapter: near.id, timeout: 60_000 })
    await using listener = await listen(`rfcomm://${far.address}/0`, { security: 'medium' })
    listener.on('connection', (peer) => (peer as StreamEndpoint).pipe(peer as StreamEndpoint))
    const from = { local: `rfcomm://${near.address}/0`, security: 'medium', timeout: 30_000 } as const
    const endpoint = await connect(listener.address as RfcommAddress, from)
    expect(run('hcitool', '-i', near.id, 'con')).toContain('ENCRYPT')
    expect(endpoint.getOption('security')).toBe('medium')
    endpoint.write('a secret')
    expect(String(await readExactly(endpoint, 8))).toBe('a secret')
    endpoint.destroy()
  })

  test('an agent that refuses, and one that fails', async () => {
    for (const requestConfirmation of [() => false, () => Promise.reject(new Error('no'))]) {
      await expect(
        pair(far.address, { requestConfirmation }, { adapter: near.id, timeout: 60_000 }),
      ).rejects.toMatchObject({ code: 'EACCES', address: far.address })
      expect(isPaired()).toBe(false)
      await forgetAll()
    }
  })

  test('abort while a question is open cancels it', async () => {
    const controller = new AbortController()
    const asked = (): Promise<boolean> => {
      controller.abort()
      return new Promise(() => undefined)
    }
    const options = { adapter: near.id, signal: controller.signal }
    await expect(pair(far.address, { requestConfirmation: asked }, options)).rejects.toMatchObject({
      name: 'AbortError',
    })
    await new Promise((resolve) => setTimeout(resolve, 2000))
    expect(isPaired()).toBe(false)
    await forgetAll()
    await pair(far.address, {}, { adapter: near.id, timeout: 60_000 })
    await forgetAll()
  })

  test('a device that is not there', async () => {
    const absent = pair('00:11:22:33:44:55', {}, { adapter: near.id, timeout: 3000 })
    await expect(absent).rejects.toMatchObject({ code: 'ETIMEDOUT', address: '00:11:22:33:44:55' })
    expect(await eventually(() => !run('bluetoothctl', 'show', near.address).includes('Discovering: yes'))).toBe(true)
  })
})

/** The channel of the record, as SDP tells it to the other controller. */
function channelOf(name: string): number | undefined {
  const records = run('sdptool', '-i', near.id, 'browse', far.address).split('\n\n')
  const record = records.find((text) => text.includes(`Service Name: ${name}\n`))
  const [, channel] = /Channel: (\d+)/.exec(record ?? '') ?? []
  return channel === undefined ? undefined : Number(channel)
}

describe('services', () => {
  test('a profile: its record is found, its connections arrive as sockets, and all ends with it', async () => {
    const connections: [number, BluetoothDevice][] = []
    const before = openDescriptors()
    await using service = await registerProfile(
      { uuid: 'spp', name: 'polysocket <&> "test"', channel: 7 },
      { onConnection: (...connection) => connections.push(connection) },
    )
    expect(channelOf('polysocket <&> "test"')).toBe(7)
    const peer = { role: 'connect', scheme: 'rfcomm', local: near.address, remote: far.address, port: 7 } as const
    await using client = startPeer({ ...peer, mode: 'ping', bytes: 50 })
    expect(await eventually(() => connections.length === 1, 10_000)).toBe(true)
    const [[fd, device]] = connections as [[number, BluetoothDevice]]
    expect(device).toMatchObject({ address: near.address, adapter: far.id })
    const endpoint = adopt(fd) as StreamEndpoint
    expect(endpoint.remote).toMatchObject({ scheme: 'rfcomm', bdaddr: near.address })
    // The connection does not end with the service.
    await service.close()
    expect(channelOf('polysocket <&> "test"')).toBeUndefined()
    endpoint.on('error', () => undefined)
    endpoint.pipe(endpoint)
    await client.line()
    expect(await client.report()).toEqual({ answered: 50 })
    await client.exited
    await endpoint[Symbol.asyncDispose]()
    expect(await eventually(() => openDescriptors() <= before)).toBe(true)
  })

  test('a free channel; a service that is taken is refused, and a channel that is taken has no record', async () => {
    const events = { onConnection: () => undefined }
    await using _first = await registerProfile({ uuid: 'spp', name: 'first' }, events)
    const channel = channelOf('first') as number
    expect(channel).toBeGreaterThan(0)
    await expect(registerProfile({ uuid: 'spp', name: 'again' }, events)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await using _second = await registerProfile({ uuid: 'opp', name: 'second', channel }, events)
    expect(channelOf('second')).toBeUndefined()
  })

  test('a record alone, for a socket of ours', async () => {
    const custom = 'b5e7bd40-0000-4000-8000-000000000001'
    const record = await publishRecord({ uuid: custom, name: 'ours', channel: 12 })
    expect(channelOf('ours')).toBe(12)
    expect(run('sdptool', '-i', near.id, 'browse', far.address)).toContain(custom)
    await record.close()
    expect(channelOf('ours')).toBeUndefined()
  })
})

describe('bluetoothd that goes away', () => {
  test('ends everything that depends on it, and says so', async () => {
    const losses: string[] = []
    const service = await registerProfile(
      { uuid: 'spp', name: 'lost' },
      { onConnection: () => undefined, onLost: ({ code }) => losses.push(code) },
    )
    const agent = await registerAgent({ release: () => losses.push('agent') })
    setTimeout(() => run('bash', '-c', 'kill -9 $(< /run/lab/bluetoothd.pid)'), 1000)
    await expect(found({ kinds: ['le'] })).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
    expect(await eventually(() => losses.length === 2)).toBe(true)
    expect(losses.sort()).toEqual(['ERR_FAMILY_UNAVAILABLE', 'agent'])
    await service.close()
    await agent.close()
    await expect(adapters()).rejects.toMatchObject({
      code: 'ERR_FAMILY_UNAVAILABLE',
      message: expect.stringContaining('systemctl start bluetooth'),
    })
    run('lab-bluetoothd', 'stop')
    await expect(adapters()).rejects.toMatchObject({
      code: 'ERR_FAMILY_UNAVAILABLE',
      message: expect.stringContaining('systemctl start dbus'),
    })
    await startBluetoothd()
  })

  test('so does an adapter that is unplugged', async () => {
    setTimeout(() => run('bash', '-c', 'pkill -x btvirt'), 1500)
    await expect(found({ kinds: ['le'] })).rejects.toMatchObject({ code: expect.stringMatching(/ENODEV|ENETDOWN/) })
    await expect(found({})).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
    restartControllers(2)
  })
})
