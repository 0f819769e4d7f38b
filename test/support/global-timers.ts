// In place of core/timers.ts, for tests of what the library does when time passes, with timers that vitest fakes:
// vi.mock('../../src/core/timers.ts', () => import('../support/global-timers.ts'))

type Global = typeof globalThis

/** Calls what stands there at that time. */
function global<K extends keyof Global>(name: K): Global[K] {
  return ((...values: unknown[]) => (globalThis[name] as (...values: unknown[]) => unknown)(...values)) as Global[K]
}

export { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

export const setTimeout: Global['setTimeout'] = global('setTimeout')
export const clearTimeout: Global['clearTimeout'] = global('clearTimeout')
export const setInterval: Global['setInterval'] = global('setInterval')
export const clearInterval: Global['clearInterval'] = global('clearInterval')
export const setImmediate: Global['setImmediate'] = global('setImmediate')
export const clearImmediate: Global['clearImmediate'] = global('clearImmediate')
export const queueMicrotask: Global['queueMicrotask'] = global('queueMicrotask')
export const performance: { now(): number } = { now: () => globalThis.performance.now() }
