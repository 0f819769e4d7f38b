import type { Address, OpenOptions, SchemeFacts } from '../index.ts'
import { builtinFamilies, connect, DatagramEndpoint, parseAddress, StreamEndpoint } from '../index.ts'

/** An address from the command line: read, with the facts that say how to open it. */
export interface Target {
  readonly address: Address
  readonly facts: SchemeFacts
}

/** Throws ERR_ADDRESS_INVALID or ERR_FAMILY_UNKNOWN. */
export function readTarget(text: string): Target {
  const address = parseAddress(text)
  const family = builtinFamilies.find(({ schemes }) => Object.hasOwn(schemes, address.scheme))
  const facts = family?.facts?.(address) ?? family?.schemes[address.scheme]
  // parseAddress has found the family already.
  if (facts === undefined) throw new Error(`no facts for ${text}`)
  return { address, facts }
}

/**
 * Connects; datagrams get a name of their own where the system gives none by itself, for otherwise the peer could not
 * answer (a unix datagram socket stays unnamed until it is bound; `nc -uU` makes up a name for the same reason).
 */
export async function connectNamed(address: Address, options: OpenOptions): Promise<StreamEndpoint | DatagramEndpoint> {
  const endpoint: StreamEndpoint | DatagramEndpoint = await connect(address, options)
  const nameless = isDatagram(endpoint) && !endpoint.facts.connected && endpoint.local === undefined
  if (!nameless || options.local !== undefined) return endpoint
  const family = builtinFamilies.find(({ schemes }) => Object.hasOwn(schemes, address.scheme))
  const local = family?.ephemeral(address.scheme) as Address | undefined
  if (local === undefined) return endpoint
  await endpoint.close()
  return await connect(address, { ...options, local })
}

export function isStream(endpoint: StreamEndpoint | DatagramEndpoint): endpoint is StreamEndpoint {
  return endpoint instanceof StreamEndpoint
}

export function isDatagram(endpoint: StreamEndpoint | DatagramEndpoint): endpoint is DatagramEndpoint {
  return endpoint instanceof DatagramEndpoint
}
