import { AbortError, type DatagramEndpoint } from '../index.ts'
import { IdleTimer, LINGER } from './idle.ts'
import type { Count } from './relay-streams.ts'
import { note } from './report.ts'
import type { Direction } from './traffic.ts'

/**
 * Joins an accepted message socket and its target: messages, and the end of each direction where the scheme has one.
 * Resolves when both are closed; rejects with what broke it.
 */
export async function relayMessages(
  client: DatagramEndpoint,
  target: DatagramEndpoint,
  count: Count,
  signal: AbortSignal,
): Promise<void> {
  const both = [client, target]
  const cut = (): void => {
    for (const side of both) void side.close()
  }
  const idle = new IdleTimer(cut)
  const failed = new Promise<never>((_, reject) => {
    for (const side of both) side.on('error', reject)
  })
  signal.addEventListener('abort', cut)
  if (signal.aborted) cut()
  const pump = async (from: DatagramEndpoint, to: DatagramEndpoint, direction: Direction): Promise<void> => {
    for await (const { data, truncated } of from) {
      if (truncated) note(`a message was cut to ${data.length} bytes`)
      idle.touch()
      await to.send(data)
      count(direction, data.length)
    }
    if (to.closed) return
    if (to.facts.halfClose) await to.end()
    else if (direction === 'there') idle.arm(LINGER)
    else await to.close()
  }
  try {
    await Promise.race([failed, Promise.all([pump(client, target, 'there'), pump(target, client, 'back')])])
    if (signal.aborted) throw new AbortError(signal.reason)
  } finally {
    idle.stop()
    signal.removeEventListener('abort', cut)
    await Promise.all(both.map((side) => side.close()))
  }
}
