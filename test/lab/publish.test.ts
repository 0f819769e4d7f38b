import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFailed, test } from 'vitest'
import { discoverServices, registerAgent } from '../../src/bluetooth.ts'
import { connect, listen, type RfcommAddress, type StreamEndpoint } from '../../src/index.ts'
import { openDescriptors } from '../support/resources.ts'
import { type Controller, pairOfControllers, restartControllers } from './support.ts'

const SPP = '00001101-0000-1000-8000-00805f9b34fb'
const OURS = '3f1a6c1e-5d0e-4f0b-9a4c-6d2b8f7e1a55'

function echo(peer: unknown): void {
  ;(peer as StreamEndpoint).pipe(peer as StreamEndpoint)
}

async function says(endpoint: StreamEndpoint, text: string): Promise<string> {
  endpoint.write(text)
  const [answer] = (await once(endpoint, 'data')) as [Buffer]
  endpoint.destroy()
  return String(answer)
}

function lastWordsOfBluetoothd(): string {
  const lines = readFileSync('/run/lab/bluetoothd.log', 'utf8').split('\n')
  return lines
    .filter((line) => !/mgmt\.c|adapter\.c/.test(line))
    .slice(-40)
    .join('\n')
}

describe('without bluetoothd', () => {
  test('a server with a service listens all the same, warns, and says that it is not published', async () => {
    const { far, near } = pairOfControllers()
    const warned = once(process, 'warning') as Promise<[Error & { code: string }]>
    await using listener = await listen(`rfcomm://${far.address}/0`, { service: { uuid: 'spp' } })
    listener.on('connection', echo)
    expect(listener.getOption('published')).toBe(false)
    const [warning] = await warned
    expect(warning.code).toBe('POLYSOCKET_NOT_PUBLISHED')
    expect(warning.message).toMatch(/systemctl start|D-Bus/)
    const endpoint = await connect(listener.address as RfcommAddress, { local: `rfcomm://${near.address}/0` })
    expect(await says(endpoint, 'hello')).toBe('hello')
  })

  test('where bluetoothd is to ask for permission, there is no server without it', async () => {
    const listening = listen('rfcomm://any/0', { service: { uuid: 'spp', authorize: true } })
    await expect(listening).rejects.toMatchObject({ code: 'ERR_FAMILY_UNAVAILABLE' })
  })
})

describe('with bluetoothd', () => {
  let far: Controller
  let near: Controller
  const from = (): { local: string } => ({ local: `rfcomm://${near.address}/0` })

  beforeAll(() => {
    // What the tests before these left in the kernel is gone with their controllers.
    ;[far, near] = restartControllers(2) as [Controller, Controller]
    execFileSync('lab-bluetoothd', ['start'])
    for (const { id } of [near, far]) execFileSync('hciconfig', [id, 'piscan'])
  })
  // Why a connection was refused, only bluetoothd knows.
  beforeEach(() => {
    onTestFailed(() => console.error(lastWordsOfBluetoothd()))
  })
  afterAll(() => {
    execFileSync('lab-bluetoothd', ['stop'])
  })

  test('clients find the service, by its UUID, and it is gone with the listener', async () => {
    const before = openDescriptors()
    await using listener = await listen('rfcomm://any/0', { service: { uuid: OURS, name: 'Weather' } })
    listener.on('connection', echo)
    expect(listener.getOption('published')).toBe(true)
    const { channel } = listener.address as RfcommAddress
    const services = await discoverServices(far.address, { local: near.address, timeout: 20_000 })
    expect(services).toContainEqual(expect.objectContaining({ uuids: [OURS], name: 'Weather', channel }))
    const endpoint = await connect(`rfcomm://${far.address}/${OURS}`, { ...from(), timeout: 20_000 })
    expect((endpoint.remote as RfcommAddress).channel).toBe(channel)
    expect(await says(endpoint, 'sunny')).toBe('sunny')
    await listener.close()
    await expect
      .poll(async () => (await discoverServices(far.address, { local: near.address })).map(({ uuids }) => uuids[0]))
      .not.toContain(OURS)
    await expect(connect(`rfcomm://${far.address}/${OURS}`, from())).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect.poll(openDescriptors, { timeout: 5000 }).toBeLessThanOrEqual(before)
  })

  test('a channel that is taken is EADDRINUSE, and nothing is published for it', async () => {
    await using first = await listen('rfcomm://any/0')
    const listening = listen(first.address as RfcommAddress, { service: { uuid: OURS } })
    await expect(listening).rejects.toMatchObject({ code: 'EADDRINUSE' })
    const found = await discoverServices(far.address, { local: near.address })
    expect(found.flatMap(({ uuids }) => uuids)).not.toContain(OURS)
  })

  test('with authorize, the agent is asked, and bluetoothd hands over the connection by its descriptor', async () => {
    const before = openDescriptors()
    const asked: string[] = []
    await using agent = await registerAgent({
      authorizeService: async (_device, uuid) => {
        asked.push(uuid)
        return true
      },
    })
    await using listener = await listen('rfcomm://any/0', {
      service: { uuid: 'spp', name: 'Guarded', authorize: true },
    })
    listener.on('connection', echo)
    expect(listener.getOption('published')).toBe(true)
    const endpoint = await connect(`rfcomm://${far.address}/spp`, { ...from(), timeout: 20_000 })
    expect(await says(endpoint, 'let me in')).toBe('let me in')
    expect(asked).toEqual([SPP])
    await listener.close()
    await agent.close()
    await expect.poll(openDescriptors, { timeout: 5000 }).toBe(before)
  })

  test('a refusal of the agent closes the connection', async () => {
    await using agent = await registerAgent({ authorizeService: async () => false })
    await using listener = await listen('rfcomm://any/0', { service: { uuid: 'spp', authorize: true } })
    const accepted: unknown[] = []
    listener.on('connection', (peer) => accepted.push(peer))
    const outcome = await connect(`rfcomm://${far.address}/spp`, {
      ...from(),
      timeout: 20_000,
    }).then(
      async (endpoint) => {
        endpoint.resume()
        await once(endpoint, 'close')
        return 'closed'
      },
      (error: NodeJS.ErrnoException) => error.code,
    )
    expect(['closed', 'ECONNREFUSED', 'ECONNRESET']).toContain(outcome)
    expect(accepted).toEqual([])
    await agent.close()
  })
})
