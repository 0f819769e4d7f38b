import { AbortError, type StreamEndpoint } from '../index.ts'
import { endWhenQuiet } from './idle.ts'
import type { Direction } from './traffic.ts'

export type Count = (direction: Direction, bytes: number) => void

/**
 * Joins two streams: bytes, backpressure, and the end of each direction by itself. Resolves when both are closed. When one
 * fails, the other is reset: its peer must not take a cut for an end.
 */
export async function relayStreams(
  client: StreamEndpoint,
  target: StreamEndpoint,
  count: Count,
  signal: AbortSignal,
): Promise<void> {
  let failure: Error | undefined
  const cut = (): void => {
    failure ??= new AbortError(signal.reason)
    reset(client)
    reset(target)
  }
  signal.addEventListener('abort', cut)
  try {
    await new Promise<void>((resolve, reject) => {
      let open = 2
      for (const [side, other, direction] of [
        [client, target, 'there'],
        [target, client, 'back'],
      ] as const) {
        side.on('data', (chunk: Buffer) => count(direction, chunk.length))
        // A scheme without half close cannot say "no more from me" and still listen.
        side.pipe(other, { end: other.facts.halfClose })
        side.once('end', () => {
          if (!other.facts.halfClose) endWhenQuiet(other)
          // Its end was that of both directions: nothing can be sent to it any more.
          if (!side.facts.halfClose) side.destroy()
        })
        side.on('error', (error) => {
          failure ??= error
          reset(other)
        })
        side.once('close', () => {
          // Closed without an error. If the other has more to say, nobody takes it any more.
          if (!other.readableEnded) other.destroySoon()
          else if (!other.writableEnded) other.end()
          if (--open > 0) return
          if (failure === undefined) resolve()
          else reject(failure)
        })
      }
      if (signal.aborted) cut()
    })
  } finally {
    signal.removeEventListener('abort', cut)
  }
}

function reset(side: StreamEndpoint): void {
  if (!side.destroyed) side.resetAndDestroy()
}
