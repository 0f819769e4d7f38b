import { beforeAll, describe, expect } from 'vitest'
import { buildOnce } from '../support/build.ts'
import { MiB } from '../support/bytes.ts'
import { startNode } from '../support/child.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)

interface Report {
  readonly pieces: number
  readonly bytes: number
  readonly buffers: number
  readonly heap: number
}

async function report(what: string): Promise<Report> {
  await using directory = await temporaryDirectory()
  await using child = startNode(new URL('scripts/waiting-memory.mjs', import.meta.url), [what, directory.path])
  return await child.report<Report>()
}

/** A block of each size that reads land in, and one that was not collected yet. */
const constant = 2 * MiB

/** Each is in the script, with what it does. */
const waiting = [
  'chunks that a listener keeps',
  'chunks that nobody reads',
  'chunks that nobody reads, of the drop-in',
  'large chunks that a listener keeps',
  'messages that nobody receives',
  'messages that are passed on to somebody who takes none',
  'messages that are passed on to somebody who is not there',
]

describe('what waits holds at most twice its own bytes and a constant', () => {
  for (const what of waiting) {
    given(scheme('tcp', 'kernel'), scheme('unixgram'))(
      what,
      async () => {
        const { pieces, bytes, buffers } = await report(what)
        expect(pieces).toBeGreaterThanOrEqual(40)
        expect(bytes).toBeGreaterThanOrEqual(750_000)
        expect(buffers).toBeLessThanOrEqual(2 * bytes + constant)
      },
      60_000,
    )
  }

  given(scheme('unixgram'))(
    'empty messages count as what they cost, however many the caller allows',
    async () => {
      const { pieces, buffers, heap } = await report('empty messages that nobody receives')
      expect(pieces).toBeGreaterThan(4096)
      expect(buffers + heap).toBeLessThanOrEqual(6 * MiB)
    },
    60_000,
  )
})
