import { endianness, networkInterfaces } from 'node:os'
import type { Address, EngineName, FamilyStatus, SchemeFacts } from '../../index.ts'
import { builtinFamilies, families, formatAddress } from '../../index.ts'
import { orInTheLab, placeForBluetooth } from '../bluetooth-place.ts'
import { readTarget } from '../open.ts'
import { type Effort, FULL, RADIO } from './measure.ts'

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
  readonly effort: Effort
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

/** `struct sockaddr_un` of an abstract name: AF_UNIX, a zero byte, the name; unix(7). */
function rawUnixName(name: string): string {
  const family = endianness() === 'LE' ? '0100' : '0001'
  return `${family}00${Buffer.from(name).toString('hex')}`
}

/** Addresses besides the one that each scheme proposes itself. */
const EXTRAS: readonly Extra[] = [
  { scheme: 'tcp', address: 'tcp://[::1]:0', missing: noIpv6 },
  { scheme: 'udp', address: 'udp://[::1]:0', missing: noIpv6 },
  // Abstract names are Linux's, and Node's own sockets pad them with zeros.
  { scheme: 'unix', address: `unix:@polysocket-demo-${process.pid}`, engine: 'kernel' },
  // AF_UNIX, SOCK_STREAM by their numbers.
  { scheme: 'raw', address: `raw:1:1:0:${rawUnixName(`polysocket-demo-raw-${process.pid}`)}`, engine: 'kernel' },
]

/** Schemes to be tried on the node engine as well, where it is not their engine anyway. */
const ALSO_ON_NODE: readonly string[] = ['tcp', 'udp', 'unix']

/** Everything that the registry has: a family that is added shows up here by itself. */
export async function demoCases(): Promise<(Case | Missing)[]> {
  const rows = families().flatMap(({ name, schemes }) => schemes.map((status) => casesOf(name, status)))
  return (await Promise.all(rows)).flat()
}

async function casesOf(
  name: string,
  { scheme, availability }: FamilyStatus['schemes'][number],
): Promise<(Case | Missing)[]> {
  if (!availability.available) {
    const { reason, remedy } = availability
    return [{ scheme, reason, remedy: name === 'bluetooth' ? orInTheLab(scheme, remedy) : remedy }]
  }
  const { engine } = availability
  if (name === 'bluetooth') {
    const place = await placeForBluetooth(scheme)
    return ['address' in place ? { ...makeCase(place.address, engine), effort: RADIO } : { scheme, ...place }]
  }
  const onNode = engine === 'kernel' && ALSO_ON_NODE.includes(scheme)
  const rows = [
    ...proposed(name, scheme).map((address) => makeCase(address, engine)),
    ...EXTRAS.filter((extra) => extra.scheme === scheme && (extra.engine ?? engine) === engine).map((extra) => {
      const lacking = extra.missing?.()
      return lacking === undefined ? makeCase(extra.address, engine) : { scheme, ...lacking }
    }),
    ...(onNode ? proposed(name, scheme).map((address) => makeCase(address, engine, 'node')) : []),
  ]
  return rows.length > 0 ? rows : [{ scheme, reason: 'no address to try it at', remedy: 'name one in the demo' }]
}

/** The scheme's own idea of an address that is free here. */
function proposed(name: string, scheme: string): string[] {
  const address = builtinFamilies.find((family) => family.name === name)?.ephemeral(scheme)
  return address === undefined ? [] : [formatAddress(address as Address)]
}

function makeCase(address: string, engine: string, forced?: EngineName): Case {
  const target = readTarget(address)
  return {
    scheme: target.address.scheme,
    facts: target.facts,
    address,
    engine: forced ?? engine,
    ...(forced !== undefined && { forced }),
    sameProcess: engine === 'memory',
    effort: FULL,
  }
}
