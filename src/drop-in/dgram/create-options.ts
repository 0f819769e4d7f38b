import dns from 'node:dns'
import { coded } from '../../core/coded-error.ts'
import { type BlockList, readBlockList } from '../block-list.ts'
import { invalidValue } from '../errors/argument-errors.ts'
import { checkFunction, checkSignal, checkUint32 } from '../errors/checks.ts'
import type { OpeningOptions, SocketKind } from './kind.ts'
import { SchemeKind } from './scheme-kind.ts'
import { type Lookup, UdpKind } from './udp-kind.ts'

export type SocketType = 'udp4' | 'udp6'

interface CommonOptions {
  /** Binds to an address that another socket uses, if that one allows it too. Default false. SO_REUSEADDR, socket(7). */
  reuseAddr?: boolean | undefined
  /** Several sockets at one address, each getting a share. Default false. SO_REUSEPORT, socket(7). */
  reusePort?: boolean | undefined
  /** Bytes; set once the socket is bound. SO_RCVBUF, socket(7). */
  recvBufferSize?: number | undefined
  /** Bytes; set once the socket is bound. SO_SNDBUF, socket(7). */
  sendBufferSize?: number | undefined
  /** Closes the socket when it fires. */
  signal?: AbortSignal | undefined
}

/** A socket of UDP over IPv4 or IPv6. */
export interface UdpSocketOptions extends CommonOptions {
  type: SocketType
  /** Whether an IPv6 socket refuses IPv4. Default false. IPV6_V6ONLY, ipv6(7). */
  ipv6Only?: boolean | undefined
  /** Messages from these addresses are dropped. */
  receiveBlockList?: BlockList | undefined
  /** Sending or connecting to these addresses fails with `ERR_IP_BLOCKED`. */
  sendBlockList?: BlockList | undefined
  /** Finds the address of a name, called as `dns.lookup(hostname, 4 | 6, callback)`. Default `dns.lookup`. */
  lookup?: Lookup | undefined
}

/** A socket of one of polysocket's schemes for messages without a connection, such as `unixgram`. */
export interface SchemeSocketOptions extends CommonOptions {
  scheme: string
}

export type SocketOptions = UdpSocketOptions | SchemeSocketOptions

/** What was asked for, checked. */
export interface Created extends OpeningOptions {
  readonly kind: SocketKind
  readonly recvBufferSize: number | undefined
  readonly sendBufferSize: number | undefined
  readonly signal: AbortSignal | undefined
  readonly receiveBlockList: BlockList | undefined
  readonly sendBlockList: BlockList | undefined
}

/** Whatever is no object is the type. */
export function readCreateOptions(input: unknown): Created {
  const options: Partial<Record<string, unknown>> =
    typeof input === 'object' && input !== null ? { ...input } : { type: input }
  const recvBufferSize = readSize(options, 'recvBufferSize')
  const sendBufferSize = readSize(options, 'sendBufferSize')
  const receiveBlockList = readBlockList(options.receiveBlockList, 'receiveBlockList')
  const sendBlockList = readBlockList(options.sendBlockList, 'sendBlockList')
  const { signal } = options
  const kind = kindOf(options)
  if (!kind.hasIPAddresses && (receiveBlockList !== undefined || sendBlockList !== undefined)) {
    throw invalidValue('options.scheme', kind.type, 'has no IP addresses for a block list')
  }
  if (signal !== undefined) checkSignal(signal, 'options.signal')
  return {
    kind,
    reuseAddr: Boolean(options.reuseAddr),
    reusePort: Boolean(options.reusePort),
    ipv6Only: Boolean(options.ipv6Only),
    recvBufferSize,
    sendBufferSize,
    signal,
    receiveBlockList,
    sendBlockList,
  }
}

/** Whatever counts as false is not given. */
function readSize(options: Partial<Record<string, unknown>>, name: string): number | undefined {
  const size = options[name]
  if (!size) return undefined
  checkUint32(size, `options.${name}`)
  return size
}

function kindOf({ type, scheme, lookup = dns.lookup }: Partial<Record<string, unknown>>): SocketKind {
  checkFunction(lookup, 'lookup')
  if (type === 'udp4' || type === 'udp6') return new UdpKind(type, lookup as unknown as Lookup)
  if (type === undefined && typeof scheme === 'string') return new SchemeKind(scheme)
  throw coded(TypeError, 'ERR_SOCKET_BAD_TYPE', 'Bad socket type specified. Valid types are: udp4, udp6')
}
