import { invalidAddress } from '../../core/address.ts'
import { type Faults, faultsProblem, formatFaults, given, parseFaults } from './faults.ts'

/** A name inside this JavaScript thread; other threads and processes have names of their own. */
export interface MemoryAddress {
  readonly family: 'memory'
  /** `memory` makes streams, `memorygram` datagrams; each has its own names. */
  readonly scheme: 'memory' | 'memorygram'
  /** Any text but the empty one, without NUL. Sockets that were given none are named `#1`, `#2` and so on. */
  readonly name: string
  /** What goes wrong on the link of the socket that is opened with this address. Absent in what sockets report. */
  readonly faults?: Faults
}

/** `%` and what ends the name, and control characters, which would spoil a log line. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const ESCAPED = /[%?&\u0000-\u001f\u007f-\u009f]/g

export function parseMemoryAddress(scheme: string, rest: string): MemoryAddress {
  const text = `${scheme}:${rest}`
  if (scheme !== 'memory' && scheme !== 'memorygram')
    throw invalidAddress(text, 'the scheme is neither memory nor memorygram')
  const [, encoded = '', query] = /^([^?]*)(?:\?(.*))?$/s.exec(rest) ?? []
  const name = decodeName(encoded)
  if (name === undefined)
    throw invalidAddress(text, 'the name has a % that two hexadecimal digits of UTF-8 do not follow')
  checkName(name, text)
  if (query === undefined) return { family: 'memory', scheme, name }
  const faults = parseFaults(query)
  if (typeof faults === 'string') throw invalidAddress(text, faults)
  return { family: 'memory', scheme, name, faults }
}

export function formatMemoryAddress(address: MemoryAddress): string {
  const { scheme, name, faults } = address
  if (typeof name !== 'string') throw invalidAddress(address, 'the name is not a string')
  checkName(name, address)
  const problem = faults === undefined ? undefined : faultsProblem(faults)
  if (problem !== undefined) throw invalidAddress(address, problem)
  const query = formatFaults(faults ?? {})
  return `${scheme}:${name.replace(ESCAPED, encodeURIComponent)}${query === '' ? '' : `?${query}`}`
}

/** The address without its faults: who it is, not how its link behaves. */
export function plain(address: MemoryAddress): MemoryAddress {
  return { family: 'memory', scheme: address.scheme, name: address.name }
}

/** The faults of several sources, the later over the earlier; `undefined` where none gives any. */
export function mergedFaults(...sources: readonly (Faults | undefined)[]): Faults | undefined {
  if (sources.every((faults) => faults === undefined)) return undefined
  return Object.assign({}, ...sources.map((faults) => given(faults ?? {})))
}

function checkName(name: string, address: string | MemoryAddress): void {
  if (name === '') throw invalidAddress(address, 'the name is empty')
  if (name.includes('\0')) throw invalidAddress(address, 'the name contains NUL')
}

function decodeName(encoded: string): string | undefined {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}
