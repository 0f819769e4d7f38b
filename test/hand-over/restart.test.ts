import { beforeAll, expect } from 'vitest'
import { parseAddress } from '../../src/index.ts'
import { buildOnce } from '../support/build.ts'
import { type Child, startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)

const script = (name: string): URL => new URL(`scripts/${name}.mjs`, import.meta.url)

interface Seen {
  readonly answers: Readonly<Record<string, number>>
  readonly failures: readonly string[]
}

/** Restarts a server under load so many times: each process takes the socket of the one before it, which then ends. */
async function restarted(address: string, directory: string, times: number): Promise<Seen> {
  const control = (generation: number): string => `${directory}/control-${generation}`
  const start = (generation: number, from: string): Child =>
    startNode(script('web-server'), [String(generation), control(generation), from])
  let server = start(0, address)
  const ready = await server.report<{ address: string }>()
  const at = parseAddress(ready.address) as { port?: number; path?: string }
  await using load = startNode(script('load'), ['4', String(at.port ?? at.path)])
  await load.report()
  try {
    for (let generation = 1; generation <= times; generation++) {
      const successor = start(generation, control(generation - 1))
      expect(await successor.report()).toEqual(ready)
      expect(await server.report()).toEqual({ left: true })
      expect(await server.exited).toMatchObject({ code: 0, stderr: '' })
      server = successor
    }
    load.tell('stop')
    return await load.report<Seen>()
  } finally {
    await server[Symbol.asyncDispose]()
  }
}

const test = given(scheme('unix'))

test('twenty restarts of an HTTP server under load, and no request fails', async () => {
  await using directory = await temporaryDirectory()
  const { answers, failures } = await restarted('tcp://127.0.0.1:0', directory.path, 20)
  expect(failures).toEqual([])
  // Each generation has answered; how many requests that were depends on the machine.
  expect(Object.keys(answers)).toHaveLength(21)
}, 240_000)

test('the same over a Unix socket', async () => {
  await using directory = await temporaryDirectory()
  const { answers, failures } = await restarted(`unix:${directory.file('web')}`, directory.path, 5)
  expect(failures).toEqual([])
  expect(Object.keys(answers)).toHaveLength(6)
}, 120_000)
