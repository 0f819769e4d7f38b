import { families, formatAddress } from 'polysocket'
import { localAdapters } from 'polysocket/bluetooth'
import { familyOf } from './family-of.ts'
import { freeAddress } from './free-address.ts'

/** Where an answerer can be reached: addresses with whatever the system is to choose left open. */
export interface Places {
  readonly signalling: string
  readonly voice: string
  readonly video: string
}

/** Two schemes: one of streams for signalling and video, one of datagrams for voice. */
export interface Pair {
  readonly streams: string
  readonly datagrams: string
}

/** `'tcp+udp'`. Throws a `TypeError` that says what is wrong. */
export function readPair(text: string): Pair {
  const [streams = '', datagrams = '', ...more] = text.split('+')
  if (more.length > 0 || datagrams === '') throw new TypeError(`${text} is not a pair of schemes, such as tcp+udp`)
  checkScheme(streams, 'stream')
  checkScheme(datagrams, 'datagram')
  return { streams, datagrams }
}

/** Free places of a pair of schemes on this machine. */
export async function placesFor({ streams, datagrams }: Pair): Promise<Places> {
  return { signalling: await placeOf(streams), voice: await placeOf(datagrams), video: await placeOf(streams) }
}

/** Whether both sides have to be in one process, since one of the schemes does not leave it. */
export function staysInside({ streams, datagrams }: Pair): boolean {
  return streams === 'memory' || datagrams === 'memorygram'
}

async function placeOf(scheme: string): Promise<string> {
  const address = freeAddress(scheme)
  if (address !== undefined) return formatAddress(address)
  if (familyOf(scheme)?.name === 'bluetooth') return placeOnAdapter(scheme)
  throw new Error(`there is no free place for ${scheme} on this machine`)
}

/** The channel or PSM is left to the kernel. An adapter does not reach itself: the caller's has to be another one. */
async function placeOnAdapter(scheme: string): Promise<string> {
  const [first, second] = (await localAdapters()).filter(({ powered }) => powered)
  if (first !== undefined && second !== undefined) return `${scheme}://${first.address}/0`
  throw new Error(
    `${scheme} needs two Bluetooth adapters that are on; the lab has them: npm run lab -- npm run demo:call`,
  )
}

function checkScheme(scheme: string, kind: 'stream' | 'datagram'): void {
  const status = families()
    .flatMap(({ schemes }) => schemes)
    .find((each) => each.scheme === scheme)
  if (status === undefined) throw new TypeError(`there is no scheme ${scheme}; npx polysocket families lists them`)
  if (status.facts.kind !== kind) throw new TypeError(`${scheme} makes ${status.facts.kind}s, and a ${kind} is needed`)
  const { availability } = status
  if (!availability.available) throw new Error(`${scheme}: ${availability.reason}; remedy: ${availability.remedy}`)
}
