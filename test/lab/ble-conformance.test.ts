import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect } from 'vitest'
import { type ConformanceCase, conformance } from '../../src/conformance/index.ts'
import type { BleAddress } from '../../src/families/bluetooth/address.ts'
import { loadNoble } from '../../src/families/bluetooth/ble/load.ts'
import { bleFacts, connectBle, formatBle, parseBle, probeBle } from '../../src/families/bluetooth/ble.ts'
import { orAbort } from '../../src/families/bluetooth/driver/or-abort.ts'
import { type AddressFamily, createSockets } from '../../src/index.ts'
import { testCases } from '../conformance/run.ts'
import { skipped, withOneConnection } from '../conformance/skips.ts'
import { giveToNoble } from './nus.ts'
import { listenGatt, type Radio } from './peers/gatt-listener.ts'
import { type Controller, restartControllers, startScript } from './support.ts'

/**
 * noble has the first controller; on the others are devices, on kernel sockets of ours. The only link at any time is one of
 * noble's, so that it has the lowest number at both of its ends, and btvirt passes on what goes over it; see lab-links.
 */
const [home, ...others] = restartControllers(8, 'unlinked') as [Controller, ...Controller[]]
let radio: Radio
let next = 0

const family: AddressFamily<BleAddress> = {
  name: 'bluetooth',
  schemes: { ble: bleFacts },
  probe: probeBle,
  parse: parseBle,
  format: formatBle,
  ephemeral: () => parseBle('ble', `//${others[next++ % others.length]?.address}/nus`),
  connect: async (address, request) => {
    await orAbort(alone(), request.signal)
    return connectBle(address, request)
  },
  listen: (address, request) => listenGatt(radio, address, request),
}

/**
 * Resolves when noble has no connection left. The emulation passes packets on under the sender's number for the connection,
 * so that of two at once the second hears nothing.
 */
async function alone(): Promise<void> {
  const { _peripherals } = (await loadNoble()) as unknown as { _peripherals: Record<string, { state: string }> }
  const isBusy = (): boolean =>
    Object.values(_peripherals).some(({ state }) => ['connected', 'disconnecting'].includes(state))
  for (let i = 0; i < 200 && isBusy(); i++) await delay(50)
}

beforeAll(async () => {
  await giveToNoble(home)
  const numbers = new Map(others.map(({ id, address }) => [address, Number(id.slice('hci'.length))]))
  const child = startScript('gatt_radio.py', ...[...numbers.values()].map(String))
  radio = { child, numbers }
  expect(await child.report()).toEqual({ ready: [...numbers.keys()] })
})

afterAll(async () => {
  await radio.child[Symbol.asyncDispose]()
  restartControllers(2)
})

const TIMEOUT = 100_000

const ONE = 'there is one connection between two devices'
/** An emulated link carries some 10 kB a second, and there are seven devices. */
const TOO_LARGE = 'an emulated link is too slow for so much; the suite over a scripted noble has it'
const TWO_LINKS = 'the emulation garbles two connections at once; the suite over a scripted noble has it'
const TOO_MANY = 'it opens more listeners than there are controllers; the suite over a scripted noble has it'

function inTheLab(one: ConformanceCase): ConformanceCase {
  const { name } = one
  if (/8 MiB|up to the end|end\(data\)|pause and resume|destroySoon|is quiet until resume/.test(name))
    return skipped(one, TOO_LARGE)
  if (/writing after the end/.test(name)) return skipped(one, TWO_LINKS)
  if (/^ble: lifecycle/.test(name)) return skipped(one, TOO_MANY)
  return one
}

const cases = conformance(createSockets([family]), family, { connections: 1, timeout: TIMEOUT })

describe('ble: noble on one controller, kernel sockets on the others', () => {
  testCases(withOneConnection('ble', ONE, cases).map(inTheLab), TIMEOUT)
})
