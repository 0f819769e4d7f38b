import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** Drivers that work in a main thread only, and one of which has one adapter for as long as its process lives. */
const drivers = ['test/lab/ble*.test.ts', 'test/lab/serial-port*.test.ts']
const conformance = ['test/lab/{ble,serial-port}-conformance.test.ts']

// Runs in the guest: npm run test:lab. The emulated machine is ten to twenty times slower than its host, and its
// controllers are one for all tests.
const config: ViteUserConfig = defineConfig({
  test: {
    // Time here is the emulation's, and a busy host stops it for seconds: what fails is tried once more, and the report says so.
    retry: 1,
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 120_000,
    // Where what the host compiled is older than its source, the guest compiles before the first test that needs it: six minutes.
    hookTimeout: 900_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'sockets',
          include: ['test/lab/**/*.test.ts'],
          exclude: drivers,
          pool: 'threads',
          isolate: false,
        },
      },
      { extends: true, test: { name: 'drivers', include: drivers, exclude: conformance, pool: 'forks' } },
      {
        extends: true,
        // Some cases open thirty connections, each of which occupies a thread of the serial-port driver.
        test: {
          name: 'conformance of drivers',
          include: conformance,
          pool: 'forks',
          env: { UV_THREADPOOL_SIZE: '64' },
        },
      },
    ],
  },
})

export default config
