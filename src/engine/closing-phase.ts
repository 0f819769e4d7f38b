import { loadAddon } from './addon.ts'

/**
 * Calls back in the closing phase of the event loop's turn, after the callbacks of `setImmediate`. In that phase Node emits
 * 'close' of its own sockets.
 */
export function inClosingPhase(callback: () => void): void {
  const { addon } = loadAddon()
  if (addon !== undefined) {
    addon.tellClosed(() => {
      try {
        callback()
      } catch (error) {
        // Thrown by a listener. Reported from here, 'uncaughtException' still has the stores of AsyncLocalStorage.
        addon.report(error)
      }
    })
    return
  }
  // Of Node's handles it costs least to open, though many times as much as the addon's.
  const { port1 } = new MessageChannel()
  port1.once('close', callback)
  port1.close()
}
