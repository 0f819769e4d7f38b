import { beforeAll, describe, expect } from 'vitest'
import type { EngineName } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)

const script = (name: string): URL => new URL(`scripts/${name}.mjs`, import.meta.url)

describe.each<EngineName>(['kernel', 'node'])('the process ends at a stage of an endpoint, %s engine', (engine) => {
  const test = given(scheme('unix', engine))

  test('by process.exit', async () => {
    await eachStage(engine, async (stage, directory) => {
      await using child = startNode(script('exit'), [directory, engine, stage, 'exit'])
      expect(await child.exited, stage).toMatchObject({ code: 7, signal: null, stderr: '' })
    })
  }, 60_000)

  test('by an error that nobody catches', async () => {
    await eachStage(engine, async (stage, directory) => {
      await using child = startNode(script('exit'), [directory, engine, stage, 'throw'])
      const { code, signal, stderr } = await child.exited
      expect({ code, signal }, `${stage}: ${stderr}`).toEqual({ code: 1, signal: null })
      expect(stderr, stage).toContain('thrown on purpose')
    })
  }, 60_000)

  test('by itself, when nothing is open or all is unreferenced', async () => {
    for (const what of ['everything closed', 'everything unreferenced', 'both ends ended']) {
      await using directory = await temporaryDirectory()
      await using child = startNode(script('natural'), [directory.path, engine, what])
      const exit = await child.exited
      expect(exit, what).toMatchObject({ code: 0, signal: null, stderr: '' })
      if (what === 'both ends ended') expect(exit.stdout).toBe('the last word')
    }
  }, 30_000)

  test('by an error event or a rejection that nobody handles, which names the code', async () => {
    for (const what of ['an error without a listener', 'an error in a promise without a handler']) {
      await using directory = await temporaryDirectory()
      await using child = startNode(script('natural'), [directory.path, engine, what])
      const { code, stderr } = await child.exited
      expect(code, what).toBe(1)
      expect(stderr, what).toContain('ENOENT')
    }
  }, 30_000)

  test('not at all, while something is open and referenced', async () => {
    for (const what of ['an open listener', 'an open endpoint', 'an endpoint that receives']) {
      await using directory = await temporaryDirectory()
      await using child = startNode(script('natural'), [directory.path, engine, what])
      const waited = new Promise((resolve) => setTimeout(resolve, 1500, 'still running'))
      expect(await Promise.race([child.exited, waited]), what).toBe('still running')
    }
  }, 30_000)
})

const workers: [engine: EngineName, count: number][] = [
  ['kernel', 200],
  ['node', 50],
]

describe.each(workers)('worker threads, %s engine', (engine, count) => {
  given(scheme('unix', engine))(
    `${count} of them end with sockets open, and leave nothing behind`,
    async () => {
      await using directory = await temporaryDirectory()
      await using child = startNode(script('workers'), [directory.path, engine, String(count)])
      const { before, after, ends } = await child.report<{
        before: number
        after: number
        ends: Record<string, number>
      }>()
      expect(after).toBeLessThanOrEqual(before)
      // By process.exit; by terminate; and those whose stage left nothing open had ended by themselves.
      const { 'exit 7': exited = 0, 'terminate 1': terminated = 0, 'terminate 0': alone = 0, ...others } = ends
      expect(others).toEqual({})
      expect(exited + terminated + alone).toBe(count + 1)
      expect(terminated).toBeGreaterThan(alone)
      expect(await child.exited).toMatchObject({ code: 0, signal: null, stderr: '' })
    },
    240_000,
  )
})

/** Every stage that the scripts know; two at a time, each in a directory of its own. */
async function eachStage(engine: EngineName, run: (stage: string, directory: string) => Promise<void>): Promise<void> {
  await using list = startNode(script('exit'), ['', engine, 'list'])
  const left = await list.report<string[]>()
  expect(left.length).toBeGreaterThan(10)
  const work = async (): Promise<void> => {
    for (let stage = left.shift(); stage !== undefined; stage = left.shift()) {
      await using directory = await temporaryDirectory()
      await run(stage, directory.path)
    }
  }
  await Promise.all([work(), work()])
}
