import { readdirSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { type ConformanceCase, type ConformanceOptions, conformance } from '../../src/conformance/index.ts'
import { type AddressFamily, builtinFamilies, createSockets, type EngineName, parseAddress } from '../../src/index.ts'

/** The suite's own limit, and what is added to it so that its message is the one that shows. */
const CASE_TIMEOUT = 10_000
const GRACE = 5000

export function builtin(name: string): AddressFamily {
  const family = builtinFamilies.find((one) => one.name === name)
  if (family === undefined) throw new Error(`no built-in family ${name}`)
  return family as unknown as AddressFamily
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** Each case as a test, or as a skip with reason and remedy in its name. `timeout` is the suite's own, in milliseconds. */
export function testCases(cases: readonly ConformanceCase[], timeout: number = CASE_TIMEOUT): void {
  for (const { name, skip, run } of cases) {
    if (skip === undefined) test(name, run, timeout + GRACE)
    else test.skip(`${name} (skipped: ${skip.reason}; remedy: ${skip.remedy})`, run)
  }
}

/** Every case of the suite as a test, and at the end that no descriptor is left. */
export function testFamily(title: string, family: AddressFamily, options: ConformanceOptions = {}): void {
  describe(title, () => {
    let before = 0
    beforeAll(() => {
      if (process.platform === 'linux') before = openDescriptors()
    })

    testCases(conformance(createSockets([family]), family, options), options.timeout)

    test.skipIf(process.platform !== 'linux')(
      'no descriptor is left open (skipped without /proc: run it on Linux)',
      async () => {
        for (let i = 0; i < 40 && openDescriptors() > before; i += 1) await delay(50)
        expect(openDescriptors()).toBeLessThanOrEqual(before)
      },
    )
  })
}

/** The inet family at the IPv6 loopback address. */
export function testOverIPv6(engine: EngineName): void {
  const title = `inet over IPv6, ${engine} engine`
  const here = Object.values(networkInterfaces()).flat()
  if (here.some((one) => one?.address === '::1')) {
    testFamily(title, builtin('inet'), { engine, address: (scheme) => parseAddress(`${scheme}://[::1]:0`) })
  } else {
    test.skip(`${title} (skipped: there is no ::1; remedy: sysctl net.ipv6.conf.lo.disable_ipv6=0)`)
  }
}
