import { inspect } from 'node:util'
import { invalidAddress } from '../core/address.ts'
import type { AddressFamily } from '../core/family.ts'
import { NAME_SIZE } from '../engine/addon.ts'
import { factsOf, type KernelFamilyDefinition, kernelFamily } from '../engine/kernel-family.ts'
import { SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from '../engine/kernel-options.ts'
import { shellWord } from './socat.ts'

/**
 * Any socket that the kernel has, by the numbers that socket(2) takes and the bytes that bind(2) and connect(2) take.
 * The kind of endpoint follows from the type: SOCK_STREAM is a stream, any other carries messages. Each is received into
 * 65,536 bytes; a longer one (a frame of the loopback device, with packet(7)) is `truncated`.
 *
 * Domains that need more than socket(2), bind(2), connect(2), listen(2) and messages do not work: AF_ALG accepts without
 * listen(2), AF_XDP moves packets through shared memory. AF_MCTP refuses MSG_NOSIGNAL, which all of ours are sent with.
 */
export interface RawAddress {
  readonly family: 'raw'
  /** May be left out of an address that is passed in. */
  readonly scheme: 'raw'
  /** The AF_ number, 0 to 65535. */
  readonly domain: number
  /** SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_RAW 3, SOCK_RDM 4, SOCK_SEQPACKET 5. */
  readonly type: number
  /** 0 for the domain's default. */
  readonly protocol: number
  /**
   * The whole `struct sockaddr`, family included, in the machine's byte order: 2 to 128 bytes, or none to stay unbound.
   */
  readonly sockaddr: Uint8Array
}

declare module '../core/address.ts' {
  interface SchemeMap {
    raw: { address: RawAddress; kind: 'stream' | 'datagram' }
  }
}

const SOCK_RDM = 4
/** `struct sockaddr`'s sa_family. */
const SA_FAMILY = 2

/** Sockets of any family, told by numbers: socket(2). */
export const rawDefinition: KernelFamilyDefinition<RawAddress> = {
  name: 'raw',
  domain: [],
  // What the scheme alone can promise; `facts` says it for an address.
  schemes: { raw: { type: SOCK_DGRAM, protocol: 0, facts: { socket: 'any that the kernel has' } } },
  encode: (address) => Uint8Array.from(check(address).sockaddr),
  decode(name, _scheme, like) {
    if (name.length < SA_FAMILY || like === undefined) return undefined
    return { ...like, sockaddr: Uint8Array.from(name) }
  },
  parse(scheme, rest) {
    const fail = (part: string): never => {
      throw invalidAddress(`${scheme}:${rest}`, part)
    }
    const parts = rest.split(':')
    const [domain = '', type = '', protocol = '', hex = ''] = parts
    if (parts.length !== 4) fail(`it has ${parts.length} parts, not the four of raw:domain:type:protocol:sockaddr`)
    for (const [part, text] of Object.entries({ domain, type, protocol })) {
      if (!/^[0-9]+$/.test(text)) fail(`the ${part} ${JSON.stringify(text)} is not a decimal number`)
    }
    if (!/^([0-9a-f]{2})*$/i.test(hex)) fail('the sockaddr is not whole bytes in hexadecimal')
    const sockaddr = Uint8Array.from(Buffer.from(hex, 'hex'))
    return check(make(Number(domain), Number(type), Number(protocol), sockaddr), `${scheme}:${rest}`)
  },
  format(address) {
    const { domain, type, protocol, sockaddr } = check(address)
    return `raw:${domain}:${type}:${protocol}:${Buffer.from(sockaddr).toString('hex')}`
  },
  toSocat(address) {
    const { domain, type, protocol, sockaddr } = check(address)
    // socat writes the family in front of these bytes by itself.
    const data = `x${Buffer.from(sockaddr).toString('hex', SA_FAMILY)}`
    if (type === SOCK_STREAM) return shellWord(`SOCKET-CONNECT:${domain}:${protocol}:${data}`)
    if (type === SOCK_SEQPACKET) return shellWord(`SOCKET-CONNECT:${domain}:${protocol}:${data},type=${type}`)
    return shellWord(`SOCKET-SENDTO:${domain}:${type}:${protocol}:${data}`)
  },
  facts(address) {
    const { domain, type } = check(address)
    const facts = factsOf('raw', { type, facts: type === SOCK_RDM ? { reliable: true } : {} })
    return { ...facts, socket: `domain ${domain}, type ${type}` }
  },
  socket: (address) => check(address),
  adopted: ({ domain, type, protocol }) => make(domain, type, protocol, new Uint8Array(0)),
  resolve(address, purpose) {
    const isUnbound = check(address).sockaddr.length === 0
    if (isUnbound && (purpose === 'connect' || purpose === 'send')) {
      throw invalidAddress(rawDefinition.format(address), `the sockaddr is empty, and ${purpose} needs one`)
    }
    return [address]
  },
  aroundBind: (address) => ({ skip: check(address).sockaddr.length === 0 }),
  remedy: 'load the module of that domain (modprobe), or build a kernel that has it',
}

export const raw: AddressFamily<RawAddress> = kernelFamily(rawDefinition)

function make(domain: number, type: number, protocol: number, sockaddr: Uint8Array): RawAddress {
  return { family: 'raw', scheme: 'raw', domain, type, protocol, sockaddr }
}

function check(address: RawAddress, text?: string): RawAddress {
  const fail = (part: string): never => {
    throw invalidAddress(text ?? inspect(address, { maxArrayLength: 16, breakLength: Number.POSITIVE_INFINITY }), part)
  }
  const { domain, type, protocol, sockaddr }: { [field in keyof RawAddress]: unknown } = address
  if (!isNumber(domain, 0, 65_535)) fail(`the domain must be a whole number from 0 to 65535, not ${inspect(domain)}`)
  // What is above 15 are flags (SOCK_NONBLOCK, SOCK_CLOEXEC), which are the engine's business.
  if (!isNumber(type, 1, 15)) fail(`the type must be a whole number from 1 to 15, not ${inspect(type)}`)
  if (!isNumber(protocol, 0, 2 ** 31 - 1))
    fail(`the protocol must be a whole number from 0 to 2147483647, not ${inspect(protocol)}`)
  if (!(sockaddr instanceof Uint8Array)) return fail(`the sockaddr must be a Uint8Array, not ${inspect(sockaddr)}`)
  const { length } = sockaddr
  if (length !== 0 && length < SA_FAMILY) fail('the sockaddr is shorter than its family, which is 2 bytes')
  if (length > NAME_SIZE) fail(`the sockaddr is ${length} bytes long, and has at most ${NAME_SIZE}`)
  return address
}

function isNumber(value: unknown, least: number, most: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}
