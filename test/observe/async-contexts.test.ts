import { beforeAll, expect } from 'vitest'
import { buildOnce } from '../support/build.ts'
import { startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'

beforeAll(buildOnce, 120_000)

/** By event. */
interface Seen {
  readonly stores: Readonly<Record<string, string>>
  readonly uncaught: Readonly<Record<string, string>>
  /** Whether its async id leads back to that of the server. */
  readonly led: Readonly<Record<string, boolean>>
}

/** What `AsyncLocalStorage` and async_hooks say in each event of a client and of what the server accepted. */
async function seenOver(module: string): Promise<Seen> {
  await using child = startNode(new URL('scripts/async-contexts.mjs', import.meta.url), [module])
  const { code, stderr, stdout } = await child.exited
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as Seen
}

const available = given(scheme('tcp'))

available('each event has the store that it has with node:net, and so has what its listener throws', async () => {
  const [nodes, ours] = [await seenOver('node:net'), await seenOver('polysocket/net')]
  expect(ours.stores).toEqual(nodes.stores)
  expect(ours.led).toEqual(nodes.led)
  // Newer Node lines have another store here than in the listener that throws; ours is the listener's.
  expect(ours.uncaught).toEqual(ours.stores)
  expect(ours.stores).toMatchObject({ 'server connection': 'server', 'accepted data': 'none', 'client data': 'client' })
  expect(ours.led).toMatchObject({ 'accepted data': true, 'client data': false })
})
