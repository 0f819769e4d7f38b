import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StreamEndpoint } from '../index.ts'
import { endWhenQuiet } from './idle.ts'
import type { Stop } from './stop.ts'

export interface Io {
  /** `undefined`: nothing is sent. */
  readonly stdin: Readable | undefined
  readonly stdout: Writable
}

/**
 * stdin to the peer and the peer to stdout, until both have ended. EOF on stdin ends our direction, no more. When the peer
 * ends first, what stdin still brings is sent; unless a person types there, who would have to type again to notice. Without
 * half close the peer's end is that of our direction too, and ours waits until nothing comes any more.
 */
export async function catStream(
  endpoint: StreamEndpoint,
  { stdin, stdout }: Io,
  idle: number | undefined,
  stop: Stop,
): Promise<void> {
  const { halfClose } = endpoint.facts
  let finished = false
  const finish = (): void => {
    finished = true
    endpoint.destroy()
  }
  stop.soft.addEventListener('abort', finish)
  if (stop.soft.aborted) finish()
  if (idle !== undefined) endpoint.setTimeout(idle, finish)
  try {
    const receiving = pipeline(endpoint, stdout, { end: false }).then(() => {
      if (!halfClose || (stdin !== undefined && 'isTTY' in stdin && stdin.isTTY === true)) finish()
    })
    // Without stdin there is nothing to say, and a peer that waits for our end is told so when it has ended itself.
    const sending =
      stdin === undefined
        ? receiving.then(() => endpoint.end())
        : pipeline(stdin, endpoint, { end: halfClose }).then(() => {
            if (!halfClose && idle === undefined) endWhenQuiet(endpoint)
          })
    await Promise.all([receiving, sending])
  } catch (error) {
    if (!finished) throw error
  } finally {
    stop.soft.removeEventListener('abort', finish)
    // Without this a terminal or an open pipe on stdin would keep the process alive.
    stdin?.destroy()
    endpoint.destroy()
  }
}
