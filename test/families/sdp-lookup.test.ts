import { describe, expect, test } from 'vitest'
import { findChannel, lookUpChannel, readServices, type SdpConnect } from '../../src/families/bluetooth/sdp/lookup.ts'
import type { BluetoothService } from '../../src/families/bluetooth/sdp/services.ts'
import { uuidOfNumber } from '../../src/families/bluetooth/uuid.ts'
import { SocketError } from '../../src/index.ts'
import { element, hex, piece, ScriptedPeer, serialPort } from './sdp-support.ts'

const SPP = uuidOfNumber(0x1101)
const HFP = uuidOfNumber(0x111e)
const GATEWAY = uuidOfNumber(0x111f)
const ADDRESS = '00:11:22:33:44:55'

/** A device whose records are found by the UUID, in digits, that the request begins with. */
function device(records: Readonly<Record<string, string>>): {
  peer: ScriptedPeer
  connect: SdpConnect
  tried: string[]
} {
  const tried: string[] = []
  const peer = new ScriptedPeer(({ transaction, parameters }) =>
    piece(7, transaction, element(records[hex(parameters.subarray(3, 5))] ?? '')),
  )
  const connect: SdpConnect = async (address) => {
    tried.push(address)
    return peer
  }
  return { peer, connect, tried }
}

const outcome = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error)

describe('the channel of a service', () => {
  test('is asked for at PSM 1, and the connection is closed', async () => {
    const { peer, connect, tried } = device({ '1101': serialPort })
    expect(await lookUpChannel(connect, ADDRESS, SPP)).toBe(3)
    expect(tried).toEqual([`l2cap://${ADDRESS}/0x0001`])
    expect(peer.closed).toBe(1)
  })

  test('of a service that the device has not is ENOTFOUND', async () => {
    const { peer, connect } = device({})
    const error = await outcome(lookUpChannel(connect, ADDRESS, SPP))
    expect(error).toBeInstanceOf(SocketError)
    expect(error).toMatchObject({ code: 'ENOTFOUND', syscall: 'sdp', address: `rfcomm://${ADDRESS}/spp` })
    expect((error as Error).message).toBe(
      `sdp ENOTFOUND rfcomm://${ADDRESS}/spp: the device does not offer the service`,
    )
    expect(peer.closed).toBe(1)
  })

  test('of a service that is not over RFCOMM is ENOTFOUND too, and says so', async () => {
    const { connect } = device({ '1124': element(`090001${element('191124')}`) })
    const error = await outcome(lookUpChannel(connect, ADDRESS, uuidOfNumber(0x1124)))
    expect(error).toMatchObject({ code: 'ENOTFOUND', address: `rfcomm://${ADDRESS}/0x1124` })
    expect((error as Error).message).toMatch(/the service is not over RFCOMM$/)
  })

  test('of a device that cannot be reached: the error of connect', async () => {
    const down = new SocketError('EHOSTDOWN', 'down')
    expect(await outcome(lookUpChannel(() => Promise.reject(down), ADDRESS, SPP))).toBe(down)
  })

  test('of a device that answers nonsense is EPROTO, and the connection is closed', async () => {
    const peer = new ScriptedPeer(() => Uint8Array.of(1, 2, 3))
    const error = await outcome(lookUpChannel(async () => peer, ADDRESS, SPP))
    expect(error).toMatchObject({ code: 'EPROTO', address: `l2cap://${ADDRESS}/0x0001` })
    expect(peer.closed).toBe(1)
  })
})

describe('abort', () => {
  const reason = new Error('enough')

  test('before: nothing is opened', async () => {
    const { connect, tried } = device({})
    expect(await outcome(lookUpChannel(connect, ADDRESS, SPP, AbortSignal.abort(reason)))).toBe(reason)
    expect(tried).toEqual([])
  })

  test('while it connects: the signal reaches connect, and its reason is the error', async () => {
    const controller = new AbortController()
    const connect: SdpConnect = (_, { signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))))
    const looking = outcome(lookUpChannel(connect, ADDRESS, SPP, controller.signal))
    controller.abort(reason)
    expect(await looking).toBe(reason)
  })

  test('while the device is silent: the connection is closed', async () => {
    const controller = new AbortController()
    const peer = new ScriptedPeer(() => new Promise<never>(() => undefined))
    const looking = outcome(lookUpChannel(async () => peer, ADDRESS, SPP, controller.signal))
    setTimeout(() => controller.abort(reason), 10)
    expect(await looking).toBe(reason)
    expect(peer.closed).toBe(1)
  })
})

test('all services: three searches on one connection, each record once, those without a handle too', async () => {
  const record = (handle: string): string => element(`0900000a${handle}`)
  const { peer, connect, tried } = device({
    '0100': record('00010001') + record('00010002'),
    '1200': record('00010000'),
    '1002': record('00010000') + record('00010001') + element('') + record('00010003'),
  })
  const services = await readServices(connect, ADDRESS)
  expect(services.map(({ handle }) => handle)).toEqual([0x10001, 0x10002, 0x10000, undefined, 0x10003])
  expect(peer.requests.map(({ parameters }) => hex(parameters.subarray(3, 5)))).toEqual(['0100', '1200', '1002'])
  expect(tried).toHaveLength(1)
  expect(peer.closed).toBe(1)
})

describe('which channel', () => {
  const service = (channel: number | undefined, classes: string[], profiles: string[] = []): BluetoothService => ({
    uuids: classes,
    ...(channel !== undefined && { channel }),
    profiles: profiles.map((uuid) => ({ uuid })),
    attributes: new Map(),
  })

  test('the first of the class, before any that only has the profile', () => {
    const services = [service(1, [GATEWAY], [HFP]), service(undefined, [HFP]), service(2, [HFP]), service(3, [HFP])]
    expect(findChannel(services, HFP)).toBe(2)
    expect(findChannel(services.slice(0, 2), HFP)).toBe(1)
    expect(findChannel(services, GATEWAY)).toBe(1)
  })

  test('none of a service that mentions the UUID elsewhere', () => {
    expect(findChannel([service(1, [GATEWAY])], HFP)).toBeUndefined()
    expect(findChannel([], HFP)).toBeUndefined()
  })

  test('the UUID may be short or in capitals', () => {
    expect(findChannel([service(1, [SPP])], '0x1101')).toBe(1)
    expect(findChannel([service(1, [SPP])], SPP.toUpperCase())).toBe(1)
    expect(findChannel([service(1, [SPP])], 'nonsense')).toBeUndefined()
  })
})
