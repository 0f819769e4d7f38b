import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { splitAddress } from '../../src/core/address.ts'
import { type Faults, type MemoryAddress, memory } from '../../src/families/memory.ts'

function parse(text: string): MemoryAddress {
  const { scheme, rest } = splitAddress(text)
  return memory.parse(scheme, rest)
}

function invalid(text: string): unknown {
  return expect.objectContaining({ code: 'ERR_ADDRESS_INVALID', message: expect.stringContaining(text) })
}

describe('the text of a memory address', () => {
  test.each([
    ['memory:server', { family: 'memory', scheme: 'memory', name: 'server' }],
    ['memorygram:a b/c#1', { family: 'memory', scheme: 'memorygram', name: 'a b/c#1' }],
    ['memory:100%25%3F%26%0A', { family: 'memory', scheme: 'memory', name: '100%?&\n' }],
    ['memory:日本?seed=0', { family: 'memory', scheme: 'memory', name: '日本', faults: { seed: 0 } }],
    [
      'memory:n?loss=0.05&duplicate=0.01&reorder=0.02&delay=40&jitter=20&cut=1048576&seed=7',
      {
        family: 'memory',
        scheme: 'memory',
        name: 'n',
        faults: { loss: 0.05, duplicate: 0.01, reorder: 0.02, delay: 40, jitter: 20, cut: 1_048_576, seed: 7 },
      },
    ],
  ] as const)('%s is canonical', (text, address) => {
    expect(parse(text)).toEqual(address)
    expect(memory.format(address)).toBe(text)
  })

  test('another order, other numbers and needless escapes become canonical', () => {
    expect(memory.format(parse('memory:%61?seed=7&loss=0.50&delay=1e+2'))).toBe('memory:a?loss=0.5&delay=100&seed=7')
  })

  test.each([
    ['memory:', 'name is empty'],
    ['memory:?loss=0.1', 'name is empty'],
    ['memory:a\0b', 'NUL'],
    ['memory:a%00b', 'NUL'],
    ['memory:100%', '%'],
    ['memory:%ff', '%'],
    ['memory:a?', 'is not a fault'],
    ['memory:a?loss', 'is not a fault'],
    ['memory:a?loss=0.1=0.2', 'is not a fault'],
    ['memory:a?loss=0.1&', 'is not a fault'],
    ['memory:a?lost=0.1', '\\"lost\\"'],
    ['memory:a?__proto__=1', '__proto__'],
    ['memory:a?loss=0.1&loss=0.2', 'loss is given twice'],
    ['memory:a?loss=', 'loss'],
    ['memory:a?loss=5%', 'loss'],
    ['memory:a?loss=1.01', 'loss is 1.01'],
    ['memory:a?duplicate=-0.1', 'duplicate'],
    ['memory:a?reorder=2', 'reorder'],
    ['memory:a?delay=-1', 'delay'],
    ['memory:a?delay=1e+999', 'delay'],
    ['memory:a?jitter=0x10', 'jitter'],
    ['memory:a?jitter=NaN', 'jitter'],
    ['memory:a?cut=0', 'cut'],
    ['memory:a?cut=1.5', 'cut'],
    ['memory:a?seed=4294967296', 'seed'],
    ['memory:a?seed=0.5', 'seed'],
  ])('%j is invalid: %s', (text, part) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'ERR_ADDRESS_INVALID' }))
    expect(() => parse(text)).toThrow(part.replaceAll('\\', ''))
  })

  test('an address that is no text is checked the same way', () => {
    const address = { family: 'memory', scheme: 'memory', name: 'a' } as const
    expect(() => memory.format({ ...address, name: '' })).toThrow(invalid('name'))
    expect(() => memory.format({ ...address, name: 7 as unknown as string })).toThrow(invalid('name'))
    expect(() => memory.format({ ...address, faults: { loss: 2 } })).toThrow(invalid('loss'))
    expect(() => memory.format({ ...address, faults: { lag: 2 } as Faults })).toThrow(invalid('lag'))
    expect(() => memory.format({ ...address, faults: null as unknown as Faults })).toThrow(invalid('faults'))
    expect(() => memory.format({ ...address, faults: { delay: '1' } as unknown as Faults })).toThrow(invalid('delay'))
  })

  test('whatever can be formatted parses back equal', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0)
    const time = fc.double({ min: 0, max: 1e9, noNaN: true })
    const faults = fc.record(
      {
        loss: share,
        duplicate: share,
        reorder: share,
        delay: time,
        jitter: time,
        cut: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        seed: fc.integer({ min: 0, max: 0xffffffff }),
      },
      { requiredKeys: [] },
    )
    const name = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !text.includes('\0'))
    const scheme = fc.constantFrom('memory' as const, 'memorygram' as const)
    fc.assert(
      fc.property(scheme, name, fc.option(faults, { nil: undefined }), (scheme, name, faults) => {
        const given = faults === undefined || Object.keys(faults).length === 0 ? {} : { faults }
        const address: MemoryAddress = { family: 'memory', scheme, name, ...given }
        const text = memory.format(address)
        expect(parse(text)).toEqual(address)
        expect(memory.format(parse(text))).toBe(text)
      }),
      { numRuns: 300 },
    )
  })

  test('a fresh name is in no use and never comes twice', () => {
    const names = Array.from({ length: 100 }, () => memory.ephemeral('memory')?.name)
    expect(new Set(names).size).toBe(100)
  })
})
