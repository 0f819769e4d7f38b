import { networkInterfaces } from 'node:os'
import { test } from 'vitest'
import { parseAddress } from '../../src/index.ts'
import { builtin, testFamily } from './run.ts'

const loopback = Object.values(networkInterfaces()).flat()
const hasIPv6 = loopback.some((one) => one?.address === '::1')

if (hasIPv6) {
  const address = (scheme: string) => parseAddress(`${scheme}://[::1]:0`)
  testFamily('inet over IPv6, kernel engine', builtin('inet'), { engine: 'kernel', address })
  testFamily('inet over IPv6, node engine', builtin('inet'), { engine: 'node', address })
} else {
  test.skip('inet over IPv6 (skipped: no ::1 here; remedy: sysctl net.ipv6.conf.lo.disable_ipv6=0)')
}
