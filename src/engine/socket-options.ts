import { wrongNumber, wrongType } from '../core/argument-errors.ts'
import { because, SocketError, systemError, unknownOption, wordsOf } from '../core/errors.ts'
import { CORE_OPTIONS, type RawOption } from '../core/options.ts'
import type { Addon } from './addon.ts'
import { type FamilyOption, type KernelOption, type OptionSubject, socketLevelOptions } from './kernel-options.ts'

/** The options that a socket knows by name. */
export interface NamedOptions {
  readonly scheme: string
  /** `undefined` for a name that the scheme does not have. `value` is what is to be set; `undefined` when it is read. */
  option(name: string, value?: unknown): KernelOption | undefined
  /** Those that there are. */
  optionNames(): string[]
}

/** A family, as far as its options go. */
interface FamilyOptions {
  readonly options?: Readonly<Record<string, FamilyOption>>
}

/** The options of a family's own and those of socket(7), as this socket has them. */
export function namedOptions(family: FamilyOptions, socket: OptionSubject): NamedOptions {
  return {
    scheme: socket.address.scheme,
    option: (name, value) => findOption(family, socket, name, value),
    optionNames: () => optionNames(family, socket),
  }
}

/** `undefined` where the socket has no such option; see `NamedOptions.option`. */
export function findOption(
  { options = {} }: FamilyOptions,
  socket: OptionSubject,
  name: string,
  value?: unknown,
): KernelOption | undefined {
  const table: Readonly<Record<string, FamilyOption>> = Object.hasOwn(options, name) ? options : socketLevelOptions
  const found = Object.hasOwn(table, name) ? table[name] : undefined
  const known = typeof found === 'function' ? found(socket, value) : found
  return known?.schemes === undefined || known.schemes.includes(socket.address.scheme) ? known : undefined
}

export function optionNames(family: FamilyOptions, socket: OptionSubject): string[] {
  const all = Object.keys({ ...socketLevelOptions, ...family.options })
  return all.filter((name) => findOption(family, socket, name) !== undefined)
}

/** Throws `ERR_OPTION_UNKNOWN` for a name that is neither one of the socket's nor among `others`. */
export function checkNames(
  names: NamedOptions,
  options: Readonly<Record<string, unknown>>,
  others: readonly string[],
): void {
  for (const [name, value] of Object.entries(options)) {
    if (others.includes(name) || names.option(name, value) !== undefined) continue
    throw unknownOption(names.scheme, name, [...names.optionNames(), ...others, ...CORE_OPTIONS])
  }
}

/** Before a socket is opened: each value has to be one that its option can have. */
export function checkValues(names: NamedOptions, options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) encodeAll(names.option(name, value), name, value)
}

/** What setsockopt(2) gets for it, and for what goes with it. Throws before anything is set. */
function encodeAll(option: KernelOption | undefined, name: string, value: unknown): [KernelOption, Uint8Array][] {
  const all: [KernelOption, Uint8Array][] = []
  for (let each = option; each !== undefined; each = each.also) all.push([each, each.codec.encode(value, name)])
  return all
}

/** getsockopt(2): the decoded value of a named option, the bytes of one given by its numbers. */
export function readOption(addon: Addon, fd: number, names: NamedOptions, option: string | RawOption): unknown {
  if (typeof option !== 'string') {
    return getsockopt(addon, fd, checkRawOption(option), option.length ?? 4, option)
  }
  const known = lookUp(names, option)
  if (known.codec.size === 0) throw new SocketError('ERR_UNSUPPORTED', `the option ${option} can be set, not read`)
  return known.codec.decode(getsockopt(addon, fd, known, known.codec.size, option))
}

/** setsockopt(2), of what the value encodes to, or of the bytes themselves for an option given by its numbers. */
export function writeOption(
  addon: Addon,
  fd: number,
  names: NamedOptions,
  option: string | RawOption,
  value: unknown,
): void {
  if (typeof option !== 'string') {
    const { level, name } = checkRawOption(option)
    if (!(value instanceof Uint8Array)) {
      throw wrongType('the value of an option given by its numbers must be a Uint8Array')
    }
    const result = addon.setsockopt(fd, level, name, value)
    if (result < 0) throw failure(result, 'setsockopt', option)
    return
  }
  for (const [known, bytes] of encodeAll(lookUp(names, option, value), option, value)) {
    const result = addon.setsockopt(fd, known.level, known.name, bytes)
    if (result >= 0) continue
    const error = failure(result, 'setsockopt', option)
    if (!known.forgives?.(value, error.code)) throw error
  }
}

function getsockopt(
  addon: Addon,
  fd: number,
  { level, name }: RawOption,
  size: number,
  option: string | RawOption,
): Buffer {
  const value = Buffer.alloc(size)
  const length = addon.getsockopt(fd, level, name, value)
  if (length < 0) throw failure(length, 'getsockopt', option)
  return value.subarray(0, length)
}

/** `setsockopt ENOPROTOOPT: noDelay: protocol not available` */
function failure(errno: number, call: string, option: string | RawOption): SocketError {
  const error = systemError(errno, call)
  const name = typeof option === 'string' ? option : `level ${option.level}, name ${option.name}`
  return because(error, `${name}: ${wordsOf(errno) ?? 'the system refused it'}`)
}

function lookUp(names: NamedOptions, option: string, value?: unknown): KernelOption {
  const known = names.option(option, value)
  if (known === undefined) throw unknownOption(names.scheme, option, names.optionNames())
  return known
}

function checkRawOption(option: RawOption): RawOption {
  const isRaw = typeof option === 'object' && option !== null
  if (!isRaw || !Number.isInteger(option.level) || !Number.isInteger(option.name)) {
    throw wrongType('an option is a name, or { level, name } in numbers')
  }
  const { length = 4 } = option
  if (!Number.isInteger(length) || length < 1 || length > 65_536) {
    throw wrongNumber(length, 'length must be 1 to 65536 bytes')
  }
  return option
}
