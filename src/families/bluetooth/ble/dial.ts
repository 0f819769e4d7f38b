import { explained } from '../../../core/errors.ts'
import { clearTimeout, setTimeout } from '../../../core/timers.ts'
import { step } from '../driver/step.ts'
import { connectFailure } from './errors.ts'
import type { NoblePeripheral } from './noble.ts'

/** As long as Linux itself waits for an LE connection (HCI_LE_CONN_TIMEOUT). The controller would wait for ever. */
const CONNECT_LIMIT = 20_000

/** How long a connect that was given up may take to be over. */
const CANCEL_LIMIT = 2000

export interface Call {
  /** Rejects with `signal.reason`, `ETIMEDOUT` after 20 s, `EBUSY`, or what HCI's status stands for. */
  readonly connected: Promise<void>
  /** Resolves when noble can make another connection: after the first, and after what was given up came to its end. */
  readonly over: Promise<unknown>
}

/** Those that were given up and have said nothing since: how to stop listening to them. */
const given = new WeakMap<NoblePeripheral, () => void>()

/** Makes a connection. It is one at a time: noble cancels whatever is under way, not the one that it is asked to. */
export function dial(peripheral: NoblePeripheral, signal: AbortSignal | undefined, address: string): Call {
  given.get(peripheral)?.()
  const connected = step<void>({
    signal,
    limit: CONNECT_LIMIT,
    expired: () => explained('ETIMEDOUT', 'connect', address, `the device did not answer within ${CONNECT_LIMIT} ms`),
    begin: (resolve, reject) => {
      if (peripheral.state === 'connected') {
        reject(explained('EBUSY', 'connect', address, 'noble is connected to the device already'))
        return () => undefined
      }
      const onConnect = (error?: unknown): void => {
        if (isSuccess(error)) resolve()
        else reject(connectFailure(address, error))
      }
      peripheral.once('connect', onConnect)
      try {
        peripheral.connect()
      } catch (error) {
        reject(connectFailure(address, error))
      }
      return () => peripheral.off('connect', onConnect)
    },
  })
  const over = connected.catch(() => (peripheral.state === 'connecting' ? cancel(peripheral) : undefined))
  return { connected, over }
}

/** Resolves when noble tells how it came out. What connects late, whenever it does, is disconnected. */
function cancel(peripheral: NoblePeripheral): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer)
      forget()
      resolve()
    }
    const onConnect = (error?: unknown): void => {
      if (!isSuccess(error)) finish()
      else disconnect(peripheral)
    }
    const forget = (): void => {
      peripheral.off('connect', onConnect).off('disconnect', finish)
      given.delete(peripheral)
    }
    const timer = setTimeout(resolve, CANCEL_LIMIT)
    try {
      // Emits a 'connect' of its own, which says only that it was cancelled.
      peripheral.cancelConnect()
    } catch {
      // Nothing to cancel: it is about to be over.
    }
    peripheral.on('connect', onConnect).on('disconnect', finish)
    given.set(peripheral, forget)
  })
}

function disconnect(peripheral: NoblePeripheral): void {
  try {
    peripheral.disconnect()
  } catch {
    // It is gone already.
  }
}

function isSuccess(error: unknown): boolean {
  return error === undefined || error === null
}
