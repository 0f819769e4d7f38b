import type { EventEmitter } from 'node:events'

/*
 * What we use of noble: what @abandonware/noble and @stoprocent/noble have in common. Promises of it may never settle, as
 * when the peripheral disconnects meanwhile, and may reject with a string.
 */

/** Emits 'stateChange' (state), 'discover' (peripheral), 'warning' (text). */
export interface Noble extends EventEmitter {
  /** `poweredOn`, `poweredOff`, `unauthorized`, `unsupported`, `resetting`, `unknown`. Reading it starts the library, and may throw. */
  readonly state: string
  /** `services` empty: any. `callback` hears an error, or that scanning has begun. */
  startScanning(services: string[], allowDuplicates: boolean, callback: (error?: unknown) => void): void
  stopScanning(): void
}

/** Emits 'connect' (error or nothing) and 'disconnect' (the reason: HCI's number on Linux, text or nothing elsewhere). */
export interface NoblePeripheral extends EventEmitter {
  readonly id: string
  /** In lower case; empty or `unknown` on macOS. */
  readonly address: string
  readonly state: string
  /** What the peripheral said that it takes; `null` until it did. */
  readonly mtu: number | null
  connect(): void
  cancelConnect(): void
  disconnect(): void
  discoverServicesAsync(uuids: string[]): Promise<NobleService[]>
}

export interface NobleService {
  /** Without dashes; short ones as hexadecimal numbers without leading zeros. */
  readonly uuid: string
  discoverCharacteristicsAsync(uuids: string[]): Promise<NobleCharacteristic[]>
}

/** Emits 'data' (bytes, whether it is a notification). */
export interface NobleCharacteristic extends EventEmitter {
  readonly uuid: string
  /** `write`, `writeWithoutResponse`, `notify`, `indicate` and others. */
  readonly properties: readonly string[]
  subscribeAsync(): Promise<unknown>
  writeAsync(data: Buffer, withoutResponse: boolean): Promise<unknown>
  discoverDescriptorsAsync(): Promise<unknown>
}

export function isNoble(value: unknown): value is Noble {
  if (typeof value !== 'object' || value === null) return false
  const { on, off, startScanning, stopScanning } = value as Record<keyof Noble, unknown>
  return [on, off, startScanning, stopScanning].every((method) => typeof method === 'function')
}
