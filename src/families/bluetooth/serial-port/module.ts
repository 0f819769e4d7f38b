import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { isMainThread } from 'node:worker_threads'
import type { Availability } from '../../../core/family.ts'
import { unavailable } from '../../../engine/kernel-open.ts'

const PACKAGE = 'node-bluetooth-serial-port'

/**
 * What we use of node-bluetooth-serial-port, version 3. Emits 'data' (what was read; empty at the end), 'closed', 'failure'
 * (an error that has no errno). `inquire` is left out on purpose: without an adapter it ends the process by a segfault.
 */
export interface SerialPort extends EventEmitter {
  connect(address: string, channel: number, onConnected: () => void, onFailed: (error?: unknown) => void): void
  /** The channel of the Serial Port Profile; no other service can be asked for. */
  findSerialPortChannel(address: string, onFound: (channel: number) => void, onNone: () => void): void
  /** One at a time in the whole process. */
  write(data: Buffer, done: (error?: Error | null) => void): void
  close(): void
  isOpen(): boolean
}

export interface SerialPortModule {
  readonly BluetoothSerialPort: new () => SerialPort
}

const { resolve } = createRequire(import.meta.url)

/**
 * Looks for the package, without loading it. In a worker thread it is none: its native part answers to the main thread's
 * event loop, and calls from there into the worker's JavaScript.
 */
export function probeSerialPort(): Availability {
  if (process.platform !== 'linux' && process.platform !== 'win32') {
    const reason = `${PACKAGE} runs on Linux and Windows, not on ${process.platform}`
    return { available: false, reason, remedy: 'there is no driver for RFCOMM here; use BLE where the device has it' }
  }
  if (!isMainThread) {
    const reason = `${PACKAGE} works in the main thread only`
    return { available: false, reason, remedy: 'connect there, not in a worker' }
  }
  try {
    resolve(PACKAGE)
    return { available: true, engine: 'serial-port' }
  } catch {
    return { available: false, reason: `${PACKAGE} is not installed`, remedy: `run: npm install ${PACKAGE}` }
  }
}

/** Throws `ERR_FAMILY_UNAVAILABLE` where it is not installed, or where it cannot be loaded. */
export async function loadSerialPort(): Promise<SerialPortModule> {
  const availability = probeSerialPort()
  if (!availability.available) throw unavailable('rfcomm', availability.reason, availability.remedy)
  try {
    const module: unknown = await import(PACKAGE)
    const { default: exported } = module as { default: unknown }
    if (!isSerialPortModule(exported)) throw new Error('it does not export what it used to')
    return exported
  } catch (error) {
    const reason = `${PACKAGE} cannot be loaded: ${(error as Error).message}`
    throw unavailable('rfcomm', reason, `build it for this Node.js: npm rebuild ${PACKAGE}`, error)
  }
}

export function isSerialPortModule(value: unknown): value is SerialPortModule {
  const isObject = (typeof value === 'object' && value !== null) || typeof value === 'function'
  return isObject && typeof (value as Record<keyof SerialPortModule, unknown>).BluetoothSerialPort === 'function'
}
