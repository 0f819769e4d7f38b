import { builtinFamilies } from 'polysocket'

/** The built-in family that has this scheme. */
export function familyOf(scheme: string): (typeof builtinFamilies)[number] | undefined {
  return builtinFamilies.find(({ schemes }) => Object.hasOwn(schemes, scheme))
}
