import { beforeAll, expect } from 'vitest'
import { buildOnce } from '../support/build.ts'
import { startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'

beforeAll(buildOnce, 120_000)

/** What `AsyncLocalStorage` and async_hooks say in each event of a client and of what the server accepted. */
async function seenOver(module: string): Promise<unknown> {
  await using child = startNode(new URL('scripts/async-contexts.mjs', import.meta.url), [module])
  const { code, stderr, stdout } = await child.exited
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout)
}

const available = given(scheme('tcp'))

available('each event has the store that it has with node:net, and so has what its listener throws', async () => {
  const [nodes, ours] = [await seenOver("node:net"), await seenOver("polysocket/net")]
  expect(ours).toEqual(nodes)
  // Node's own answers, lest both were empty.
  expect(nodes).toMatchObject({
    stores: { 'server connection': 'server', 'accepted data': 'none', 'client data': 'client' },
    uncaught: { 'client data': 'client', 'accepted data': 'none', 'server connection': 'server' },
  })
})
