import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Case, demoCases } from '../../src/cli/demo/cases.ts'
import { readPayload } from '../../src/cli/demo/payload.ts'
import { runCase } from '../../src/cli/demo/run-case.ts'
import { localAdapters } from '../../src/families/bluetooth/local-adapters.ts'
import { commandLine } from '../cli/support.ts'
import { openDescriptors } from '../support/resources.ts'
import { restartControllers, startPeer } from './support.ts'

const [far, near] = restartControllers(2) as [{ id: string; address: string }, { id: string; address: string }]
const { cli, compiled } = commandLine()

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const fromNear = ['--local', `rfcomm://${near.address}/0`]
const KiB = 1024

describe('adapters, asked of the kernel', () => {
  test('are those that hciconfig has', async () => {
    const before = openDescriptors()
    const expected = [far, near].map(({ id, address }) => ({ index: Number(id.slice(3)), address }))
    expect(await localAdapters()).toMatchObject(expected.map((each) => ({ ...each, powered: true })))
    expect(openDescriptors()).toBe(before)
  })

  test('that are off say so', async () => {
    execFileSync('hciconfig', [near.id, 'down'])
    const powered = (await localAdapters()).map((adapter) => adapter.powered)
    const [rfcomm] = (await demoCases()).filter(({ scheme }) => scheme === 'rfcomm')
    restartControllers(2)
    expect(powered).toEqual([true, false])
    expect(rfcomm).toMatchObject({ reason: 'two Bluetooth adapters are needed, and one is on' })
  })
})

describe('cat over rfcomm', () => {
  test('to Python and back: all that was sent before the end of stdin comes back after it', async () => {
    await using peer = startPeer({ role: 'listen', scheme: 'rfcomm', local: far.address, port: 9, mode: 'echo' })
    expect(await peer.report()).toMatchObject({ port: 9 })
    const bytes = randomBytes(200 * KiB)
    const result = await cli('cat', ...fromNear, `rfcomm://${far.address}/9`).end(bytes).done
    expect(result.stderr).toBe('')
    expect(sha256(result.stdout)).toBe(sha256(bytes))
    expect(result.code).toBe(0)
  })

  test('--listen ends when the peer does, though stdin goes on', async () => {
    const listening = cli('cat', '--listen', `rfcomm://${far.address}/0`)
    const address = await listening.address()
    await using peer = startPeer({
      role: 'connect',
      scheme: 'rfcomm',
      local: near.address,
      remote: far.address,
      port: Number(address.split('/').at(-1)),
      mode: 'send',
      bytes: 200 * KiB,
    })
    expect(await peer.report()).toEqual({ connected: true })
    const { sentHash } = await peer.report<{ sentHash: string }>()
    const result = await listening.done
    expect(sha256(result.stdout)).toBe(sentHash)
    expect(result.stderr).toBe(`polysocket: listening on ${address}\n`)
    expect(result.code).toBe(0)
  })

  test('two cats, both with something to say', async () => {
    const [there, back] = [randomBytes(100 * KiB), randomBytes(50 * KiB)]
    const listening = cli('cat', '--listen', 'rfcomm://any/0').end(back)
    const channel = (await listening.address()).split('/').at(-1)
    const client = cli('cat', ...fromNear, `rfcomm://${far.address}/${channel}`).end(there)
    const [ours, theirs] = await Promise.all([listening.done, client.done])
    expect([sha256(ours.stdout), sha256(theirs.stdout)]).toEqual([sha256(there), sha256(back)])
    expect([ours.code, theirs.code]).toEqual([0, 0])
  })

  test('to a channel where nobody listens, and to a device that is not there', async () => {
    const refused = await cli('cat', ...fromNear, `rfcomm://${far.address}/29`).end().done
    expect(refused.stderr).toBe(`polysocket: ECONNREFUSED connect rfcomm://${far.address}/29: connection refused\n`)
    const absent = await cli('cat', 'rfcomm://00:AA:01:7F:7F:7F/3').end().done
    expect(absent.stderr).toMatch(/^polysocket: EHOSTDOWN connect rfcomm:\/\/00:AA:01:7F:7F:7F\/3: host is down\n$/)
    expect([refused.code, absent.code]).toEqual([1, 1])
  })
})

describe('relay', () => {
  test('tcp to rfcomm, and rfcomm to tcp: 1 MiB there and back, and the ends', async () => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as net.AddressInfo
    const device = cli('relay', `rfcomm://${far.address}/0`, `tcp://127.0.0.1:${port}`)
    const relay = cli('relay', 'tcp://127.0.0.1:0', await device.address(), ...fromNear)
    const client = net.connect(Number((await relay.address()).split(':').at(-1)), '127.0.0.1')
    const bytes = randomBytes(KiB * KiB)
    client.write(bytes)
    const received: Buffer[] = []
    let count = 0
    for await (const chunk of client) {
      received.push(chunk as Buffer)
      count += (chunk as Buffer).length
      // Only now, since an end is that of both directions on the way.
      if (count === bytes.length) client.end()
    }
    expect(sha256(Buffer.concat(received))).toBe(sha256(bytes))
    await device.says(/connection 1 .* ended/)
    const results = await Promise.all([relay.kill('SIGINT'), device.kill('SIGINT')])
    for (const { code, stderr } of results) {
      expect(stderr).toContain(`total of 1 connection: ${bytes.length} bytes there, ${bytes.length} bytes back\n`)
      expect(code).toBe(0)
    }
    server.close()
  })

  test('a tcp client that ends its side still gets the answer; a device that ends takes the tcp client along', async () => {
    await using peer = startPeer({ role: 'listen', scheme: 'rfcomm', local: far.address, port: 9, mode: 'echo' })
    await peer.report()
    const relay = cli('relay', 'tcp://127.0.0.1:0', `rfcomm://${far.address}/9`, ...fromNear)
    const port = Number((await relay.address()).split(':').at(-1))
    const asking = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    asking.end('a question')
    const answer: Buffer[] = []
    for await (const chunk of asking) answer.push(chunk as Buffer)
    expect(Buffer.concat(answer).toString()).toBe('a question')
    await relay.says(/connection 1 .* ended: 10 bytes there, 10 bytes back/)

    await using device = startPeer({
      role: 'listen',
      scheme: 'rfcomm',
      local: far.address,
      port: 10,
      mode: 'send',
      bytes: 20 * KiB,
    })
    await device.report()
    const other = cli('relay', 'tcp://127.0.0.1:0', `rfcomm://${far.address}/10`, ...fromNear)
    const client = net.connect({ port: Number((await other.address()).split(':').at(-1)), host: '127.0.0.1' })
    let count = 0
    for await (const chunk of client) count += (chunk as Buffer).length
    expect(count).toBe(20 * KiB)
    await other.says(/connection 1 .* ended/)
  })
})

test('the demo: rfcomm and l2cap between the two adapters', async () => {
  const rows = (await demoCases()).filter((row): row is Case => 'effort' in row && /^(rfcomm|l2cap)$/.test(row.scheme))
  expect(rows.map(({ scheme }) => scheme)).toEqual(['rfcomm', 'l2cap'])
  for (const row of rows) {
    const outcome = await runCase(row, readPayload(), { script: compiled('demo-peer.js') })
    expect(outcome).toMatchObject({ ok: true, measured: { bytes: row.effort.bytes } })
  }
})

describe('with bluetoothd', () => {
  beforeAll(() => {
    execFileSync('lab-bluetoothd', ['start'])
    // The daemon makes an adapter that is not discoverable unreachable, too.
    execFileSync('hciconfig', [far.id, 'piscan'])
  })
  afterAll(() => {
    execFileSync('lab-bluetoothd', ['stop'])
  })

  test('scan prints the other controller, as text and as JSON', async () => {
    const text = await cli('scan', '--adapter', near.id, '--kind', 'bredr', '--timeout', '8000').end().done
    const line = `^${far.address}  bredr     +-?\\d+ dBm  (0x[0-9a-f]{6}|- {7})  \\S.*\\n$`
    expect(text.stdout.toString()).toMatch(new RegExp(line))
    expect(text.stderr).toBe('polysocket: devices found: 1\n')
    expect(text.code).toBe(0)
    const json = await cli('scan', '--adapter', near.address, '--kind', 'bredr', '--timeout', '8000', '--json').end()
      .done
    expect(JSON.parse(json.stdout.toString())).toMatchObject({
      address: far.address,
      kinds: ['bredr'],
      adapter: near.id,
    })
    expect(json.stderr).toBe('')
  })

  test('scan is ended by SIGINT, with what was found until then', async () => {
    const scanning = cli('scan', '--adapter', near.id, '--kind', 'bredr', '--timeout', '60000').end()
    await scanning.says(new RegExp(far.address), 'stdout')
    const { code, stderr } = await scanning.kill('SIGINT')
    expect(stderr).toBe('')
    expect(code).toBe(130)
  })

  test('an adapter that is not there', async () => {
    const result = await cli('scan', '--adapter', 'hci7', '--timeout', '8000').end().done
    expect(result.stderr).toMatch(/^polysocket: ENODEV [^\n]*hci7[^\n]*\n$/)
    expect(result.code).toBe(1)
  })

  test('a service that cat publishes: services lists it, and cat finds its channel by the name', async () => {
    const name = 'A port of the lab'
    const option = ['--option', `service=${JSON.stringify({ uuid: 'spp', name })}`]
    const listening = cli('cat', '--listen', `rfcomm://${far.address}/0`, ...option).end('from the server')
    const address = await listening.address()
    const channel = Number(address.split('/').at(-1))
    const listed = await cli('services', far.address, '--local', near.id, '--timeout', '20000').end().done
    expect(listed.stderr).toBe('')
    expect(listed.stdout.toString()).toMatch(new RegExp(`^${name} +spp +${channel} +- +${address}$`, 'm'))
    expect(listed.code).toBe(0)
    const json = await cli('services', far.address, '--local', near.address, '--json').end().done
    const services = JSON.parse(json.stdout.toString()) as object[]
    expect(services).toContainEqual(expect.objectContaining({ name, channel, address }))
    const client = await cli('cat', ...fromNear, `rfcomm://${far.address}/spp`).end('from the client').done
    expect(client).toMatchObject({ code: 0, stderr: '' })
    expect(client.stdout.toString()).toBe('from the server')
    expect((await listening.done).stdout.toString()).toBe('from the client')
  })
})
