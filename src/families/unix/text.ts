import { invalidAddress } from '../../core/address.ts'
import { type Name, type NameFields, pathOf } from './name.ts'

/**
 * What follows the scheme:
 *
 * - a path, which stands for itself: every character is taken as it is, `%` and `?` too
 * - `@name`, an abstract name of exactly these bytes; `@name?padded` for one filled up to 108 bytes; in the name `%XX`
 *   is one byte
 * - `?unnamed`, `?autobind`
 * - `?path=name`, with `%XX` for one byte: for a path that begins with `@` or `?`, is not UTF-8 or has a control
 *   character
 */
export function parseName(scheme: string, rest: string): NameFields {
  const fail = (part: string): never => {
    throw invalidAddress(`${scheme}:${rest}`, part)
  }
  if (rest.startsWith('@')) {
    const query = rest.indexOf('?')
    if (query < 0) return { abstract: decodePercent(rest.slice(1), fail) }
    if (rest.slice(query) !== '?padded')
      fail(`an abstract name is followed by ?padded, not by ${JSON.stringify(rest.slice(query))}; a ? in it is %3F`)
    return { abstract: decodePercent(rest.slice(1, query), fail), padded: true }
  }
  if (!rest.startsWith('?')) return { path: rest }
  if (rest === '?unnamed') return { unnamed: true }
  if (rest === '?autobind') return { autobind: true }
  if (rest.startsWith('?path=')) return pathOf(decodePercent(rest.slice('?path='.length), fail))
  return fail(
    `${JSON.stringify(rest)} is none of ?unnamed, ?autobind and ?path=; a path that begins with ? is ?path=%3F…`,
  )
}

export function formatName(name: Name): string {
  if (name.kind === 'unnamed') return '?unnamed'
  if (name.kind === 'autobind') return '?autobind'
  if (name.kind === 'abstract') return `@${encodePercent(name.abstract)}${name.padded ? '?padded' : ''}`
  const { path } = pathOf(name.path)
  const standsForItself = typeof path === 'string' && !/^[@?]|\p{Cc}/u.test(path)
  return standsForItself ? path : `?path=${encodePercent(name.path)}`
}

function decodePercent(text: string, fail: (part: string) => never): Uint8Array {
  const bytes: number[] = []
  const literal = Buffer.from(text)
  if (/\p{Surrogate}/u.test(text)) fail('the name has half a surrogate pair, which UTF-8 does not have')
  for (let at = 0; at < literal.length; at++) {
    const byte = literal[at] ?? 0
    if (byte !== PERCENT) {
      bytes.push(byte)
      continue
    }
    const digits = literal.toString('latin1', at + 1, at + 3)
    if (!/^[0-9a-f]{2}$/i.test(digits))
      fail(`the name has a % that no two hexadecimal digits follow: ${JSON.stringify(`%${digits}`)}; % itself is %25`)
    bytes.push(Number.parseInt(digits, 16))
    at += 2
  }
  return Uint8Array.from(bytes)
}

/** Everything but visible ASCII, and of that what has a meaning here. */
function encodePercent(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => {
    const plain = byte > 0x20 && byte < 0x7f && byte !== PERCENT && byte !== QUESTION
    return plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }).join('')
}

const PERCENT = 0x25
const QUESTION = 0x3f
