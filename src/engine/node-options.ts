import type { Socket as DatagramSocket } from 'node:dgram'
import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import {
  because,
  fromNodeError,
  namedSystemError,
  type SocketError,
  unknownOption,
  unsupported,
  wordsOf,
} from '../core/errors.ts'
import type { RawOption } from '../core/options.ts'
import { checkNames, checkValues, type NamedOptions } from './socket-options.ts'

/** How one of Node's sockets sets and reads an option, as far as it can. */
export interface NodeOption<S> {
  /** The value has the option's type already. */
  set(socket: S, value: unknown): void
  get?(socket: S): unknown
}

export type NodeOptions<S> = Readonly<Record<string, NodeOption<S>>>

/** Named options with their values, as the caller gave them. */
export type GivenOptions = Readonly<Record<string, unknown>>

/** The options that Node's sockets take only while they are opened. */
export interface OpeningOptions {
  readonly reuseAddress: boolean | undefined
  readonly reusePort: boolean
  readonly ipv6Only: boolean
}

const REMEDY = 'the kernel engine can'

const OPENING = ['reuseAddress', 'reusePort', 'ipv6Only']

interface KeepAlive {
  readonly enabled: boolean
  readonly delay: number
}

/** Node sets both in one call, and we have two options. */
const keepAlives = new WeakMap<Socket, KeepAlive>()

function setKeepAlive(socket: Socket, change: Partial<KeepAlive>): void {
  const { enabled, delay } = { enabled: false, delay: 0, ...keepAlives.get(socket), ...change }
  keepAlives.set(socket, { enabled, delay })
  socket.setKeepAlive(enabled, delay)
}

export const streamOptions: NodeOptions<Socket> = {
  noDelay: { set: (socket, value) => void socket.setNoDelay(value as boolean) },
  keepAlive: { set: (socket, value) => setKeepAlive(socket, { enabled: value as boolean }) },
  // Rounded up to seconds, as the kernel engine does: Node rounds down.
  keepAliveDelay: {
    set: (socket, value) => setKeepAlive(socket, { delay: Math.ceil((value as number) / 1000) * 1000 }),
  },
}

export const datagramOptions: NodeOptions<DatagramSocket> = {
  receiveBuffer: {
    set: (socket, value) => socket.setRecvBufferSize(value as number),
    get: (socket) => socket.getRecvBufferSize(),
  },
  sendBuffer: {
    set: (socket, value) => socket.setSendBufferSize(value as number),
    get: (socket) => socket.getSendBufferSize(),
  },
  broadcast: { set: (socket, value) => socket.setBroadcast(value as boolean) },
  ttl: { set: (socket, value) => void socket.setTTL(value as number) },
  multicastTtl: { set: (socket, value) => void socket.setMulticastTTL(value as number) },
  multicastLoopback: { set: (socket, value) => void socket.setMulticastLoopback(value as boolean) },
  multicastInterface: {
    set(socket, value) {
      const isIPv6 = socket.address().family === 'IPv6'
      socket.setMulticastInterface(interfaceInNode(value as string | number, isIPv6))
    },
  },
  joinGroup: { set: (socket, value) => socket.addMembership(...membership(value)) },
  leaveGroup: { set: (socket, value) => socket.dropMembership(...membership(value)) },
  joinSourceGroup: {
    set: (socket, value) => socket.addSourceSpecificMembership(sourceOf(value), ...membership(value)),
  },
  leaveSourceGroup: {
    set: (socket, value) => socket.dropSourceSpecificMembership(sourceOf(value), ...membership(value)),
  },
}

/** Options of listening sockets: all that Node knows of them is given on opening. */
export const listenerOptions: NodeOptions<unknown> = {}

function membership(value: unknown): [group: string, on?: string] {
  const { group, interface: on } = value as { group: string; interface?: string | number }
  // Number 0 leaves the choice to the system, as no interface at all does.
  return on === undefined || on === 0 ? [group] : [group, interfaceInNode(on, group.includes(':'))]
}

function sourceOf(value: unknown): string {
  return (value as { source: string }).source
}

/** Node names an interface by an IPv4 address that it has, or by the zone of an IPv6 address. */
function interfaceInNode(on: string | number, isIPv6: boolean): string {
  if (on === 0) return isIPv6 ? '::' : '0.0.0.0'
  const wanted = typeof on === 'string' ? on.slice(on.indexOf('%') + 1) : on
  const found = Object.entries(networkInterfaces()).find(
    ([name, addresses]) =>
      name === wanted ||
      addresses?.some((one) => one.address === wanted || (one.family === 'IPv6' && one.scopeid === wanted)),
  )
  // Node tells an interface's number only with a link-local address of it.
  if (found === undefined && typeof on === 'number')
    throw unsupported(`the interface number ${on}`, 'Node wants its name')
  const [name, addresses] = found ?? []
  const inNode = isIPv6 ? name && `::%${name}` : addresses?.find((one) => one.family === 'IPv4')?.address
  if (inNode === undefined) throw namedSystemError('ENODEV', 'setsockopt', String(on))
  return inNode
}

export function readNodeOption<S>(
  names: NamedOptions,
  table: NodeOptions<S>,
  socket: S,
  option: string | RawOption,
): unknown {
  const get = lookUp(names, table, option)?.get
  if (get === undefined) throw lacking(option, 'read')
  try {
    return get(socket)
  } catch (error) {
    throw failure(error, 'getsockopt', option)
  }
}

export function writeNodeOption<S>(
  names: NamedOptions,
  table: NodeOptions<S>,
  socket: S,
  option: string | RawOption,
  value: unknown,
): void {
  const known = lookUp(names, table, option, value)
  if (typeof option === 'string') checkValues(names, { [option]: value })
  if (known === undefined) throw lacking(option, 'set on an open socket')
  try {
    known.set(socket, value)
  } catch (error) {
    throw failure(error, 'setsockopt', option)
  }
}

/** As the kernel engine's: `setsockopt EINVAL: ttl: invalid argument`. */
function failure(error: unknown, call: string, option: string | RawOption, address?: string): SocketError {
  const known = fromNodeError(error, call, address)
  // Not a call's failure: ours, of what Node has no words for.
  if (known.syscall === undefined) return known
  return because(known, `${String(option)}: ${wordsOf(known.errno) ?? known.message}`)
}

/** Before anything is opened or looked up: each name has to be one that the scheme knows, and that Node can set. */
export function checkNodeOptions(
  names: NamedOptions,
  settable: object,
  given: GivenOptions,
  others: readonly string[],
): void {
  checkNames(names, given, others)
  for (const name of Object.keys(given)) {
    if (others.includes(name) || Object.hasOwn(settable, name) || OPENING.includes(name)) continue
    throw lacking(name, 'set')
  }
}

/** Sets what is checked already. */
export function setNodeOptions<S>(table: NodeOptions<S>, socket: S, given: GivenOptions, address: string): void {
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(table, name)) continue
    try {
      table[name]?.set(socket, value)
    } catch (error) {
      throw failure(error, 'setsockopt', name, address)
    }
  }
}

/** Of checked options. */
export function openingOptions({ reuseAddress, reusePort, ipv6Only }: GivenOptions): OpeningOptions {
  if (reusePort === true && !hasReusePort) {
    throw unsupported('reusePort', `Node ${process.versions.node} cannot set it; ${REMEDY}`)
  }
  return {
    reuseAddress: reuseAddress as boolean | undefined,
    reusePort: (reusePort === true || reusePort === 'try') && hasReusePort,
    ipv6Only: ipv6Only === true,
  }
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
/** An older Node takes the option and does nothing (nodejs/node#55403, #55408), and libuv knows it on some systems only. */
const hasReusePort: boolean =
  (major > 23 || (major === 23 && minor >= 1) || (major === 22 && minor >= 12)) &&
  ['linux', 'freebsd', 'sunos', 'aix'].includes(process.platform)

function lookUp<S>(
  names: NamedOptions,
  table: NodeOptions<S>,
  option: string | RawOption,
  value?: unknown,
): NodeOption<S> | undefined {
  if (typeof option !== 'string') return undefined
  if (names.option(option, value) === undefined) throw unknownOption(names.scheme, option, names.optionNames())
  return Object.hasOwn(table, option) ? table[option] : undefined
}

function lacking(option: string | RawOption, what: string): Error {
  const name = typeof option === 'string' ? option : `{ level: ${option.level}, name: ${option.name} }`
  return unsupported(`the option ${name}`, `in Node's own sockets it cannot be ${what}; ${REMEDY}`)
}
