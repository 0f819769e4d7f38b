import { loadAddon } from './addon.ts'

/**
 * Calls back in the closing phase of the event loop's turn: when Node tells that a socket of its own is closed, after what
 * `setImmediate` was asked for until then.
 */
export function inClosingPhase(callback: () => void): void {
  const { addon } = loadAddon()
  if (addon !== undefined) {
    addon.tellClosed(() => {
      try {
        callback()
      } catch (error) {
        // A listener's. Here its handler still finds the stores of AsyncLocalStorage.
        addon.report(error)
      }
    })
    return
  }
  // The handle of Node's that costs least to open; still many times as much as the addon's.
  const { port1 } = new MessageChannel()
  port1.once('close', callback)
  port1.close()
}
