import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseBle, probeBle } from '../../src/families/bluetooth/ble.ts'
import type { StreamEndpoint } from '../../src/index.ts'
import { readExactly } from '../support/bytes.ts'
import type { Child } from '../support/child.ts'
import { given, need } from '../support/need.ts'
import { connect, giveToNoble, startDevice, subscribed } from './nus.ts'
import { atLeastControllers, type Controller, restartControllers } from './support.ts'

const availability = probeBle()
const noble = availability.available ? need(true, '', '') : need(false, availability.reason, availability.remedy)
const shown = given(noble)

const code = (code: string): unknown => expect.objectContaining({ code, name: 'SocketError' })
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

let home: Controller
let far: Controller
let nus: string

beforeAll(async () => {
  ;[home, far] = atLeastControllers(2) as [Controller, Controller]
  nus = `ble://${far.address}/nus`
  await giveToNoble(home)
})

afterAll(() => {
  restartControllers(2)
})

const device = (options: object = {}): Promise<Child> => startDevice(far, options)

async function open(child: Child, options: object = {}): Promise<StreamEndpoint> {
  const stream = await connect(nus, options)
  await subscribed(child)
  return stream
}

describe('with a device by Python', () => {
  shown('an echo, there and back, and both sides see the end', async () => {
    await using child = await device({ echo: true })
    await using stream = await open(child)
    expect(stream).toMatchObject({ engine: 'noble', remote: parseBle('ble', nus.slice('ble:'.length)) })
    stream.write('hello')
    expect(String(await readExactly(stream, 5))).toBe('hello')
    stream.end()
    stream.resume()
    await once(stream, 'close')
    expect(await child.report()).toEqual({ closed: 5, sha256: sha256(Buffer.from('hello')) })
  })

  shown('100 kB in both directions at once arrive whole', async () => {
    await using child = await device()
    await using stream = await open(child)
    const bytes = randomBytes(100_000)
    child.tell('send 100000')
    stream.write(bytes)
    const got = await readExactly(stream, 100_000)
    expect(await child.report()).toEqual({ sent: 100_000, sha256: sha256(got) })
    stream.end()
    stream.resume()
    await once(stream, 'close')
    expect(await child.report()).toEqual({ closed: 100_000, sha256: sha256(bytes) })
  })

  shown('writes with response, where they are asked for or the device knows no others', async () => {
    for (const properties of [['write', 'writeWithoutResponse'], ['write']]) {
      await using child = await device({ properties })
      await using stream = await open(child, properties.length === 2 ? { withResponse: true } : {})
      const bytes = randomBytes(5000)
      await new Promise((resolve) => stream.write(bytes, resolve))
      // Answered, hence taken: nothing is waited for any more.
      stream.destroy()
      expect(await child.report()).toEqual({ closed: 5000, sha256: sha256(bytes) })
    }
  })

  shown('a device with a small MTU, or one that does not speak of it, gets small writes', async () => {
    for (const options of [{ mtu: 30 }, { refuse: [0x02] }]) {
      await using child = await device({ echo: true, ...options })
      await using stream = await open(child)
      const bytes = randomBytes(500)
      stream.write(bytes)
      expect((await readExactly(stream, 500)).equals(bytes)).toBe(true)
      stream.destroy()
      await once(stream, 'close')
    }
  })

  shown('what was written arrives although we destroy the stream right after', async () => {
    await using child = await device()
    await using stream = await open(child)
    const bytes = randomBytes(2000)
    await new Promise((resolve) => stream.write(bytes, resolve))
    stream.destroy()
    expect(await child.report()).toEqual({ closed: 2000, sha256: sha256(bytes) })
  })

  shown('a device that refuses the question for a sign of life has shown one', async () => {
    await using child = await device({ refuse: [0x04] })
    await using stream = await open(child)
    const bytes = randomBytes(10_000)
    stream.end(bytes)
    stream.resume()
    await once(stream, 'close')
    expect(await child.report()).toEqual({ closed: 10_000, sha256: sha256(bytes) })
  })

  shown('its disconnect is the end, after what it sent', async () => {
    await using child = await device()
    await using stream = await open(child)
    child.tell('send 3000')
    const { sha256: sent } = await child.report<{ sha256: string }>()
    child.tell('close')
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    expect(sha256(Buffer.concat(chunks))).toBe(sent)
  })

  shown('its death is the end as well', async () => {
    const child = await device()
    await using stream = await open(child)
    stream.resume()
    child.kill()
    await once(stream, 'end')
    await child.exited
  })

  shown('ten times: connect, talk, close', async () => {
    await using child = await device({ echo: true })
    for (let i = 0; i < 10; i++) {
      await using stream = await open(child)
      stream.write(`${i}`)
      expect(String(await readExactly(stream, 1))).toBe(`${i}`)
      stream.destroy()
      expect(await child.report()).toMatchObject({ closed: 1 })
    }
  })

  shown('a second connection to it is EBUSY', async () => {
    await using child = await device({ echo: true })
    await using stream = await open(child)
    await expect(connect(nus)).rejects.toEqual(code('EBUSY'))
    stream.write('still here')
    expect(String(await readExactly(stream, 10))).toBe('still here')
    stream.destroy()
    await once(stream, 'close')
  })

  shown('a service or a characteristic that it lacks is ENOTFOUND, and the connection is ended', async () => {
    await using child = await device()
    await expect(connect(`ble://${far.address}/0x180d/0x2a37,0x2a38`)).rejects.toEqual(code('ENOTFOUND'))
    expect(await child.report()).toEqual({ connected: true })
    expect(await child.report()).toMatchObject({ closed: 0 })
    const { service } = parseBle('ble', nus.slice('ble:'.length))
    await expect(connect(`ble://${far.address}/${service}/0x2a37,0x2a38`)).rejects.toThrow(/only: 6e400002/)
  })

  shown('a subscription that is not answered ends by the timeout', async () => {
    await using child = await device({ ignore: [0x12] })
    await expect(connect(nus, { timeout: 5000 })).rejects.toEqual(code('ETIMEDOUT'))
    expect(await child.report()).toEqual({ connected: true })
    expect(await child.report()).toMatchObject({ closed: 0 })
  })
})

describe('with nobody there', () => {
  const nobody = 'ble://00:AA:01:7F:00:7F/nus'

  shown('a timeout and an abort end the search', async () => {
    await expect(connect(nobody, { timeout: 1000 })).rejects.toEqual(code('ETIMEDOUT'))
    const controller = new AbortController()
    const connecting = connect(nobody, { signal: controller.signal })
    setTimeout(() => controller.abort(), 500)
    await expect(connecting).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }))
  })

  shown('it is EHOSTDOWN after 20 s', async () => {
    const began = performance.now()
    await expect(connect(nobody)).rejects.toEqual(code('EHOSTDOWN'))
    expect(performance.now() - began).toBeGreaterThan(19_000)
  })
})

describe('an abort', () => {
  shown('at any moment of a connect leaves the device to the next', async () => {
    await using child = await device({ echo: true })
    for (let milliseconds = 0; milliseconds < 2000; milliseconds += 150) {
      const controller = new AbortController()
      const connecting = connect(nus, { signal: controller.signal })
      setTimeout(() => controller.abort(), milliseconds)
      await connecting.then(
        (stream) => stream.destroy(),
        (error) => expect(error).toMatchObject({ name: 'AbortError' }),
      )
    }
    const stream = await connect(nus)
    stream.write('after all')
    expect(String(await readExactly(stream, 9))).toBe('after all')
    stream.destroy()
    await once(stream, 'close')
    expect(child.stderr).toBe('')
  })
})

describe('the adapter', () => {
  /** noble of one's own, for an adapter that the environment does not name. */
  async function nobleOn(deviceId: number): Promise<object> {
    const name = '@abandonware/noble/with-custom-binding.js'
    const { default: make } = (await import(name)) as { default: (options: object) => object }
    return make({ deviceId })
  }

  shown('that is not there is EHOSTUNREACH', async () => {
    await expect(connect(nus, { noble: await nobleOn(42) })).rejects.toEqual(code('EHOSTUNREACH'))
  })

  shown('that is unplugged ends the connection with ECONNABORTED, and works again once it is back', async () => {
    {
      await using child = await device()
      await using stream = await open(child)
      const failed = once(stream.resume(), 'error')
      execFileSync('pkill', ['-9', '-x', 'btvirt'])
      expect((await failed)[0]).toEqual(code('ECONNABORTED'))
    }
    ;[home, far] = restartControllers(2) as [Controller, Controller]
    nus = `ble://${far.address}/nus`
    await giveToNoble(home)
    await using child = await device({ echo: true })
    await using stream = await open(child)
    stream.write('back')
    expect(String(await readExactly(stream, 4))).toBe('back')
  })

  shown('that is up is EBUSY where noble wants it alone', async () => {
    await expect(connect(nus, { noble: await nobleOn(Number(far.id.slice(3))) })).rejects.toEqual(code('EBUSY'))
  })
})

test.skipIf(noble.met)(`without noble the scheme says so${noble.note}`, async () => {
  await expect(connect(nus)).rejects.toEqual(code('ERR_FAMILY_UNAVAILABLE'))
})
