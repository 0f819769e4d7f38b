import { describe, expect, test } from 'vitest'
import { conformance, runConformance } from '../../src/conformance/index.ts'
import { type AddressFamily, createSockets } from '../../src/index.ts'
import { broken, streamFault } from './broken.ts'
import { builtin } from './run.ts'

const memory = builtin('memory')
const sockets = createSockets([memory])

describe('what the suite says of itself', () => {
  test('names are unique and begin with their scheme', () => {
    const cases = conformance(sockets, memory)
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
    for (const { name, scheme } of cases) expect(name.startsWith(`${scheme}: `)).toBe(true)
  })

  test('facts choose the cases, and a scheme can be chosen', () => {
    const names = (scheme: string) => conformance(sockets, memory, { schemes: [scheme] }).map(({ name }) => name)
    expect(names('memory').some((name) => name.includes('half close'))).toBe(true)
    expect(names('memorygram').some((name) => name.includes('half close'))).toBe(false)
    expect(names('memorygram').some((name) => name.includes('sendBatch'))).toBe(true)
    expect(() => conformance(sockets, memory, { schemes: ['nosuch'] })).toThrow(TypeError)
  })

  test('a family that does not work here is skipped, with reason and remedy', async () => {
    const skip = { reason: 'no such hardware', remedy: 'buy some' }
    const absent: AddressFamily = { ...memory, probe: () => ({ available: false, ...skip }) }
    for (const result of await runConformance(sockets, absent)) {
      expect(result).toMatchObject({ outcome: 'skipped', skip })
    }
  })

  test('a family that has no address to give is skipped, unless the suite is handed one', () => {
    const hidden: AddressFamily = { ...memory, ephemeral: () => undefined }
    for (const { skip } of conformance(sockets, hidden)) expect(skip?.remedy).toContain('{ address }')
    const address = (scheme: string) => memory.ephemeral(scheme)
    for (const { skip } of conformance(sockets, hidden, { address })) expect(skip).toBeUndefined()
  })

  test('the runner reports each case, passed or failed', async () => {
    const deaf = broken(
      memory,
      streamFault(() => ({ onData: () => undefined })),
    )
    const heard: string[] = []
    const options = { schemes: ['memory'], timeout: 200 }
    const results = await runConformance(createSockets([deaf]), deaf, options, ({ name }) => heard.push(name))
    expect(heard).toEqual(results.map(({ name }) => name))
    const outcomes = new Map(results.map(({ name, outcome }) => [name, outcome]))
    expect(outcomes.get('memory: streams: bytes cross in both directions')).toBe('failed')
    expect(outcomes.get('memory: addresses: an address names its family and scheme, and survives its text')).toBe(
      'passed',
    )
    const failure = results.find(({ name }) => name === 'memory: streams: bytes cross in both directions')
    expect(String(failure?.error)).toContain('not done after 200 ms; waiting for: the question')
  }, 60_000)
})
