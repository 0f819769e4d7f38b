import type { LookupOptions } from 'node:dns'
import { getDefaultAutoSelectFamily, getDefaultAutoSelectFamilyAttemptTimeout, isIP } from 'node:net'
import type { AddressInput } from '../../core/address.ts'
import { invalidType } from '../errors/argument-errors.ts'
import { checkBoolean, checkFunction, checkInt32, checkNumber, checkPort } from '../errors/checks.ts'
import { invalidIP } from './misuse-errors.ts'

type LookupCallback = (
  error: NodeJS.ErrnoException | null,
  address: string | { address: string; family: number }[],
  family?: number,
) => void

export type Lookup = (host: string, options: LookupOptions, callback: LookupCallback) => void

/** What `connect` takes, before it is checked. */
export interface ConnectOptions {
  port?: number | string | undefined
  host?: string | undefined
  path?: string | null | undefined
  /** An address of ours: text, or an object. */
  address?: AddressInput | undefined
  localAddress?: string | undefined
  localPort?: number | undefined
  family?: number | string | undefined
  hints?: number | undefined
  lookup?: Lookup | undefined
  autoSelectFamily?: boolean | null | undefined
  autoSelectFamilyAttemptTimeout?: number | null | undefined
  timeout?: number | undefined
}

/** Where from, in the socket's own words. */
export interface From {
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
}

/** A connection to a host and port, checked. */
export interface HostRequest extends From {
  readonly host: string
  readonly port: number
  readonly family: number | string | undefined
  readonly hints: number
  readonly lookup: Lookup | undefined
  /** Whether a name's addresses are tried one after the other. */
  readonly triesAll: boolean
  /** Milliseconds until the next one is tried. */
  readonly attemptTimeout: number
}

/** Node's own lower bound. */
const SHORTEST_ATTEMPT = 10

/** Throws what Node throws, in its order. */
export function checkHostRequest(options: ConnectOptions): HostRequest {
  const { localAddress, localPort, autoSelectFamily, autoSelectFamilyAttemptTimeout, lookup } = options
  if (localAddress && isIP(localAddress) === 0) throw invalidIP(localAddress)
  if (localPort) checkNumber(localPort, 'options.localPort')
  const port = readPort(options.port)
  if (autoSelectFamily != null) checkBoolean(autoSelectFamily, 'options.autoSelectFamily')
  const attemptTimeout = readAttemptTimeout(autoSelectFamilyAttemptTimeout)
  const host = options.host || 'localhost'
  if (isIP(host) === 0 && lookup != null) checkFunction(lookup, 'options.lookup')
  return {
    host,
    port,
    localAddress,
    localPort,
    family: options.family,
    hints: options.hints || 0,
    lookup,
    triesAll: autoSelectFamily ?? getDefaultAutoSelectFamily(),
    attemptTimeout,
  }
}

function readPort(port: unknown): number {
  if (port === undefined) return 0
  if (typeof port !== 'number' && typeof port !== 'string') {
    throw invalidType('options.port', 'one of type number or string', port)
  }
  return checkPort(port, 'Port', '>= 0')
}

function readAttemptTimeout(timeout: unknown): number {
  if (timeout === undefined || timeout === null) return getDefaultAutoSelectFamilyAttemptTimeout()
  checkInt32(timeout, 'options.autoSelectFamilyAttemptTimeout', 1)
  return Math.max(SHORTEST_ATTEMPT, timeout)
}
