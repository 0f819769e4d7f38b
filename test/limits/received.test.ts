import { beforeAll, expect } from 'vitest'
import { buildOnce } from '../support/build.ts'
import { startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'

beforeAll(buildOnce, 120_000)

interface Descriptors {
  /** Open beside what was before, while the worker had them. */
  readonly arrived: number
  readonly left: number
}

given(scheme('unixgram'))(
  'descriptors that were sent to a worker are closed with it, whatever became of them, and nothing warns of it',
  async () => {
    await using child = startNode(new URL('scripts/received.mjs', import.meta.url))
    const { code, stdout, stderr } = await child.exited
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const results = JSON.parse(stdout) as Record<string, Descriptors>
    expect(Object.entries(results).map(([kind, { left }]) => [kind, left])).toEqual([
      ['queued', 0],
      ['unwanted', 0],
      ['closed', 0],
      ['stream', 0],
    ])
    // Else there was nothing to leave.
    expect(results.queued?.arrived).toBeGreaterThanOrEqual(60)
    expect(results.stream?.arrived).toBeGreaterThanOrEqual(60)
  },
  30_000,
)
