import { describe, expect, test } from 'vitest'
import { type RetryPolicy, retryPolicy } from '../../src/core/retry.ts'
import { Tries } from '../../src/core/tries.ts'
import { isTransient, type Retry, type RetryOptions } from '../../src/index.ts'
import { wrongNumber } from '../support/errors.ts'

const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })

/** So many pauses in a row. */
function pauses(count: number, options: RetryOptions, random?: () => number): number[] {
  const tries = new Tries(retryPolicy(options) as RetryPolicy, random)
  return Array.from({ length: count }, () => {
    tries.begin()
    return tries.announcePause(refused)
  })
}

describe('pauses', () => {
  test('grow by the factor up to the longest', () => {
    const options = { jitter: 0, minDelay: 100, maxDelay: 1000 }
    expect(pauses(6, options)).toEqual([100, 200, 400, 800, 1000, 1000])
    expect(pauses(4, { ...options, factor: 3 })).toEqual([100, 300, 900, 1000])
    expect(pauses(3, { ...options, factor: 1 })).toEqual([100, 100, 100])
  })

  test('the defaults: from 0.1 s to 30 s, doubling', () => {
    const longest = pauses(12, {}, () => 0)
    expect(longest).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000])
  })

  test('the shortest is no longer than the longest', () => {
    expect(pauses(2, { jitter: 0, maxDelay: 50 })).toEqual([50, 50])
  })

  test('stay what they are after thousands, and at 0', () => {
    expect(pauses(5000, { jitter: 0 }).at(-1)).toBe(30_000)
    expect(pauses(5000, { jitter: 0, minDelay: 0 }).at(-1)).toBe(0)
  })

  test.each([
    [1, 0],
    [0.5, 500],
    [0.1, 900],
    [0, 1000],
  ])('with a jitter of %d they spread evenly from %d ms to the full length', (jitter, least) => {
    const count = 4000
    // One row of tries each, so that each pause is the first.
    const drawn = Array.from({ length: count }, () => pauses(1, { jitter, minDelay: 1000 })[0] as number)
    expect(Math.min(...drawn)).toBeGreaterThanOrEqual(least)
    expect(Math.max(...drawn)).toBeLessThanOrEqual(1000)
    const width = 1000 - least
    const quarters = [0, 0, 0, 0]
    for (const delay of drawn) {
      const quarter = width === 0 ? 0 : Math.min(3, Math.floor((4 * (delay - least)) / width))
      quarters[quarter] = (quarters[quarter] as number) + 1
    }
    // A quarter has 1,000 with a standard deviation of 27: eight of them away is no accident.
    if (width > 0) for (const inQuarter of quarters) expect(Math.abs(inQuarter - count / 4)).toBeLessThan(220)
  })

  test('start over after a reset', () => {
    const tries = new Tries(retryPolicy({ jitter: 0, attempts: 2 }) as RetryPolicy)
    tries.begin()
    tries.announcePause(refused)
    tries.begin()
    expect([tries.made, tries.areUsedUp, tries.announcePause(refused)]).toEqual([2, true, 200])
    tries.reset()
    expect([tries.made, tries.areUsedUp, tries.announcePause(refused)]).toEqual([0, false, 100])
  })

  test('are told before they begin', () => {
    const told: Retry[] = []
    pauses(2, { jitter: 0, onRetry: (retry) => told.push(retry) })
    expect(told).toEqual([
      { attempt: 1, delay: 100, error: refused },
      { attempt: 2, delay: 200, error: refused },
    ])
  })
})

test.each([
  ['ECONNREFUSED', true],
  ['ENOENT', true],
  ['ECONNRESET', true],
  ['ETIMEDOUT', true],
  ['EHOSTUNREACH', true],
  ['EHOSTDOWN', true],
  ['EAI_AGAIN', true],
  ['EMFILE', true],
  ['EACCES', false],
  ['ENOTFOUND', false],
  ['EADDRNOTAVAIL', true],
  ['ENOTDIR', false],
  ['ERR_ADDRESS_INVALID', false],
  ['ERR_OPTION_UNKNOWN', false],
  ['ERR_FAMILY_UNKNOWN', false],
  ['ERR_FAMILY_UNAVAILABLE', false],
  ['ERR_UNSUPPORTED', false],
  ['ABORT_ERR', false],
])('isTransient: %s is %s', (code, transient) => {
  expect(isTransient(Object.assign(new Error(code), { code }))).toBe(transient)
})

test('isTransient: what has no code is not', () => {
  expect(isTransient(new TypeError('no'))).toBe(false)
})

describe('retryPolicy', () => {
  test('a number is the number of tries, true the defaults, false and undefined are none', () => {
    expect(retryPolicy(3)).toMatchObject({ attempts: 3, minDelay: 100 })
    expect(retryPolicy(true)).toMatchObject({ attempts: Number.POSITIVE_INFINITY, attemptTimeout: 30_000 })
    expect(retryPolicy({ minDelay: undefined, jitter: 0 })).toMatchObject({ minDelay: 100, jitter: 0 })
    expect([retryPolicy(false), retryPolicy(undefined)]).toEqual([undefined, undefined])
  })

  test.each([
    0,
    -1,
    1.5,
    Number.NaN,
    null,
    'yes',
    { attempts: '3' },
    { attempts: 0 },
    { attemptTimeout: -1 },
    { attemptTimeout: 2 ** 31 },
    { minDelay: Number.NaN },
    { maxDelay: Number.POSITIVE_INFINITY },
    { factor: 0.5 },
    { factor: Number.POSITIVE_INFINITY },
    { jitter: 1.1 },
    { jitter: true },
    { when: 'always' },
    { onRetry: {} },
  ])('%o is refused', (retry) => {
    const value = typeof retry === 'object' && retry !== null ? Object.values(retry)[0] : retry
    expect(() => retryPolicy(retry as never)).toThrow(wrongNumber(value))
  })

  test('a misspelt name is ERR_OPTION_UNKNOWN', () => {
    expect(() => retryPolicy({ atempts: 3 } as never)).toThrow(expect.objectContaining({ code: 'ERR_OPTION_UNKNOWN' }))
  })
})
