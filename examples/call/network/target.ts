import {
  type Address,
  type ConnectOptions,
  connect,
  type DatagramEndpoint,
  type EndpointKind,
  parseAddress,
  type SchemeFacts,
  type StreamEndpoint,
} from 'polysocket'
import { familyOf } from './family-of.ts'
import { freeAddress } from './free-address.ts'

/** An address, with the facts that say how to open it. */
export interface Target {
  readonly address: Address
  readonly facts: SchemeFacts
}

/** Throws ERR_ADDRESS_INVALID or ERR_FAMILY_UNKNOWN, and a `TypeError` for an address of another kind than the one wanted. */
export function readTarget(text: string, kind?: EndpointKind): Target {
  const address = parseAddress(text)
  const family = familyOf(address.scheme)
  const facts = family?.facts?.(address) ?? family?.schemes[address.scheme]
  if (facts === undefined) throw new Error(`no built-in family has the scheme of ${text}`)
  if (kind === undefined || facts.kind === kind) return { address, facts }
  throw new TypeError(`${text} makes ${facts.kind}s, and a ${kind} is needed`)
}

/** A stream to the target, whose two directions end one by one where the scheme can do that. */
export async function openStream({ address, facts }: Target, options: ConnectOptions = {}): Promise<StreamEndpoint> {
  return (await connect(address, { ...options, allowHalfOpen: facts.halfClose })) as StreamEndpoint
}

/**
 * A socket of messages towards the target. Where the system gives it no name by itself it gets one, for otherwise the
 * target could not answer: a Unix datagram socket stays unnamed until it is bound.
 */
export async function openMessages(
  { address, facts }: Target,
  options: ConnectOptions = {},
): Promise<DatagramEndpoint> {
  const endpoint = (await connect(address, options)) as DatagramEndpoint
  if (facts.connected || endpoint.local !== undefined) return endpoint
  const local = freeAddress(address.scheme)
  if (local === undefined) return endpoint
  await endpoint.close()
  return (await connect(address, { ...options, local })) as DatagramEndpoint
}
