import { type Address, builtinFamilies } from 'polysocket'

/** An address of the scheme that is free on this machine; `undefined` where the scheme has no such thing. */
export function freeAddress(scheme: string): Address | undefined {
  const family = builtinFamilies.find(({ schemes }) => Object.hasOwn(schemes, scheme))
  return family?.ephemeral(scheme) as Address | undefined
}
