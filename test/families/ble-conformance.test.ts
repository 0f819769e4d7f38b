import { describe, test } from 'vitest'
import { conformance } from '../../src/conformance/index.ts'
import { createSockets } from '../../src/index.ts'
import { scriptedFamily } from './ble-device.ts'
import { checkNames, overBle } from './ble-one-connection.ts'

const family = scriptedFamily()
const cases = conformance(createSockets([family]), family, { connections: 1, timeout: 30_000 })

describe('ble over a scripted noble', () => {
  test('the cases that it cannot keep are of the suite', () => checkNames(cases))

  for (const { name, skip, run } of cases.map(overBle)) {
    if (skip === undefined) test(name, run, 35_000)
    else test.skip(`${name} (skipped: ${skip.reason}; remedy: ${skip.remedy})`, run)
  }
})
