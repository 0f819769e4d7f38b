import { inspect } from 'node:util'
import { type AddressBase, invalidAddress } from '../../core/address.ts'
import { littleEndian, viewOf } from '../../engine/kernel-options.ts'

export const AF_UNIX = 1
/** `sun_path`, all of which may be used: the kernel needs no NUL at its end. */
export const SUN_PATH = 108
/** An abstract name begins with a NUL, which is not part of it. */
const MAX_ABSTRACT = SUN_PATH - 1

/** A Unix socket's name as bytes, checked: what an address and a sockaddr have in common. */
export type Name =
  | { readonly kind: 'path'; readonly path: Buffer }
  | { readonly kind: 'abstract'; readonly abstract: Buffer; readonly padded: boolean }
  | { readonly kind: 'unnamed' }
  | { readonly kind: 'autobind' }

/** What an address object says, besides its family and scheme. */
export type NameFields =
  | {
      readonly path: string | Uint8Array
      readonly abstract?: never
      readonly padded?: never
      readonly unnamed?: never
      readonly autobind?: never
    }
  | {
      readonly abstract: Uint8Array
      readonly padded?: boolean
      readonly path?: never
      readonly unnamed?: never
      readonly autobind?: never
    }
  | {
      readonly unnamed: true
      readonly path?: never
      readonly abstract?: never
      readonly padded?: never
      readonly autobind?: never
    }
  | {
      readonly autobind: true
      readonly path?: never
      readonly abstract?: never
      readonly padded?: never
      readonly unnamed?: never
    }

/** Reads an address object; `text` is what the error shows in its place where it came from a text. */
export function readName(address: AddressBase & NameFields, text?: string): Name {
  const fail = (part: string): never => {
    throw invalidAddress(text ?? inspect(address, { maxArrayLength: 16, breakLength: Number.POSITIVE_INFINITY }), part)
  }
  const fields: Partial<Record<'path' | 'abstract' | 'padded' | 'unnamed' | 'autobind', unknown>> = address
  const { path, abstract, padded, unnamed, autobind } = fields
  const given = count(path) + count(abstract) + count(unnamed) + count(autobind)
  if (given !== 1) fail('it has exactly one of path, abstract, unnamed and autobind')
  if (padded !== undefined && (typeof padded !== 'boolean' || abstract === undefined))
    fail('padded is true or false, and goes with abstract')
  if (path !== undefined) return { kind: 'path', path: readPath(path, fail) }
  if (abstract !== undefined)
    return { kind: 'abstract', abstract: readAbstract(abstract, fail), padded: padded === true }
  if (unnamed !== undefined) return unnamed === true ? { kind: 'unnamed' } : fail('unnamed can only be true')
  return autobind === true ? { kind: 'autobind' } : fail('autobind can only be true')
}

const count = (field: unknown): number => (field === undefined ? 0 : 1)

function readPath(path: unknown, fail: (part: string) => never): Buffer {
  if (typeof path !== 'string' && !(path instanceof Uint8Array))
    return fail(`the path must be a string or bytes, not ${inspect(path)}`)
  if (typeof path === 'string' && /\p{Surrogate}/u.test(path))
    fail('the path has half a surrogate pair, which UTF-8 does not have')
  const bytes = Buffer.from(path)
  if (bytes.length === 0) fail('the path is empty')
  if (bytes.includes(0)) fail('the path has a NUL in it')
  if (bytes.length > SUN_PATH)
    fail(`the path is ${bytes.length} bytes long, and a Unix socket's has at most ${SUN_PATH}`)
  return bytes
}

function readAbstract(abstract: unknown, fail: (part: string) => never): Buffer {
  if (!(abstract instanceof Uint8Array)) return fail(`the abstract name must be a Uint8Array, not ${inspect(abstract)}`)
  if (abstract.length > MAX_ABSTRACT)
    fail(`the abstract name is ${abstract.length} bytes long, and has at most ${MAX_ABSTRACT}`)
  return Buffer.from(abstract)
}

/** `struct sockaddr_un`, exactly as long as the kernel is to see it. */
export function encodeName(name: Name): Uint8Array {
  if (name.kind === 'unnamed' || name.kind === 'autobind') return sockaddr(new Uint8Array(0), 0)
  // unix(7) asks for a NUL after the path. Where the path fills sun_path there is no room, and the kernel adds its own.
  if (name.kind === 'path') return sockaddr(name.path, Math.min(name.path.length + 1, SUN_PATH))
  const withNul = Buffer.concat([Buffer.alloc(1), name.abstract])
  return sockaddr(withNul, name.padded ? SUN_PATH : withNul.length)
}

function sockaddr(sunPath: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(2 + length)
  viewOf(bytes).setUint16(0, AF_UNIX, littleEndian)
  bytes.set(sunPath, 2)
  return bytes
}

/**
 * The name in a sockaddr that the kernel reported; `undefined` for an unnamed socket. An abstract name that fills all
 * of sun_path and ends in NUL is a padded one, of the bytes before the NULs: encoded again it is the same.
 */
export function decodeName(bytes: Uint8Array): NameFields | undefined {
  const sunPath = Buffer.from(bytes.subarray(2))
  if (sunPath.length === 0) return undefined
  if (sunPath[0] === 0) {
    const abstract = Uint8Array.from(sunPath.subarray(1))
    const isPadded = sunPath.length === SUN_PATH && sunPath.at(-1) === 0
    return isPadded
      ? { abstract: abstract.slice(0, abstract.findLastIndex((byte) => byte !== 0) + 1), padded: true }
      : { abstract }
  }
  const end = sunPath.indexOf(0)
  return pathOf(end < 0 ? sunPath : sunPath.subarray(0, end))
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A path as text where it is UTF-8, else as its bytes. */
export function pathOf(bytes: Uint8Array): { path: string | Uint8Array } {
  try {
    return { path: utf8.decode(bytes) }
  } catch {
    return { path: Uint8Array.from(bytes) }
  }
}
