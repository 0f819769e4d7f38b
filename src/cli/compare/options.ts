import { UsageError } from '../report.ts'
import type { Case } from './cases.ts'
import { SMALLEST } from './measure/numbered-message.ts'
import type { LinkFaults } from './result.ts'

/** What the flags become in commander's hands. */
export interface CompareOptions extends LinkFaults {
  /** Default: as the scheme has it, `MESSAGES`. */
  readonly messages?: number
  readonly size: number
  /** Default: as the scheme has it, `INTERVAL`. */
  readonly interval?: number
  readonly netem?: boolean
  readonly json?: boolean
}

/** Fewer and slower over a radio, which carries some 100 KiB in a second where it is emulated. */
export const MESSAGES = { usual: 500, radio: 100 } as const
export const INTERVAL = { usual: 4, radio: 20 } as const

/** The link as it is unless told otherwise: bad enough to tell the schemes apart. */
export const DEFAULTS: LinkFaults & { readonly size: number } = {
  size: 200,
  loss: 0.05,
  duplicate: 0.01,
  reorder: 0.01,
  delay: 20,
  jitter: 5,
  seed: 1,
}

/** A message is kept whole by whoever reads it from a stream. */
export const LARGEST_FRAME: number = 16 * 1024 * 1024

export function faultsOf({ loss, duplicate, reorder, delay, jitter, seed }: LinkFaults): LinkFaults {
  return { loss, duplicate, reorder, delay, jitter, seed }
}

/** Throws where the messages are too large, or too small, for a scheme that is to be tried. */
export function checkSize(size: number, cases: readonly Case[]): void {
  if (size < SMALLEST)
    throw new UsageError(`--size ${size}: a message has at least the ${SMALLEST} bytes of its number`)
  for (const { scheme, facts } of cases) {
    const largest = facts.maxMessage ?? LARGEST_FRAME
    if (size > largest)
      throw new UsageError(
        `--size ${size}: ${scheme} takes messages of at most ${largest} bytes; send shorter ones, or name other schemes`,
      )
  }
}
