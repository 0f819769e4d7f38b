import { describe } from 'vitest'
import { conformance } from '../../src/conformance/index.ts'
import { createSockets } from '../../src/index.ts'
import { testCases } from '../conformance/run.ts'
import { withOneConnection } from '../conformance/skips.ts'
import { scriptedFamily } from './ble-device.ts'

const TIMEOUT = 30_000

const family = scriptedFamily()
const cases = conformance(createSockets([family]), family, { connections: 1, timeout: TIMEOUT })

describe('ble over a scripted noble', () => {
  testCases(withOneConnection('ble', 'there is one connection between two devices', cases), TIMEOUT)
})
