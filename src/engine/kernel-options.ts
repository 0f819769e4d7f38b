import { endianness } from 'node:os'
import { inspect } from 'node:util'
import type { AddressBase } from '../core/address.ts'
import { wrongNumber, wrongType } from '../core/argument-errors.ts'

/** How a value becomes the bytes that setsockopt(2) takes, and back. */
export interface OptionCodec {
  /** Bytes to ask getsockopt(2) for; 0 for an option that can only be set. */
  readonly size: number
  /** Throws a `TypeError` for a value of the wrong shape and a `RangeError` for a number that cannot be, naming the `option`. */
  encode(value: unknown, option: string): Uint8Array
  decode(bytes: Uint8Array): unknown
}

/** One named option: see setsockopt(2) for what level and name are. */
export interface KernelOption {
  readonly level: number
  readonly name: number
  readonly codec: OptionCodec
  /** When it is set if it was given on opening: on the new socket, or on the bound one before it connects or listens. */
  readonly phase: 'socket' | 'bound'
  /**
   * Whether the kernel gives what a listening socket has to each connection that it accepts. Default false: it is set on each
   * of them, too.
   */
  readonly isInherited?: boolean
  /** The schemes that know it; for any other it is `ERR_OPTION_UNKNOWN`. Default: every scheme of the family. */
  readonly schemes?: readonly string[]
  /**
   * Set to the same value after this one, and never read: an IPv6 socket that carries IPv4 as well keeps some settings
   * twice. Its failure is the option's.
   */
  readonly also?: KernelOption
  /** The field of `Message` that it brings when it is on. */
  readonly brings?: string
  /** Whether a failure with this system code counts as success for this value. Default: none does. */
  forgives?(value: unknown, code: string): boolean
}

/**
 * An option of a family. The function form is for an option that is not the same on all of its sockets: on those of AF_INET
 * and AF_INET6, say. `value` is what is to be set, and `undefined` when the option is read.
 */
export type FamilyOption = KernelOption | ((socket: OptionSubject, value?: unknown) => KernelOption)

/** The socket that an option is wanted for. */
export interface OptionSubject {
  /** The AF_ number. */
  readonly domain: number
  /** The address that the socket was opened with, or one to stand for it where somebody else opened it. */
  readonly address: AddressBase
}

/** The machine's own byte order, for a `DataView`. */
export const littleEndian: boolean = endianness() === 'LE'

/** A view of exactly these bytes, which may stand anywhere in a larger buffer. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** An `int` in the machine's own byte order. */
export function encodeInt(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  viewOf(bytes).setInt32(0, value, littleEndian)
  return bytes
}

export function decodeInt(bytes: Uint8Array, offset = 0): number {
  return viewOf(bytes).getInt32(offset, littleEndian)
}

/** `true` and `false` as an int of 1 and 0. */
export const boolean: OptionCodec = {
  size: 4,
  encode(value, option) {
    if (typeof value !== 'boolean') throw wrongType(`${option} must be true or false, not ${inspect(value)}`)
    return encodeInt(value ? 1 : 0)
  },
  decode: (bytes) => decodeInt(bytes) !== 0,
}

const INT_MAX = 2 ** 31 - 1

/** A whole number of this range. */
export function whole(least: number, most: number): OptionCodec {
  const range = most === INT_MAX ? `, ${least} or more` : ` from ${least} to ${most}`
  return {
    size: 4,
    encode(value, option) {
      if (!isWhole(value, least, most)) {
        throw wrongNumber(value, `${option} must be a whole number${range}, not ${inspect(value)}`)
      }
      return encodeInt(value)
    },
    decode: (bytes) => decodeInt(bytes),
  }
}

/** A size or a count: 0 or more. The kernel would read a negative one as an enormous one. */
export const count: OptionCodec = whole(0, INT_MAX)

/** Milliseconds for us, seconds for the kernel: rounded up, since 0 seconds is not what a short time means. */
export function secondsFromMilliseconds(most: number): OptionCodec {
  return {
    size: 4,
    encode(value, option) {
      if (typeof value !== 'number' || !(value > 0 && value <= most * 1000)) {
        const range = `a number of milliseconds above 0, up to ${most * 1000}`
        throw wrongNumber(value, `${option} must be ${range}, not ${inspect(value)}`)
      }
      return encodeInt(Math.ceil(value / 1000))
    },
    decode: (bytes) => decodeInt(bytes) * 1000,
  }
}

/** `struct linger`: seconds, or `false` for none. */
export const lingerSeconds: OptionCodec = {
  size: 8,
  encode(value, option) {
    if (value !== false && !isWhole(value, 0, INT_MAX)) {
      throw wrongNumber(value, `${option} must be a whole number of seconds or false, not ${inspect(value)}`)
    }
    const bytes = new Uint8Array(8)
    bytes.set(encodeInt(value === false ? 0 : 1), 0)
    bytes.set(encodeInt(value === false ? 0 : value), 4)
    return bytes
  },
  decode: (bytes) => (decodeInt(bytes, 0) === 0 ? false : decodeInt(bytes, 4)),
}

/** For an option that is an action rather than a value: it can be set and not read. */
export function writeOnly(encode: OptionCodec['encode']): OptionCodec {
  return { size: 0, encode, decode: () => undefined }
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}

/**
 * Numbers of socket(7) as in Linux's asm-generic/socket.h: those of x86, ARM, RISC-V, POWER, s390 and LoongArch, which
 * are the machines that Node runs on. MIPS numbers them otherwise.
 */
export const SOL_SOCKET = 1
export const SO_REUSEADDR = 2
export const SO_TYPE = 3
export const SO_ERROR = 4
export const SO_BROADCAST = 6
export const SO_SNDBUF = 7
export const SO_RCVBUF = 8
export const SO_KEEPALIVE = 9
export const SO_LINGER = 13
export const SO_REUSEPORT = 15
export const SO_ACCEPTCONN = 30
export const SO_PROTOCOL = 38
export const SO_DOMAIN = 39

/** socket(2)'s types. */
export const SOCK_STREAM = 1
export const SOCK_DGRAM = 2
export const SOCK_RAW = 3
export const SOCK_SEQPACKET = 5

/** The options of socket(7) that every family has. `SocketOptions` says what each is. */
export const socketLevelOptions: Readonly<Record<'receiveBuffer' | 'sendBuffer', KernelOption>> = {
  receiveBuffer: { level: SOL_SOCKET, name: SO_RCVBUF, codec: count, phase: 'socket' },
  sendBuffer: { level: SOL_SOCKET, name: SO_SNDBUF, codec: count, phase: 'socket' },
}
