import { execFileSync } from 'node:child_process'
import { lstatSync, symlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, test } from 'vitest'
import { exclusively } from '../../src/families/unix/stale-lock.ts'
import { connect, type EngineName, listen, type StreamEndpoint } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { Child, startNode } from '../support/child.ts'
import { given, need, python, scheme } from '../support/need.ts'
import { noDescriptorsLeft } from '../support/no-descriptors-left.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)
noDescriptorsLeft()

const linux = need(process.platform === 'linux', 'abstract names are for Linux', 'run the tests on Linux')

function leaveStale(path: string): void {
  const script = 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])'
  execFileSync('python3', ['-c', script, path])
}

describe('of several that take over one stale file at once, one gets the address', () => {
  for (const engine of ['kernel', 'node'] as const) {
    given(scheme('unix', engine), python)(`in one process, on the ${engine} engine`, async () => {
      await using directory = await temporaryDirectory()
      for (let round = 0; round < 10; round++) {
        const path = directory.file(`s${round}`)
        leaveStale(path)
        const tries = Array.from({ length: 4 }, () =>
          listen(`unix:${path}`, { unlinkStale: true, engine: engine as EngineName }),
        )
        const results = await Promise.allSettled(tries)
        const won = results.filter((result) => result.status === 'fulfilled')
        expect(won).toHaveLength(1)
        for (const result of results) {
          if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'EADDRINUSE' })
        }
        const client = (await connect(`unix:${path}`)) as StreamEndpoint
        client.destroy()
        await won[0]?.value.close()
      }
    })
  }

  given(scheme('unix'), python)(
    'in several processes',
    async () => {
      await using directory = await temporaryDirectory()
      const script = new URL('scripts/stale-taker.mjs', import.meta.url)
      const children: Child[] = Array.from({ length: 3 }, () => startNode(script))
      try {
        for (const child of children) expect(await child.report()).toBe('ready')
        for (let round = 0; round < 40; round++) {
          const path = directory.file(`s${round}`)
          leaveStale(path)
          for (const child of children) child.tell(path)
          const outcomes = await Promise.all(children.map((child) => child.report<string>()))
          expect(outcomes.toSorted()).toEqual(['EADDRINUSE', 'EADDRINUSE', 'won'])
          const client = (await connect(`unix:${path}`)) as StreamEndpoint
          client.destroy()
        }
      } finally {
        for (const child of children) await child[Symbol.asyncDispose]()
      }
    },
    60_000,
  )

  given(scheme('unix'), python)('a server that has bound its socket and is about to listen is waited for', async () => {
    await using directory = await temporaryDirectory()
    const path = directory.file('s')
    const script = `
import socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); print('"bound"', flush=True)
time.sleep(0.03); s.listen(); sys.stdin.read()`
    await using server = new Child('python3', ['-c', script, path])
    await server.report()
    await expect(listen(`unix:${path}`, { unlinkStale: true })).rejects.toMatchObject({ code: 'EADDRINUSE' })
    expect(lstatSync(path).isSocket()).toBe(true)
  })
})

describe('the lock', () => {
  given(linux)('is one for all paths to a file, and held by one at a time', async () => {
    await using directory = await temporaryDirectory()
    symlinkSync(directory.path, directory.file('again'))
    const paths = [directory.file('s'), directory.file('again/s'), directory.file('./s')]
    let running = 0
    let most = 0
    await Promise.all(
      [...paths, ...paths].map((path) =>
        exclusively(Buffer.from(path), async () => {
          most = Math.max(most, ++running)
          await sleep(10)
          running--
        }),
      ),
    )
    expect(most).toBe(1)
  })

  given(linux)('of one file does not hold up another one, nor one that keeps it for ever', async () => {
    await using directory = await temporaryDirectory()
    const order: string[] = []
    let letGo: () => void = () => undefined
    const held = exclusively(Buffer.from(directory.file('a')), () => new Promise<void>((resolve) => (letGo = resolve)))
    await sleep(50)
    const start = performance.now()
    await exclusively(Buffer.from(directory.file('b')), async () => void order.push('b'))
    expect(performance.now() - start).toBeLessThan(1500)
    await exclusively(Buffer.from(directory.file('a')), async () => void order.push('a'))
    expect(performance.now() - start).toBeGreaterThan(1900)
    letGo()
    await held
    expect(order).toEqual(['b', 'a'])
  })

  test('lets what fails go', async () => {
    await using directory = await temporaryDirectory()
    const path = Buffer.from(directory.file('s'))
    await expect(exclusively(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    const start = performance.now()
    expect(await exclusively(path, async () => 'free')).toBe('free')
    expect(performance.now() - start).toBeLessThan(1500)
    const nowhere = Buffer.from(directory.file('nowhere/s'))
    expect(await exclusively(nowhere, async () => 'free')).toBe('free')
  })
})
