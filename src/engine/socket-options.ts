import { SocketError, systemError } from '../core/errors.ts'
import type { RawOption } from '../core/options.ts'
import type { Addon } from './addon.ts'
import { type FamilyOption, type KernelOption, type OptionSubject, socketLevelOptions } from './kernel-options.ts'

/** The options that a socket knows by name. */
export interface NamedOptions {
  readonly scheme: string
  /** `undefined` for a name that the scheme does not have. `value` is what is to be set; `undefined` when it is read. */
  option(name: string, value?: unknown): KernelOption | undefined
}

/** A family, as far as its options go. */
interface FamilyOptions {
  readonly options?: Readonly<Record<string, FamilyOption>>
}

/** The options of a family's own and those of socket(7), as this socket has them. */
export function namedOptions(family: FamilyOptions, socket: OptionSubject): NamedOptions {
  return { scheme: socket.address.scheme, option: (name, value) => findOption(family, socket, name, value) }
}

/** `undefined` where the socket has no such option; see `NamedOptions.option`. */
export function findOption(
  { options = {} }: FamilyOptions,
  socket: OptionSubject,
  name: string,
  value: unknown,
): KernelOption | undefined {
  const table = Object.hasOwn(options, name) ? options : socketLevelOptions
  const found = Object.hasOwn(table, name) ? table[name] : undefined
  const known = typeof found === 'function' ? found(socket, value) : found
  return known?.schemes === undefined || known.schemes.includes(socket.address.scheme) ? known : undefined
}

/** getsockopt(2): the decoded value of a named option, the bytes of one given by its numbers. */
export function readOption(addon: Addon, fd: number, names: NamedOptions, option: string | RawOption): unknown {
  if (typeof option !== 'string') {
    const { level, name, length = 4 } = checkRawOption(option)
    return getsockopt(addon, fd, level, name, length)
  }
  const known = lookUp(names, option)
  if (known.codec.size === 0) throw new SocketError('ERR_UNSUPPORTED', `the option ${option} can be set, not read`)
  return known.codec.decode(getsockopt(addon, fd, known.level, known.name, known.codec.size))
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
      throw new TypeError('the value of an option given by its numbers must be a Uint8Array')
    }
    const result = addon.setsockopt(fd, level, name, value)
    if (result < 0) throw systemError(result, 'setsockopt')
    return
  }
  for (let known: KernelOption | undefined = lookUp(names, option, value); known !== undefined; known = known.also) {
    const result = addon.setsockopt(fd, known.level, known.name, known.codec.encode(value))
    if (result >= 0) continue
    const error = systemError(result, 'setsockopt')
    if (!known.forgives?.(value, error.code)) throw error
  }
}

function getsockopt(addon: Addon, fd: number, level: number, name: number, size: number): Buffer {
  const value = Buffer.alloc(size)
  const length = addon.getsockopt(fd, level, name, value)
  if (length < 0) throw systemError(length, 'getsockopt')
  return value.subarray(0, length)
}

function lookUp(names: NamedOptions, option: string, value?: unknown): KernelOption {
  const known = names.option(option, value)
  if (known === undefined) throw unknownOption(option, names.scheme)
  return known
}

export function unknownOption(option: string, scheme: string): SocketError {
  return new SocketError('ERR_OPTION_UNKNOWN', `${scheme} has no option ${JSON.stringify(option)}`)
}

function checkRawOption(option: RawOption): RawOption {
  const isRaw = typeof option === 'object' && option !== null
  if (!isRaw || !Number.isInteger(option.level) || !Number.isInteger(option.name)) {
    throw new TypeError('an option is a name, or { level, name } in numbers')
  }
  const { length = 4 } = option
  if (!Number.isInteger(length) || length < 1 || length > 65_536) throw new TypeError('length must be 1 to 65536 bytes')
  return option
}
