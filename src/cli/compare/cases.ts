import type { Address, FamilyStatus, OpenOptions, SchemeFacts } from '../../index.ts'
import { builtinFamilies, families, formatAddress } from '../../index.ts'
import { orInTheLab, placeForBluetooth } from '../bluetooth-place.ts'
import { UsageError } from '../report.ts'
import type { LinkFaults, Missing, SchemeResult } from './result.ts'

/** A scheme that can be tried. */
export interface Case {
  readonly scheme: string
  readonly facts: SchemeFacts
  readonly disturbed: SchemeResult['disturbed']
  /** A free address for the far end, another one at each call. */
  readonly address: () => string
  /** Of the far end. */
  readonly options: OpenOptions
  /** It goes over a radio, which is slow. */
  readonly isRadio: boolean
}

type Here = FamilyStatus['schemes'][number] & { readonly family: string }

/**
 * Have nothing on this machine to be compared with, whatever is installed: `ble` takes a device that is a GATT server, `raw`
 * is a way to write other schemes' sockets. They are told why when somebody names them.
 */
const ONLY_BY_NAME: readonly string[] = ['ble', 'raw']

/** The schemes of these names, or all that can meet themselves. Throws a `UsageError` for a name that no scheme has. */
export async function comparisonCases(
  names: readonly string[],
  faults: LinkFaults,
  netem: boolean,
): Promise<(Case | Missing)[]> {
  const all = families().flatMap(({ name, schemes }) => schemes.map((scheme) => ({ ...scheme, family: name })))
  const unknown = names.find((name) => !all.some(({ scheme }) => scheme === name))
  if (unknown !== undefined) {
    throw new UsageError(`there is no scheme ${unknown}; there are ${all.map(({ scheme }) => scheme).join(', ')}`)
  }
  const wanted = all.filter(({ scheme }) =>
    names.length === 0 ? !ONLY_BY_NAME.includes(scheme) : names.includes(scheme),
  )
  return Promise.all(wanted.map((here) => caseOf(here, faults, netem)))
}

async function caseOf(
  { family, scheme, facts, availability }: Here,
  faults: LinkFaults,
  netem: boolean,
): Promise<Case | Missing> {
  if (netem && family === 'bluetooth') {
    return { scheme, reason: 'a network namespace has no Bluetooth', remedy: 'compare it without --netem' }
  }
  if (!availability.available) {
    const { reason, remedy } = availability
    return { scheme, reason, remedy: family === 'bluetooth' ? orInTheLab(scheme, remedy) : remedy }
  }
  const made = { scheme, facts, disturbed: 'nothing', options: {}, isRadio: false } as const
  if (family === 'bluetooth') {
    const place = await placeForBluetooth(scheme)
    return 'address' in place ? { ...made, address: () => place.address, isRadio: true } : { scheme, ...place }
  }
  const address = addressesOf(family, scheme)
  if (address === undefined) {
    return {
      scheme,
      reason: 'it has no address of its own to try',
      remedy: 'compare a scheme that it stands for, such as unix',
    }
  }
  if (family === 'memory') return { ...made, address, disturbed: 'memory faults', options: { faults } }
  return { ...made, address, disturbed: netem && family === 'inet' ? 'netem' : 'nothing' }
}

function addressesOf(name: string, scheme: string): (() => string) | undefined {
  const family = builtinFamilies.find((one) => one.name === name)
  if (family?.ephemeral(scheme) === undefined) return undefined
  return () => formatAddress(family.ephemeral(scheme) as Address)
}
