import { performance as nodePerformance } from 'node:perf_hooks'
import timers from 'node:timers'
import promises from 'node:timers/promises'

// The functions as they are when this module is loaded. A test that fakes timers replaces the globals and the properties of
// Node's modules. Sockets of node:net use internal timers and keep working, and so do ours. `process.nextTick` is missing
// here because Node's own streams call the property, faked or not.

export const setTimeout: typeof timers.setTimeout = timers.setTimeout
export const clearTimeout: typeof timers.clearTimeout = timers.clearTimeout
export const setInterval: typeof timers.setInterval = timers.setInterval
export const clearInterval: typeof timers.clearInterval = timers.clearInterval
export const setImmediate: typeof timers.setImmediate = timers.setImmediate
export const clearImmediate: typeof timers.clearImmediate = timers.clearImmediate
export const queueMicrotask: typeof globalThis.queueMicrotask = globalThis.queueMicrotask
export const performance: typeof nodePerformance = nodePerformance

/** `setTimeout` of node:timers/promises. */
export const sleep: typeof promises.setTimeout = promises.setTimeout

/** `setImmediate` of node:timers/promises: the next turn of the event loop. */
export const nextTurn: typeof promises.setImmediate = promises.setImmediate
