import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect } from 'vitest'
import { connect, type EngineName, listen, type StreamEndpoint } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'
import { eventually } from '../support/resources.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)

const script = new URL('scripts/exhaustion.mjs', import.meta.url)
const descriptors = 64
const count = 100

interface Status {
  readonly connections: number
  readonly exhausted: number
  readonly code?: string
  readonly milliseconds: number
}

describe('a process that has no descriptor left', () => {
  given(scheme('unix', 'kernel'))(
    'stops accepting without a busy loop, says so, and serves everybody in the end',
    async () => {
      await using directory = await temporaryDirectory()
      const path = directory.file('socket')
      await using child = startNode(script, ['accept', path, 'kernel'], { descriptors })
      await child.line()
      const status = async (): Promise<Status> => {
        child.tell('status')
        return child.report()
      }

      const clients = await Promise.all(Array.from({ length: count }, () => connect(`unix:${path}`)))
      const served = new Set<StreamEndpoint>()
      const answered = clients.map(async (client, number) => {
        client.write(String(number))
        const [data] = await once(client, 'data')
        served.add(client)
        return String(data)
      })
      expect(await eventually(() => served.size > 0)).toBe(true)
      await sleep(500)

      const exhausted = await status()
      expect(exhausted).toMatchObject({ code: 'EMFILE' })
      expect(exhausted.connections).toBeLessThan(descriptors)
      expect(exhausted.exhausted).toBeGreaterThan(0)
      await sleep(1000)
      const later = await status()
      expect(later.connections).toBe(exhausted.connections)
      expect(later.milliseconds - exhausted.milliseconds).toBeLessThan(200)
      // It tries again now and then; a loop would have tried thousands of times.
      expect(later.exhausted - exhausted.exhausted).toBeLessThan(100)

      // Each that leaves makes room for one that waits.
      const leaving = setInterval(() => {
        for (const client of served) client.destroy()
      }, 20)
      expect(await Promise.all(answered)).toEqual(clients.map((_, number) => String(number)))
      clearInterval(leaving)
      for (const client of clients) client.destroy()
      child.stdin.end()
      expect(await child.exited).toMatchObject({ code: 0, stderr: '' })
    },
    30_000,
  )

  for (const engine of ['kernel', 'node'] as EngineName[]) {
    given(scheme('unix', engine))(
      `gets EMFILE from whatever opens a socket, and can go on later: ${engine} engine`,
      async () => {
        await using directory = await temporaryDirectory()
        const path = directory.file('socket')
        await using listener = await listen(`unix:${path}`)
        await using child = startNode(script, ['open', path, engine], { descriptors })
        const { first, full, after } = await child.report<Record<'first' | 'full' | 'after', Record<string, string>>>()
        expect(new Set(Object.values(first))).toEqual(new Set(['opened']))
        expect(new Set(Object.values(full))).toEqual(new Set(['EMFILE']))
        expect(after).toEqual(first)
        expect(listener.closed).toBe(false)
      },
      30_000,
    )
  }
})
