import { EXIT } from '../report.ts'
import type { Outcome } from './result.ts'

/**
 * The exit code: failed where a scheme broke down or is not as its family declares; unavailable where one that was asked for
 * by name (`isNamed`) cannot be tried here.
 */
export function verdict(outcomes: readonly Outcome[], isNamed: boolean): number {
  if (outcomes.some(isBroken)) return EXIT.failed
  return isNamed && outcomes.some((outcome) => 'reason' in outcome) ? EXIT.unavailable : EXIT.ok
}

function isBroken(outcome: Outcome): boolean {
  return 'failed' in outcome || ('agreements' in outcome && outcome.agreements.some(({ agrees }) => !agrees))
}
