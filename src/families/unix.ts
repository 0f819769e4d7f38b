import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { invalidAddress } from '../core/address.ts'
import { unsupported } from '../core/errors.ts'
import type { AddressFamily } from '../core/family.ts'
import { receiveTimestamp, timestampField } from '../engine/ancillary-field.ts'
import { type KernelFamilyDefinition, type KernelScheme, kernelFamily } from '../engine/kernel-family.ts'
import { SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from '../engine/kernel-options.ts'
import type { NodeEndpoint } from '../engine/node.ts'
import { shellWord, socatEscape } from './socat.ts'
import { bindSteps, checkMode, checkUnlinkStale, type UnixSocketOptions } from './unix/bind.ts'
import { type CredentialOptions, credentialsField, peerCredentials, receiveCredentials } from './unix/credentials.ts'
import { explainUnix } from './unix/explain.ts'
import { AF_UNIX, decodeName, encodeName, type Name, type NameFields, pathOf, readName } from './unix/name.ts'
import { inheritedRemoval } from './unix/socket-file.ts'
import { formatName, parseName } from './unix/text.ts'

export type { UnixSocketOptions } from './unix/bind.ts'
export type { CredentialOptions } from './unix/credentials.ts'

export type UnixScheme = 'unix' | 'unixgram' | 'unixpacket'

/**
 * An address of a Unix socket, by exactly one of:
 *
 * - `path`: a file, 1 to 108 bytes without a NUL; a string where it is UTF-8, else bytes. In text it stands for itself,
 *   `%` and `?` included: `unix:/run/app.sock`. One that begins with `@` or `?`, is not UTF-8 or has a control
 *   character is written `unix:?path=%40name`, with `%XX` for a byte.
 * - `abstract`: a name outside the file system, 0 to 107 bytes of any value: `unix:@name`, with `%XX` for a byte that
 *   is not visible ASCII. `padded`, `unix:@name?padded`: filled up with NULs, which is another name, and the one of
 *   programs that do not tell the system how long theirs is.
 * - `unnamed`, `unixgram:?unnamed`: can only be bound to, and leaves the socket unbound: it can send and get no answer.
 * - `autobind`, `unix:?autobind`: the kernel picks a free abstract name.
 */
export type UnixAddress<S extends UnixScheme = UnixScheme> = {
  readonly family: 'unix'
  readonly scheme: S
} & NameFields

declare module '../core/address.ts' {
  interface SchemeMap {
    unix: { address: UnixAddress<'unix'>; kind: 'stream' }
    unixgram: { address: UnixAddress<'unixgram'>; kind: 'datagram' }
    unixpacket: { address: UnixAddress<'unixpacket'>; kind: 'datagram' }
  }
}

declare module '../core/options.ts' {
  interface SocketOptions extends UnixSocketOptions, CredentialOptions {}
}

/** `unix_dgram_sendmsg` refuses what is longer than the send buffer less 32 bytes of its own. */
const maxMessage = (option: (name: string) => unknown): number => (option('sendBuffer') as number) - 32
/** For the default of net.core.wmem_default. */
const DEFAULT_MAX_MESSAGE = 212_960

const schemes: Readonly<Record<UnixScheme, KernelScheme>> = {
  unix: { type: SOCK_STREAM, protocol: 0 },
  // unix(7): datagrams are reliable and keep their order, since a full receiver makes the sender wait.
  unixgram: {
    type: SOCK_DGRAM,
    protocol: 0,
    facts: { reliable: true, ordered: true, maxMessage: DEFAULT_MAX_MESSAGE },
    maxMessage,
  },
  unixpacket: { type: SOCK_SEQPACKET, protocol: 0, facts: { maxMessage: DEFAULT_MAX_MESSAGE }, maxMessage },
}

/** Unix sockets: unix(7). */
export const unixDefinition: KernelFamilyDefinition<UnixAddress> = {
  name: 'unix',
  domain: AF_UNIX,
  schemes,
  encode: (address) => encodeName(nameOf(address)),
  decode(bytes, scheme) {
    const name = decodeName(bytes)
    return name === undefined ? undefined : make(scheme, name)
  },
  parse(scheme, rest) {
    const address = make(scheme, parseName(scheme, rest))
    readName(address, `${scheme}:${rest}`)
    return address
  },
  format,
  ephemeral: (scheme) =>
    make(scheme, { path: join(tmpdir(), `polysocket-${process.pid}-${crypto.randomUUID()}.sock`) }),
  toSocat,
  resolve(address, purpose) {
    const { kind } = nameOf(address)
    if (kind === 'unnamed' && purpose !== 'bind')
      throw invalidAddress(format(address), `unnamed can be bound to; ${purpose} needs a name`)
    if (kind === 'autobind' && purpose !== 'bind' && purpose !== 'listen') {
      throw invalidAddress(format(address), `autobind can be bound to and listened on; ${purpose} needs a name`)
    }
    return [address]
  },
  adopted({ domain, type }) {
    const found = Object.entries(schemes).find(([, scheme]) => scheme.type === type)
    return domain === AF_UNIX && found !== undefined ? make(found[0], { unnamed: true }) : undefined
  },
  options: { receiveCredentials, receiveTimestamp: { ...receiveTimestamp, schemes: ['unixgram', 'unixpacket'] } },
  ancillary: { credentials: credentialsField, timestamp: timestampField },
  peerCredentials,
  bindOptions: { mode: checkMode, unlinkStale: checkUnlinkStale },
  explain: (error, address, { unlinkStale }) => explainUnix(error, nameOf(address), unlinkStale === true),
  aroundBind: (address, binding) => bindSteps(nameOf(address), format(address), binding),
  inherit: (inheritance, local) => inheritedRemoval(inheritance, local && boundPath(local)),
  node: {
    schemes: ['unix'],
    encode: toNodePath,
    decode(endpoint, scheme) {
      const path = 'path' in endpoint ? endpoint.path : ''
      return path === '' || path.startsWith('\0') ? undefined : make(scheme, { path })
    },
  },
  remedy: 'build a kernel with CONFIG_UNIX',
}

export const unix: AddressFamily<UnixAddress> = kernelFamily(unixDefinition)

function make(scheme: string, name: NameFields): UnixAddress {
  return { family: 'unix', scheme: scheme as UnixScheme, ...name }
}

function nameOf(address: UnixAddress): Name {
  if (!Object.hasOwn(schemes, address.scheme)) {
    throw invalidAddress(inspect(address), 'the scheme must be unix, unixgram or unixpacket')
  }
  return readName(address)
}

function boundPath(address: UnixAddress): Uint8Array | undefined {
  const name = nameOf(address)
  return name.kind === 'path' ? name.path : undefined
}

function format(address: UnixAddress): string {
  return `${address.scheme}:${formatName(nameOf(address))}`
}

function toSocat(address: UnixAddress): string {
  const name = nameOf(address)
  if (name.kind === 'unnamed' || name.kind === 'autobind')
    throw unsupported(`${format(address)} in socat`, 'it is no address that can be reached')
  const verb = address.scheme === 'unixgram' ? 'SENDTO' : 'CONNECT'
  const type = address.scheme === 'unixpacket' ? `,type=${SOCK_SEQPACKET}` : ''
  if (name.kind === 'path') return shellWord(`UNIX-${verb}:`, socatEscape(name.path), type)
  const padding = name.padded ? ',unix-tightsocklen=0' : ''
  return shellWord(`ABSTRACT-${verb}:`, socatEscape(name.abstract), type, padding)
}

/** libuv before 1.48, and so Node 20, pads an abstract name: another one than what the address says. */
function toNodePath(address: UnixAddress): NodeEndpoint {
  const name = nameOf(address)
  const remedy = 'which Node cannot open; use the kernel engine'
  if (name.kind !== 'path')
    throw unsupported(format(address), `it is ${name.kind === 'abstract' ? 'an abstract name' : name.kind}, ${remedy}`)
  const { path } = pathOf(name.path)
  if (typeof path !== 'string') throw unsupported(format(address), `its path is not UTF-8, ${remedy}`)
  return { path }
}
