import { defineConfig, type ViteUserConfig } from 'vitest/config'

// Runs in the guest: npm run test:lab. The emulated machine is ten to twenty times slower than its host, and its
// controllers are one for all tests.
const config: ViteUserConfig = defineConfig({
  test: {
    include: ['test/lab/**/*.test.ts'],
    pool: 'threads',
    isolate: false,
    fileParallelism: false,
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})

export default config
