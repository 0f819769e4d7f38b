import { expect, test } from 'vitest'
import { conformance } from '../../src/conformance/index.ts'
import { type AddressFamily, createSockets } from '../../src/index.ts'
import { broken, type Fault } from './broken.ts'
import { examples } from './faults.ts'
import { builtin } from './run.ts'

/** Short, as a fault often shows as something that never comes. */
const CASE_TIMEOUT = 1500
const SOUND_TIMEOUT = 10_000

/** Runs the cases whose names match, and returns the names of those that failed. */
async function failing(
  sound: AddressFamily,
  fault: Fault,
  scheme: string,
  only: RegExp,
  timeout: number = CASE_TIMEOUT,
): Promise<string[]> {
  const family = broken(sound, fault)
  const cases = conformance(createSockets([family]), family, { schemes: [scheme], timeout })
  const chosen = cases.filter(({ name }) => only.test(name))
  expect(chosen.length).toBeGreaterThan(0)
  const outcomes = await Promise.all(
    chosen.map(({ name, run }) =>
      run().then(
        () => [],
        () => [name],
      ),
    ),
  )
  return outcomes.flat()
}

for (const [name, scheme] of [
  ['memory', 'memory'],
  ['memory', 'memorygram'],
  ['unix', 'unixpacket'],
] as const) {
  const availability = builtin(name).probe(scheme)
  const why = availability.available ? '' : ` (skipped: ${availability.reason}; remedy: ${availability.remedy})`
  const chosen = Object.entries(examples).filter(([, example]) => example.scheme === scheme)

  test.skipIf(why !== '')(
    `${scheme} without a fault passes, through the same wrapper${why}`,
    async () => {
      const every = new RegExp(chosen.map(([, { caught }]) => caught.source).join('|'))
      expect(await failing(builtin(name), {}, scheme, every, SOUND_TIMEOUT)).toEqual([])
    },
    30_000,
  )

  for (const [what, { fault, caught }] of chosen) {
    // At once, as most of them wait for what never comes.
    test.skipIf(why !== '').concurrent(
      `the suite catches a ${scheme} that ${what}${why}`,
      async () => {
        const names = await failing(builtin(name), fault, scheme, caught)
        for (const part of caught.source.split('|')) {
          expect(
            names.some((failed) => new RegExp(part).test(failed)),
            `"${part}" did not fail`,
          ).toBe(true)
        }
      },
      20_000,
    )
  }
}
