import { InvalidArgumentError, Option } from 'commander'
import type { EngineName, OpenOptions } from '../index.ts'

type Named = Readonly<Record<string, unknown>>

/** What the flags below become in commander's hands. */
export interface OpenFlags {
  readonly timeout?: number
  readonly engine?: EngineName
  readonly local?: string
}

export const timeoutFlag: Option = new Option(
  '--timeout <ms>',
  'give up connecting, or waiting for a connection, after so long',
).argParser(milliseconds)

export const localFlag: Option = new Option('--local <address>', 'our own address when we connect')

export const engineFlag: Option = new Option('--engine <name>', 'what moves the bytes').choices(['kernel', 'node'])

/** A flag that may be repeated, each time with another option of the library. */
export function optionFlag(flags: string, what: string): Option {
  return new Option(`${flags} <name=value>`, what).argParser(addOption)
}

/** A flag that may be repeated, each time with another text. */
export function listFlag(flags: string, what: string): Option {
  return new Option(flags, what).argParser((text: string, before: readonly string[] = []) => [...before, text])
}

/** The library's options, of which only those are there that were given. */
export function openOptions({ timeout, engine, local }: OpenFlags, named: Named = {}): OpenOptions {
  return {
    ...named,
    ...(timeout !== undefined && { timeout }),
    ...(engine !== undefined && { engine }),
    ...(local !== undefined && { local }),
  }
}

/** Options that are objects, and the field that a text alone stands for: `service=spp` is `service={"uuid":"spp"}`. */
const MAIN_FIELDS: ReadonlyMap<string, string> = new Map([['service', 'uuid']])

/** `mode=0o660`, `unlinkStale=true`, `congestion=cubic`: JSON or a number where it is one, else text. */
function addOption(text: string, before: Named = {}): Named {
  const equals = text.indexOf('=')
  if (equals < 1) throw new InvalidArgumentError('It must be name=value.')
  const name = text.slice(0, equals)
  const value = text.slice(equals + 1)
  const field = MAIN_FIELDS.get(name)
  return { ...before, [name]: field === undefined || value.startsWith('{') ? parseValue(value) : { [field]: value } }
}

function parseValue(text: string): unknown {
  if (/^0[xob][0-9a-f]+$/i.test(text)) return Number(text)
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

export function milliseconds(text: string): number {
  const value = Number(text)
  // setTimeout takes no more.
  if (!/^\d+$/.test(text) || value >= 2 ** 31) throw new InvalidArgumentError('It must be a number of milliseconds.')
  return value
}

export function positive(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be a whole number, 1 or more.')
  return Number(text)
}
