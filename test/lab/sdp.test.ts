import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SdpClient, type SdpConnection } from '../../src/families/bluetooth/sdp/client.ts'
import { lookUpChannel, readServices } from '../../src/families/bluetooth/sdp/lookup.ts'
import { type BluetoothService, serviceOf } from '../../src/families/bluetooth/sdp/services.ts'
import { sdpConnect } from '../../src/families/bluetooth/sockets.ts'
import { uuidOfNumber } from '../../src/families/bluetooth/uuid.ts'
import { AbortError, connect, listen, type SocketError } from '../../src/index.ts'
import type { Child } from '../support/child.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { pairOfControllers, startScript } from './support.ts'

const { near, far } = pairOfControllers()
const run = promisify(execFile)

const SPP = uuidOfNumber(0x1101)
const L2CAP = uuidOfNumber(0x0100)

const fromAdapter = { local: `rfcomm://${near.address}/0` } as const
const fromNear = sdpConnect({ bdaddr: near.address })

/** A client of the far adapter's server, which counts the requests that it makes. */
async function open(): Promise<{ client: SdpClient; requests: () => number } & AsyncDisposable> {
  const connection = await fromNear(`l2cap://${far.address}/1`, {})
  let count = 0
  const counted: SdpConnection = {
    receive: () => connection.receive(),
    send: (bytes) => {
      count++
      return connection.send(bytes)
    },
  }
  const client = new SdpClient(counted, { address: `l2cap://${far.address}/1` })
  return { client, requests: () => count, [Symbol.asyncDispose]: () => connection.close() }
}

const failure = (promise: Promise<unknown>): Promise<SocketError> =>
  promise.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: SocketError) => error,
  )

describe("BlueZ's daemon", () => {
  beforeAll(() => {
    execFileSync('lab-bluetoothd', ['start', '--compat'], { stdio: 'inherit' })
    // The daemon makes an adapter that is not discoverable unreachable, too.
    execFileSync('hciconfig', [far.id, 'piscan'])
    execFileSync('sdptool', ['add', '--channel=3', 'SP'])
  })
  afterAll(() => {
    execFileSync('lab-bluetoothd', ['stop'], { stdio: 'inherit' })
  })

  test('the channel of the serial port that sdptool added', async () => {
    expect(await lookUpChannel(fromNear, far.address, SPP)).toBe(3)
  })

  test('what it does not offer is ENOTFOUND', async () => {
    const missing = await failure(lookUpChannel(fromNear, far.address, '6e400001-b5a3-f393-e0a9-e50e24dcca9e'))
    expect(missing).toMatchObject({ code: 'ENOTFOUND', syscall: 'sdp' })
  })

  test('all its services, as sdptool lists them', async () => {
    const services = await readServices(fromNear, far.address)
    const { stdout } = await run('sdptool', ['-i', near.id, 'browse', far.address])
    const browsed = stdout
      .split(/\n\n+/)
      .filter((part) => part.includes('Service RecHandle'))
      .map((part) => ({
        handle: Number(/Service RecHandle: (0x[0-9a-f]+)/.exec(part)?.[1]),
        name: /Service Name: (.*)/.exec(part)?.[1],
        channel: numberIn(/Channel: (\d+)/.exec(part)?.[1]),
        psm: numberIn(/PSM: (\d+)/.exec(part)?.[1]),
      }))
    expect(browsed.length).toBeGreaterThan(3)
    expect(services.map(({ handle }) => handle)).toEqual(expect.arrayContaining(browsed.map(({ handle }) => handle)))
    const ours = browsed.map(({ handle }) => services.find((service) => service.handle === handle))
    expect(ours.map(summary)).toEqual(browsed)
    expect(services.find(({ channel }) => channel === 3)).toMatchObject({
      uuids: [SPP],
      name: 'Serial Port',
      description: 'COM Port',
      provider: 'BlueZ',
      profiles: [{ uuid: SPP, version: 0x100 }],
    })
  })

  test('an answer of many responses; records one by one are the same as all at once', async () => {
    for (let channel = 10; channel < 30; channel++) execFileSync('sdptool', ['add', `--channel=${channel}`, 'SP'])
    await using all = await open()
    const records = await all.client.searchAttributes([SPP])
    expect(all.requests()).toBeGreaterThan(3)
    const channels = records.map((record) => serviceOf(record).channel)
    expect(channels).toEqual([3, ...Array.from({ length: 20 }, (_, index) => 10 + index)])

    await using one = await open()
    const handles = await one.client.serviceSearch([SPP])
    expect(handles).toEqual(records.map((record) => serviceOf(record).handle))
    const singles = []
    for (const handle of handles) singles.push(await one.client.serviceAttribute(handle))
    expect(singles).toEqual(records)
  })

  test('so many handles, such attributes, and a handle that is none', async () => {
    await using sdp = await open()
    expect(await sdp.client.serviceSearch([SPP], 2)).toHaveLength(2)
    const [first] = await sdp.client.searchAttributes([L2CAP, SPP], [0, 4, [0x100, 0x1ff]])
    expect([...(first as Map<number, unknown>).keys()]).toEqual([0, 4, 0x100, 0x101, 0x102])
    const refused = await failure(sdp.client.serviceAttribute(0xdeadbeef))
    expect(refused).toMatchObject({ code: 'EREMOTEIO' })
    expect(refused.message).toMatch(/0x0002: invalid service record handle/)
    expect(await sdp.client.serviceSearch([SPP], 1)).toHaveLength(1)
  })
})

describe('a server in Python', () => {
  let server: Child | undefined
  afterAll(() => server?.[Symbol.asyncDispose]())

  async function start(options: { services: number; piece?: number; fault?: string }): Promise<Child> {
    await server?.[Symbol.asyncDispose]()
    server = startScript('sdp_peer.py', JSON.stringify({ local: far.address, ...options }))
    expect(await server.report()).toEqual({ listening: true })
    return server
  }

  test.each([
    [50, 600],
    [50, 100],
    [10, 7],
  ])('%d services in pieces of %d bytes', async (services, piece) => {
    await start({ services, piece })
    await using sdp = await open()
    const found = (await sdp.client.searchAttributes([SPP])).map(serviceOf)
    const numbers = Array.from({ length: services }, (_, index) => index)
    expect(found.map(({ name }) => name)).toEqual(numbers.map((index) => `Port ${index}`))
    expect(found.map(({ channel }) => channel)).toEqual(numbers.map((index) => (index % 30) + 1))
    expect(sdp.requests()).toBeGreaterThan(5)
    expect(await sdp.client.serviceSearch([SPP])).toEqual(numbers.map((index) => 0x10000 + index))
    expect(serviceOf(await sdp.client.serviceAttribute(0x10007, [0, 4]))).toMatchObject({ handle: 0x10007, channel: 8 })
  })

  test("sdptool reads from it what we do: the server is none of our client's making", async () => {
    await start({ services: 3 })
    const { stdout } = await run('sdptool', ['-i', near.id, 'search', '--bdaddr', far.address, 'SP'])
    const services = await readServices(fromNear, far.address)
    expect(stdout.match(/Service Name: .*/g)).toEqual(services.map(({ name }) => `Service Name: ${name}`))
    expect(stdout.match(/Channel: .*/g)).toEqual(services.map(({ channel }) => `Channel: ${channel}`))
    expect(services).toHaveLength(3)
  })

  test('nothing offered: ENOTFOUND, and no services', async () => {
    await start({ services: 0 })
    expect(await failure(lookUpChannel(fromNear, far.address, SPP))).toMatchObject({ code: 'ENOTFOUND' })
    expect(await readServices(fromNear, far.address)).toEqual([])
  })

  test('connect finds the channel by the name of the service', async () => {
    await start({ services: 1 })
    await using listener = await listen(`rfcomm://${far.address}/1`)
    await using endpoint = await connect(`rfcomm://${far.address}/spp`, fromAdapter)
    expect(endpoint.remote).toMatchObject({ scheme: 'rfcomm', bdaddr: far.address, channel: 1 })
    await using peer = await listener.accept({ timeout: 10_000 })
    expect(peer.remote).toMatchObject({ bdaddr: near.address })
    expect(await failure(connect(`rfcomm://${far.address}/opp`, fromAdapter))).toMatchObject({
      code: 'ENOTFOUND',
      address: `rfcomm://${far.address}/opp`,
    })
  })

  test('connect keeps to its time limit while it looks up, can be aborted, and leaves nothing open', async () => {
    await start({ services: 1, fault: 'silent' })
    const before = openDescriptors()
    const late = await failure(connect(`rfcomm://${far.address}/spp`, { ...fromAdapter, timeout: 1000 }))
    expect(late).toMatchObject({ code: 'ETIMEDOUT', address: `rfcomm://${far.address}/spp` })
    const signal = AbortSignal.timeout(1000)
    const aborted = await failure(connect(`rfcomm://${far.address}/spp`, { ...fromAdapter, signal }))
    expect(aborted).toBeInstanceOf(AbortError)
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
  })

  test.each<[string, string, RegExp]>([
    ['garbage', 'EPROTO', /bytes of parameters/],
    ['loop', 'EPROTO', /announces \d+ bytes, and \d+ have come/],
    ['late', 'EPROTO', /response is to request 0, not to 1/],
    ['close', 'ECONNRESET', /ECONNRESET/],
  ])('%s is %s, and leaves nothing open', async (fault, code, message) => {
    await start({ services: 10, piece: 50, fault })
    const before = openDescriptors()
    const error = await failure(lookUpChannel(fromNear, far.address, SPP))
    expect(error).toMatchObject({ code })
    expect(error.message).toMatch(message)
    expect(openDescriptors()).toBe(before)
  })

  test('silence can be aborted, and leaves nothing open', async () => {
    const peer = await start({ services: 1, fault: 'silent' })
    const before = openDescriptors()
    const reason = new Error('enough')
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 1000)
    expect(await failure(lookUpChannel(fromNear, far.address, SPP, controller.signal))).toBe(reason)
    expect(openDescriptors()).toBe(before)
    expect(await peer.report()).toEqual({ requests: 1 })
  })

  test('killed while it answers', async () => {
    const peer = await start({ services: 50, piece: 7 })
    await using sdp = await open()
    const asking = failure(sdp.client.searchAttributes([SPP]))
    expect(await eventually(() => sdp.requests() > 3)).toBe(true)
    peer.kill()
    expect(['ECONNRESET', 'ENOTCONN']).toContain((await asking).code)
  })

  test('nobody at PSM 1, and nobody at the address: the errors of connect', async () => {
    await server?.[Symbol.asyncDispose]()
    expect(await failure(lookUpChannel(fromNear, far.address, SPP))).toMatchObject({ code: 'ECONNREFUSED' })
    expect(await failure(lookUpChannel(fromNear, '00:AA:01:7F:7F:7F', SPP))).toMatchObject({ code: 'EHOSTDOWN' })
  })
})

function numberIn(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text)
}

function summary(service: BluetoothService | undefined): object {
  const { handle, name, channel, psm } = service ?? {}
  return { handle, name, channel, psm }
}
