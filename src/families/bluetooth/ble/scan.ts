import { explained } from '../../../core/errors.ts'
import { step } from '../driver/step.ts'
import { reasonOf } from './errors.ts'
import type { Noble, NoblePeripheral } from './noble.ts'

/** A device may advertise as seldom as every 10.24 s, and an advertisement be missed. */
const FIND_LIMIT = 20_000

interface Seeker {
  found(peripheral: NoblePeripheral): void
  failed(error: Error): void
}

/** The search for devices: one scan, however many look for one, and none while a connection is made. */
export class Scan {
  readonly #noble: Noble
  /** By what `keyOf` makes of the device. */
  readonly #seekers = new Set<Seeker>()
  #scanning = false
  #paused = false

  constructor(noble: Noble) {
    this.#noble = noble
  }

  /** The peripheral once it was heard; `EHOSTDOWN` when it was not within 20 s. `device`: address or identifier. */
  find(device: string, signal: AbortSignal | undefined, address: string): Promise<NoblePeripheral> {
    return step<NoblePeripheral>({
      signal,
      limit: FIND_LIMIT,
      expired: () => explained('EHOSTDOWN', 'connect', address, `the device was not heard within ${FIND_LIMIT} ms`),
      begin: (resolve, reject) => {
        const seeker: Seeker = {
          found: (peripheral) => matches(peripheral, device) && resolve(peripheral),
          failed: (error) => reject(explained('EIO', 'connect', address, `noble cannot scan: ${error.message}`, error)),
        }
        this.#seekers.add(seeker)
        this.#update()
        return () => {
          this.#seekers.delete(seeker)
          this.#update()
        }
      },
    })
  }

  /** Many adapters cannot scan and connect at once. */
  pause(): void {
    this.#paused = true
    this.#update()
  }

  resume(): void {
    this.#paused = false
    this.#update()
  }

  #update(): void {
    const wanted = this.#seekers.size > 0 && !this.#paused
    if (wanted === this.#scanning) return
    this.#scanning = wanted
    if (wanted) this.#begin()
    else this.#end()
  }

  #begin(): void {
    this.#noble.on('discover', this.#onDiscover)
    const onStarted = (error?: unknown): void => {
      if (error !== undefined && error !== null) this.#fail(reasonOf(error))
    }
    try {
      // With duplicates: a device that was heard before is told of again, and so is one whose first answer was lost.
      this.#noble.startScanning([], true, onStarted)
    } catch (error) {
      this.#fail(reasonOf(error))
    }
  }

  #end(): void {
    this.#noble.off('discover', this.#onDiscover)
    try {
      this.#noble.stopScanning()
    } catch {
      // It was not scanning any more.
    }
  }

  #fail(error: Error): void {
    for (const seeker of [...this.#seekers]) seeker.failed(error)
  }

  readonly #onDiscover = (peripheral: NoblePeripheral): void => {
    for (const seeker of [...this.#seekers]) seeker.found(peripheral)
  }
}

/** Whether the device is the peripheral, by its address or by noble's identifier: the address without colons on Linux. */
export function matches({ id, address }: Pick<NoblePeripheral, 'id' | 'address'>, device: string): boolean {
  const key = keyOf(device)
  return key === keyOf(id) || key === keyOf(address)
}

function keyOf(device: string): string {
  return device.replaceAll(/[:-]/g, '').toLowerCase()
}
