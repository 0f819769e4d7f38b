import { describe, test } from 'vitest'
import { conformance } from '../../src/conformance/index.ts'
import { createSockets } from '../../src/index.ts'
import { withOneConnection } from '../conformance/one-connection.ts'
import { scriptedFamily } from './ble-device.ts'

const family = scriptedFamily()
const cases = conformance(createSockets([family]), family, { connections: 1, timeout: 30_000 })

describe('ble over a scripted noble', () => {
  for (const { name, skip, run } of withOneConnection('ble', 'there is one connection between two devices', cases)) {
    if (skip === undefined) test(name, run, 35_000)
    else test.skip(`${name} (skipped: ${skip.reason}; remedy: ${skip.remedy})`, run)
  }
})
