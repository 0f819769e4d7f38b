import { existsSync } from 'node:fs'
import { test } from 'vitest'
import type { AddressFamily } from '../../src/index.ts'
import { named, vm } from './own-families.ts'
import { testFamily } from './run.ts'

testFamily('a family outside the package, over AF_UNIX', named as unknown as AddressFamily)

if (existsSync('/sys/module/vsock_loopback')) {
  testFamily('a family outside the package, over AF_VSOCK', vm as unknown as AddressFamily)
} else {
  test.skip('a family outside the package, over AF_VSOCK (skipped: no loopback; remedy: modprobe vsock_loopback)')
}
