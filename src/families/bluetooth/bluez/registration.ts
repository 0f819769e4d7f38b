import type { BluezBus } from './bus.ts'

/** Something of ours that bluetoothd keeps for as long as our connection to it lasts. */
export interface BluezRegistration extends AsyncDisposable {
  close(): Promise<void>
  ref(): this
  /** Lets the process end although it is registered. */
  unref(): this
}

export function registrationOf(bus: BluezBus): BluezRegistration {
  return {
    close: () => bus.close(),
    ref() {
      bus.ref()
      return this
    },
    unref() {
      bus.unref()
      return this
    },
    [Symbol.asyncDispose]: () => bus.close(),
  }
}
