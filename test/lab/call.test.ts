import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import type { CallReport } from '../../examples/call/run-call.ts'
import type { Check } from '../../examples/call/verdict.ts'
import { buildOnce, root } from '../support/build.ts'
import { Child } from '../support/child.ts'
import { restartControllers } from './support.ts'

interface Printed {
  readonly undisturbed: CallReport
  readonly disturbed: CallReport
  readonly checks: readonly Check[]
}

restartControllers(2)
beforeAll(buildOnce)

async function call(...args: readonly string[]): Promise<Printed> {
  const { code, stdout, stderr } = await new Child(process.execPath, [
    join(root, 'examples/build/call/demo.js'),
    ...args,
    '--json',
  ]).exited
  expect(stderr).toContain('hung up')
  const printed = JSON.parse(stdout) as Printed
  // Whoever reads of a failure wants to know of what.
  expect(printed.checks.filter(({ holds }) => !holds)).toEqual([])
  expect(code).toBe(0)
  return printed
}

test('a call over Bluetooth: signalling and a film over rfcomm, voice over l2cap', async () => {
  const { undisturbed, disturbed } = await call('--over', 'rfcomm+l2cap')
  expect(undisturbed.processes).toBe(2)
  expect(disturbed.caller.interruptions).toBe(1)
  expect(undisturbed.answerer.video).toMatchObject({ whole: true })
  expect(disturbed.answerer.video).toMatchObject({ whole: true })
})

test('a call over tcp and udp, disturbed by the kernel', async () => {
  const { undisturbed, disturbed } = await call('--netem', '--loss', '5%', '--delay', '40ms', '--jitter', '20ms')
  expect(undisturbed.answerer.voice.received.lost).toBe(0)
  // The links of the memory family lose nothing: it is netem that does.
  expect(disturbed.link.lost).toBe(0)
  expect(disturbed.answerer.voice.received.lost).toBeGreaterThan(0)
  expect(disturbed.answerer.voice.roundTrip).toBeGreaterThan(80)
})
