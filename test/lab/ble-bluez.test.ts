import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BleAddress } from '../../src/families/bluetooth/address.ts'
import { bleFacts, formatBle, parseBle, probeBle } from '../../src/families/bluetooth/ble.ts'
import { connectBleBluez } from '../../src/families/bluetooth/ble-bluez.ts'
import { type AddressFamily, createSockets, type OpenOptions, type StreamEndpoint } from '../../src/index.ts'
import type { Child } from '../support/child.ts'
import { eventually, openDescriptors } from '../support/resources.ts'
import { type Controller, restartControllers, startScript } from './support.ts'

const family: AddressFamily<BleAddress> = {
  name: 'bluetooth',
  schemes: { ble: bleFacts },
  probe: probeBle,
  parse: parseBle,
  format: formatBle,
  ephemeral: () => undefined,
  connect: connectBleBluez,
}
const sockets = createSockets([family])
const connect = (address: string, options: object = {}): Promise<StreamEndpoint> =>
  sockets.connect(address, {
    adapter: home.id,
    ...options,
  } as OpenOptions) as Promise<unknown> as Promise<StreamEndpoint>

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const failure = (code: string): unknown => expect.objectContaining({ code, name: 'SocketError' })

let far: Controller
let home: Controller
let nus: string
let device: Child

beforeAll(async () => {
  ;[far, home] = restartControllers(2) as [Controller, Controller]
  nus = `ble://${far.address}/nus`
  // bluetoothd 5.66 as a device loses notifications while it opens further channels to itself (EATT).
  const file = join(mkdtempSync(join(tmpdir(), 'lab-')), 'main.conf')
  writeFileSync(file, '[GATT]\nChannels = 1\n[Policy]\nAutoEnable = true\n')
  execFileSync('lab-bluetoothd', ['start', '-f', file])
  device = startScript('gatt_application.py', JSON.stringify({ adapter: far.id, echo: false }))
  expect(await device.report()).toEqual({ ready: true })
})

afterAll(async () => {
  await device?.[Symbol.asyncDispose]()
  execFileSync('lab-bluetoothd', ['stop'])
})

async function open(options: object = {}): Promise<StreamEndpoint> {
  const stream = await connect(nus, options)
  expect(await device.report()).toEqual({ subscribed: true })
  return stream
}

async function read(stream: StreamEndpoint, size: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let total = 0; total < size; ) {
    const chunk: Buffer | null = stream.read()
    if (chunk === null) {
      await once(stream, 'readable')
      continue
    }
    chunks.push(chunk)
    total += chunk.length
  }
  return Buffer.concat(chunks)
}

async function ended(stream: StreamEndpoint): Promise<void> {
  stream.resume()
  await once(stream, 'close')
  expect(await device.report()).toEqual({ subscribed: false })
}

describe('a device of bluetoothd, by its own D-Bus interface', () => {
  test('takes and sends 20 kB at once, and nothing is lost at the end', async () => {
    const stream = await open()
    expect(stream).toMatchObject({ engine: 'bluez', remote: parseBle('ble', nus.slice('ble:'.length)) })
    device.tell('send 20000')
    const sent = await device.report<{ sha256: string }>()
    const bytes = randomBytes(20_000)
    stream.write(bytes)
    expect(sha256(await read(stream, 20_000))).toBe(sent.sha256)
    stream.end()
    await ended(stream)
    device.tell('count')
    expect(await device.report()).toEqual({ count: 20_000, sha256: sha256(bytes) })
  })

  test('is one program’s at a time, and frees what it took', async () => {
    // What is loaded on first use stays open, and the first connection was made above.
    const before = openDescriptors()
    const stream = await open()
    await expect(connect(nus)).rejects.toEqual(failure('EBUSY'))
    stream.write('still there')
    stream.end()
    await ended(stream)
    expect(await eventually(() => openDescriptors() === before)).toBe(true)
  })

  test('that disconnects ends the stream', async () => {
    const stream = await open()
    device.tell('disconnect')
    await ended(stream)
  })

  test('without the service, or not there, says so', async () => {
    const other = `ble://${far.address}/0x1234/0x1235,0x1236`
    await expect(connect(other)).rejects.toEqual(failure('ENOTFOUND'))
    const nobody = 'ble://00:AA:01:77:77:77/nus'
    await expect(connect(nobody)).rejects.toEqual(failure('EHOSTDOWN'))
    await expect(connect(nobody, { adapter: 'hci9' })).rejects.toEqual(failure('ENODEV'))
    await expect(connect(nobody, { retry: {} })).rejects.toEqual(failure('ERR_OPTION_UNKNOWN'))
    await expect(connect('ble://some-id/nus')).rejects.toEqual(failure('ERR_UNSUPPORTED'))
  })

  test('a connect given up at any time leaves nothing behind', async () => {
    const before = openDescriptors()
    for (const timeout of [1, 30, 100, 300, 600]) {
      const outcome = await connect(nus, { timeout }).then(
        (stream) => {
          stream.destroy()
          return 'connected'
        },
        ({ code }: { code: string }) => code,
      )
      expect(['connected', 'ETIMEDOUT']).toContain(outcome)
    }
    expect(await eventually(() => openDescriptors() === before, 10_000)).toBe(true)
  })
})

test('a bluetoothd that goes away ends the stream with an error', async () => {
  const stream = await open()
  stream.resume()
  const failed = new Promise((resolve) => stream.once('error', resolve))
  execFileSync('pkill', ['-9', '-x', 'bluetoothd'])
  expect(await failed).toEqual(failure('ERR_FAMILY_UNAVAILABLE'))
})
