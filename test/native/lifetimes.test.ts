import { expect, test } from 'vitest'
import { describeNative, run } from './support.ts'

describeNative('garbage collection', () => {
  test('takes forgotten watches with their descriptors, and nothing that is still to be called', async () => {
    const { code, signal, stdout, stderr } = await run('collect.mjs', [], ['--expose-gc'])
    expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      forgotten: [false, false],
      inStore: false,
      closed: [false, false],
      reused: [true, true, true],
      kept: [0, 0, 0],
      functions: [false, false],
      waiting: true,
      called: true,
      held: true,
      heldCalled: true,
      many: 0,
    })
  })
})

const stages = [
  'loading',
  'none',
  'fresh',
  'bound',
  'listening',
  'connecting',
  'idle',
  'waiting',
  'ready',
  'closed',
  'many',
  'callback',
  'closing',
  'cleanup',
]

describeNative('the end of the process', () => {
  for (const stage of stages) {
    test(`at the stage "${stage}"`, async () => {
      const ends = await Promise.all(['return', 'exit', 'throw'].map((ending) => run('exit.mjs', [stage, ending])))
      expect(ends.map(({ code, signal }) => signal ?? code)).toEqual([0, 5, 1])
      expect(ends[0]?.stderr).toBe('')
      expect(ends[1]?.stderr).toBe('')
      expect(ends[2]?.stderr).toContain('Error: the end')
    })
  }
})
