import { describe, expect } from 'vitest'
import { createConnection, listen, type StreamEndpoint, type WebEndpoint } from '../../src/index.ts'
import { given, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { eventually } from '../support/resources.ts'
import { kinds } from './joined.ts'

type Action = (web: WebEndpoint, near: StreamEndpoint, far?: StreamEndpoint) => unknown

/** Everything that may happen to a connection. That one comes too late may be an error of its own promise, and of no other. */
const actions: Record<string, Action> = {
  'readable.cancel': ({ readable }) => readable.cancel('enough').catch(() => undefined),
  'writable.abort': ({ writable }) => writable.abort(new Error('aborted')).catch(() => undefined),
  'writable.close': ({ writable }) => writable.close().catch(() => undefined),
  'a write': ({ writable }) => {
    const writer = writable.getWriter()
    // Node throws ERR_INTERNAL_ASSERTION from write() of any stream that is closed, where the standard has it reject.
    if (isClosed(writer)) return writer.releaseLock()
    writer.write(new Uint8Array(100_000)).catch(() => undefined)
    writer.releaseLock()
  },
  'a read': ({ readable }) => {
    const reader = readable.getReader()
    reader.read().catch(() => undefined)
    reader.releaseLock()
  },
  close: (web) => void web.close(),
  'close with a reason': (web) => void web.close('a reason').catch(() => undefined),
  destroy: (_web, near) => near.destroy(),
  'destroy with an error': (_web, near) => near.destroy(new Error('destroyed')),
  'the end of the peer': (_web, _near, far) => far?.end('the last words'),
  'a reset by the peer': (_web, _near, far) => far?.resetAndDestroy(),
}

const isClosed = (writer: WritableStreamDefaultWriter): boolean => {
  try {
    return writer.desiredSize === 0
  } catch {
    // A stream that has failed has no size.
    return false
  }
}

const names = Object.keys(actions)
const pairs = names.flatMap((first) => names.map((second) => [first, second] as const))

noDescriptorsLeft()

async function comesToItsEnd(web: WebEndpoint): Promise<void> {
  void web.close().catch(() => undefined)
  await web.closed.catch(() => undefined)
  // Both streams have come to an end as well, each in its own way.
  await web.readable.getReader().closed.catch(() => undefined)
  await web.writable.getWriter().closed.catch(() => undefined)
}

for (const { title, need, join } of kinds) {
  const it = given(need)

  describe(`web streams in every state, ${title}`, () => {
    for (const turn of ['in the same turn', 'a turn later'] as const) {
      it(`one after the other, ${turn}: everything comes to its end, with no error that nobody handles`, async () => {
        for (const [first, second] of pairs) {
          await using joined = await join()
          const { near, far } = joined
          far.on('error', () => undefined).resume()
          const web = near.web()
          actions[first]?.(web, near, far)
          if (turn === 'a turn later') await new Promise((resolve) => setTimeout(resolve, 2))
          actions[second]?.(web, near, far)
          await comesToItsEnd(web)
          expect(near.destroyed, `${first}, then ${second}`).toBe(true)
        }
      })
    }
  })
}

for (const engine of ['kernel', 'node'] as const) {
  given(scheme('tcp', engine))(`while connecting, one after the other, ${engine} engine`, async () => {
    await using listener = await listen('tcp://127.0.0.1:0', { engine })
    listener.on('connection', (far) => (far as StreamEndpoint).on('error', () => undefined).resume())
    for (const [first, second] of pairs) {
      const near = createConnection(listener.address, { engine })
      const web = near.web()
      actions[first]?.(web, near)
      actions[second]?.(web, near)
      await comesToItsEnd(web)
      expect(near.destroyed, `${first}, then ${second}`).toBe(true)
      await web.opened.catch(() => undefined)
    }
    await eventually(() => listener.connections === 0)
  })
}
