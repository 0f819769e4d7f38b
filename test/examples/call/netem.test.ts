import { spawnSync } from 'node:child_process'
import { afterEach, expect, test, vi } from 'vitest'
import { disturb, inOwnNetwork, isInOwnNetwork } from '../../../examples/call/network/netem.ts'
import { given, type Need, need } from '../../support/need.ts'

const faults = { loss: 0.05, delay: 20, jitter: 5 }

const netemIsMissing: Need = need(
  spawnSync('modprobe', ['-n', 'sch_netem'], { env: { PATH: '/usr/sbin:/sbin:/usr/bin' } }).status !== 0 &&
    spawnSync('unshare', ['--net', 'true']).status === 0,
  'this kernel has netem, or this user can make no namespace',
  'test:lab tests that it works',
)

afterEach(() => vi.unstubAllEnvs())

test('this is no network of our own', () => {
  expect(isInOwnNetwork).toBe(false)
})

given(netemIsMissing)('a kernel without netem is told from everything else', async () => {
  await expect(inOwnNetwork(['-e', ''])).rejects.toThrow(/this kernel has no netem; .*modprobe sch_netem/)
})

test('the network that everybody uses is left alone', () => {
  expect(() => disturb(faults)).toThrow('only a network of our own may be disturbed')
})

test('without unshare the packages are named', async () => {
  vi.stubEnv('PATH', '/nowhere')
  await expect(inOwnNetwork(['-e', ''])).rejects.toThrow(/apt-get install iproute2 util-linux \(.*ENOENT/)
})
