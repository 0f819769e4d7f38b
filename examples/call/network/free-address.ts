import type { Address } from 'polysocket'
import { familyOf } from './family-of.ts'

/** An address of the scheme that is free on this machine; `undefined` where the scheme has no such thing. */
export function freeAddress(scheme: string): Address | undefined {
  return familyOf(scheme)?.ephemeral(scheme) as Address | undefined
}
