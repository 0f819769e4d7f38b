import { describe } from 'vitest'
import { type ConformanceCase, conformance } from '../../src/conformance/index.ts'
import type { RfcommAddress } from '../../src/families/bluetooth/address.ts'
import { connectSerialPort, probeSerialPort } from '../../src/families/bluetooth/serial-port.ts'
import { bluetoothSockets } from '../../src/families/bluetooth/sockets.ts'
import { type AddressFamily, createSockets } from '../../src/index.ts'
import { testCases } from '../conformance/run.ts'
import { skipped, withOneConnection } from '../conformance/skips.ts'
import { need } from '../support/need.ts'
import { pairOfControllers } from './support.ts'

/** For 8 MiB both ways in frames of 127 bytes. */
const TIMEOUT = 400_000

const availability = probeSerialPort()
const driver = availability.available ? need(true, '', '') : need(false, availability.reason, availability.remedy)

/** The driver cannot be told its adapter: the system takes another one than the destination. */
const { far } = pairOfControllers()
const { rfcomm: facts } = bluetoothSockets.schemes

/** Connections are the driver's, listeners the kernel's. */
const family = {
  ...bluetoothSockets,
  schemes: { rfcomm: facts },
  ephemeral: () => ({ family: 'bluetooth', scheme: 'rfcomm', bdaddr: far.address, channel: 0 }),
  connect: connectSerialPort,
} as unknown as AddressFamily<RfcommAddress>

const OWN_ADDRESS = 'the driver does not know its own address'
const TWO_ENGINES = 'the connection is of the driver, the listener of the kernel'
/** native-notes/bluetooth.md, of a listener that is closed while a channel to it is configured. */
const LISTENER_CLOSED = 'a listener closed amid connects may leave the channel taken until the link goes down'

function overTheDriver(one: ConformanceCase): ConformanceCase {
  if (one.name.endsWith('the ends of a connection agree on their addresses')) return skipped(one, OWN_ADDRESS)
  if (one.name.endsWith('carry the facts and the name of their engine')) return skipped(one, TWO_ENGINES)
  if (one.name.includes("close within 'connection'")) return skipped(one, LISTENER_CLOSED)
  return one
}

describe.skipIf(!driver.met)(`the serial-port driver, with our own server${driver.note}`, () => {
  const cases = conformance(createSockets([family]), family, { connections: 1, timeout: TIMEOUT })
  const reason = 'the driver cannot choose its adapter, between two of which a channel has one connection'
  testCases(withOneConnection('rfcomm', reason, cases).map(overTheDriver), TIMEOUT)
})
