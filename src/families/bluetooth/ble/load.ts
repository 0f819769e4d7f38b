import { createRequire } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import type { SocketError } from '../../../core/errors.ts'
import type { Availability } from '../../../core/family.ts'
import { unavailable } from '../../../engine/kernel-open.ts'
import { isNoble, type Noble } from './noble.ts'

/** The packages, best first; and the module and its export that make an instance of one's own. */
const PACKAGES = [
  { name: '@abandonware/noble', module: '@abandonware/noble/with-custom-binding.js', make: undefined },
  { name: '@stoprocent/noble', module: '@stoprocent/noble', make: 'withBindings' },
] as const

const NOT_INSTALLED = {
  available: false,
  reason: 'BLE goes through noble, which is not installed',
  remedy: 'run: npm install @abandonware/noble',
} as const

const MAIN_THREAD_ONLY = {
  available: false,
  reason: 'noble works in the main thread only',
  remedy: 'connect there, not in a worker',
} as const

const AVAILABLE: Availability = { available: true, engine: 'noble' }

const { resolve } = createRequire(import.meta.url)

let instance: Noble | undefined

/**
 * Looks for the package, without loading it: it would open the adapter. In a worker thread it is none: its native part
 * answers to the main thread's event loop, and calls from there into the worker's JavaScript.
 */
export function probeBle(): Availability {
  if (!isMainThread) return MAIN_THREAD_ONLY
  return PACKAGES.some(({ name }) => isInstalled(name)) ? AVAILABLE : NOT_INSTALLED
}

/**
 * An instance of our own, the same one at each call until `forgetNoble`: the package's own instance cannot be started a
 * second time where the first failed, and is not ours to put to sleep.
 *
 * Throws `ERR_FAMILY_UNAVAILABLE` where no package is installed, or where it cannot be loaded.
 */
export async function loadNoble(): Promise<Noble> {
  const availability = probeBle()
  if (!availability.available) throw unavailable('ble', availability.reason, availability.remedy)
  const found = PACKAGES.find(({ name }) => isInstalled(name)) as (typeof PACKAGES)[number]
  try {
    const module: unknown = await import(found.module)
    // Only now, since another call may have been faster.
    instance ??= make(module, found.make)
    return instance
  } catch (error) {
    throw unusable(found.name, error as Error)
  }
}

/** Has the next `loadNoble` make another one. */
export function forgetNoble(noble: Noble): void {
  if (instance === noble) instance = undefined
}

export function isOurs(noble: Noble): boolean {
  return instance === noble
}

function isInstalled(name: string): boolean {
  try {
    resolve(name)
    return true
  } catch {
    return false
  }
}

/** Both packages are CommonJS: what they export is the default. */
function make(module: unknown, name: string | undefined): Noble {
  const { default: exported } = module as { default: unknown }
  const factory = name === undefined ? exported : (exported as Record<string, unknown>)[name]
  const made: unknown = typeof factory === 'function' ? factory() : undefined
  if (!isNoble(made)) throw new Error('it does not export what it used to')
  return made
}

/** Without Bluetooth in the kernel the packages throw as soon as they are loaded, EAFNOSUPPORT. */
function unusable(name: string, error: Error): SocketError {
  const isKernel = error.message.includes('EAFNOSUPPORT')
  const remedy = isKernel ? 'load the module: modprobe bluetooth' : `build it for this Node.js: npm rebuild ${name}`
  return unavailable('ble', `${name} cannot be loaded: ${error.message}`, remedy, error)
}
