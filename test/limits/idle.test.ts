import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect } from 'vitest'
import { buildOnce } from '../support/build.ts'
import { startNode } from '../support/child.ts'
import { given, python, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

beforeAll(buildOnce, 120_000)

interface Idle {
  /** Sockets, each in a state of its own. */
  readonly combinations: number
  /** Those that woke the process up again and again. */
  readonly spinning: readonly string[]
  /** Of the event loop, from 0 to 1. */
  readonly utilization: number
}

given(scheme('unixgram'), python)(
  'an idle socket takes no processor time, whatever state it and its peer are in',
  async () => {
    await using directory = await temporaryDirectory()
    // A wrapper script in PATH (pyenv's) would stay between us and the process that is to be killed.
    const executable = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()
    const peers = [executable, [fileURLToPath(new URL('../interop/peers/idle.py', import.meta.url))]]
    const script = new URL('scripts/idle.mjs', import.meta.url)
    await using child = startNode(script, [directory.path, JSON.stringify(peers)])
    const { combinations, spinning, utilization } = await child.report<Idle>()
    expect(spinning).toEqual([])
    // It is 1 where anything spins, of whatever engine, and about a hundredth where only timers try again. A machine that
    // is busy with others makes more of that.
    expect(utilization).toBeLessThan(0.6)
    expect(combinations).toBeGreaterThan(1500)
  },
  60_000,
)
