import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // These need Bluetooth controllers: npm run test:lab.
    exclude: ['test/lab/**'],
    pool: 'forks',
    // Many tests wait rather than work: one more worker than vitest takes on a machine of two cores.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 120_000,
  },
})
