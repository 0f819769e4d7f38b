import { InvalidArgumentError } from 'commander'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { count, duration, seed, share } from '../../src/cli/compare/arguments.ts'

describe('a share', () => {
  test.each([
    ['5%', 0.05],
    ['0.05', 0.05],
    ['0', 0],
    ['0%', 0],
    ['100%', 1],
    ['1', 1],
    ['12.5%', 0.125],
  ])('%s', (text, value) => expect(share(text)).toBeCloseTo(value, 12))

  test.each(['', '%', '101%', '1.01', '-1%', '+5%', '5 %', '5%%', '.5', '5.', '1e-2', 'NaN', 'Infinity', '٥%'])(
    'refuses %j',
    (text) => expect(() => share(text)).toThrow(InvalidArgumentError),
  )
})

describe('a time', () => {
  test.each([
    ['20ms', 20],
    ['20', 20],
    ['0.02s', 20],
    ['0', 0],
    ['1.5ms', 1.5],
    ['60s', 60_000],
  ])('%s', (text, value) => expect(duration(text)).toBeCloseTo(value, 9))

  test.each(['', 'ms', 's', '-1', '20 ms', '20us', '1m', '61s', '60001', '1e3', 'Infinity'])('refuses %j', (text) =>
    expect(() => duration(text)).toThrow(InvalidArgumentError),
  )
})

test.each(['0', '-1', '1.5', '01', '', '1e3', '1001', '99999999999999999999'])(
  'a count up to 1000 refuses %j',
  (text) => expect(() => count(1000)(text)).toThrow(/from 1 to 1000/),
)

test.each(['-1', '1.5', '', '4294967296', '0x1'])('a seed refuses %j', (text) =>
  expect(() => seed(text)).toThrow(InvalidArgumentError),
)

test('whole numbers in range are taken as they are', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 1000 }), (number) => count(1000)(String(number)) === number))
  fc.assert(fc.property(fc.integer({ min: 0, max: 0xffffffff }), (number) => seed(String(number)) === number))
})

test('no text is taken that gives something else than a number in range', () => {
  const inRange = (parse: (text: string) => number, most: number): void => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.double().map(String), fc.stringMatching(/^[\d.]{1,6}(%|ms|s)?$/)),
        (text) => {
          try {
            const value = parse(text)
            return value >= 0 && value <= most
          } catch (error) {
            return error instanceof InvalidArgumentError
          }
        },
      ),
    )
  }
  inRange(share, 1)
  inRange(duration, 60_000)
})
