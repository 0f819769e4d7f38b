import { addAbortListener, type EventEmitter } from 'node:events'
import { checkSignal } from '../errors/checks.ts'

/** The option `signal` of `listen`. */
export function closeOnAbort(server: EventEmitter & { close(): unknown }, signal: unknown): void {
  checkSignal(signal, 'options.signal')
  const close = (): void => void server.close()
  if (signal.aborted) {
    process.nextTick(close)
  } else {
    const listening = addAbortListener(signal, close)
    server.once('close', () => listening[Symbol.dispose]())
  }
}
