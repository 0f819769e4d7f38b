import { networkInterfaces } from 'node:os'
import type { EngineName, SchemeFacts } from '../../index.ts'
import { builtinFamilies, families, formatAddress } from '../../index.ts'

/** One row of the demo that can be tried. */
export interface Case {
  readonly scheme: string
  readonly facts: SchemeFacts
  /** Where the far side listens, with whatever the system is to choose left open. */
  readonly address: string
  /** What moves the bytes; `forced` when the row asks for it. */
  readonly engine: string
  readonly forced?: EngineName
  /** The scheme does not leave the process, so that both ends are in ours. */
  readonly sameProcess: boolean
}

/** One row that cannot. */
export interface Missing {
  readonly scheme: string
  readonly reason: string
  readonly remedy: string
}

interface Extra {
  readonly scheme: string
  readonly address: string
  /** Only where this engine is the scheme's own. */
  readonly engine?: EngineName
  readonly missing?: () => Omit<Missing, 'scheme'> | undefined
}

const noIpv6 = (): Omit<Missing, 'scheme'> | undefined =>
  Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))
    ? undefined
    : {
        reason: 'IPv6: there is no ::1 on this machine',
        remedy: 'sysctl net.ipv6.conf.lo.disable_ipv6=0',
      }

/** Addresses besides the one that each scheme proposes itself. */
const EXTRAS: readonly Extra[] = [
  { scheme: 'tcp', address: 'tcp://[::1]:0', missing: noIpv6 },
  { scheme: 'udp', address: 'udp://[::1]:0', missing: noIpv6 },
  // Abstract names are Linux's, and Node's own sockets pad them with zeros.
  { scheme: 'unix', address: `unix:@polysocket-demo-${process.pid}`, engine: 'kernel' },
]

/** Schemes to be tried on the node engine as well, where it is not their engine anyway. */
const ALSO_ON_NODE: readonly string[] = ['tcp', 'udp', 'unix']

/** Everything that the registry has: a family that is added shows up here by itself. */
export function demoCases(): (Case | Missing)[] {
  return families().flatMap(({ name, schemes }) =>
    schemes.flatMap(({ scheme, facts, availability }): (Case | Missing)[] => {
      if (!availability.available) return [{ scheme, reason: availability.reason, remedy: availability.remedy }]
      const { engine } = availability
      const proposed = builtinFamilies.find((family) => family.name === name)?.ephemeral(scheme)
      if (proposed === undefined) {
        return [{ scheme, reason: 'the family knows no free address on this machine', remedy: 'polysocket cat --help' }]
      }
      const base = { scheme, facts, engine, sameProcess: engine === 'memory' }
      const own: Case = { ...base, address: formatAddress(proposed) }
      const extras = EXTRAS.filter((extra) => extra.scheme === scheme && (extra.engine ?? engine) === engine)
      return [
        own,
        ...extras.map(({ address, missing }): Case | Missing => {
          const lacking = missing?.()
          return lacking === undefined ? { ...base, address } : { scheme, ...lacking }
        }),
        ...(engine === 'kernel' && ALSO_ON_NODE.includes(scheme)
          ? [{ ...own, address: freshAddress(name, scheme), engine: 'node', forced: 'node' as const }]
          : []),
      ]
    }),
  )
}

function freshAddress(name: string, scheme: string): string {
  const address = builtinFamilies.find((family) => family.name === name)?.ephemeral(scheme)
  if (address === undefined) throw new Error(`${scheme} proposed an address before, and none now`)
  return formatAddress(address)
}
