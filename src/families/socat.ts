import { unsupported } from '../core/errors.ts'

/** Puts a backslash before what has a meaning to socat inside an address; see socat(1), "ADDRESS SPECIFICATIONS". */
export function socatEscape(text: string | Uint8Array): Buffer {
  const escaped: number[] = []
  for (const byte of Buffer.from(text)) {
    if (byte === 0) throw unsupported('this address in socat', 'no argument of a program can have a NUL in it')
    if (MEANINGFUL.includes(byte)) escaped.push(BACKSLASH)
    escaped.push(byte)
  }
  return Buffer.from(escaped)
}

/** A socat address as one word of a shell; quoted only where the shell would read it otherwise. */
export function shellWord(...parts: readonly (string | Uint8Array)[]): string {
  const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)))
  const text = bytes.toString('utf8')
  if (/^[\w@%+=:,./[\]-]+$/.test(text)) return text
  const isText = Buffer.from(text, 'utf8').equals(bytes)
  if (isText && !/\p{Cc}/u.test(text)) return `'${text.replaceAll("'", "'\\''")}'`
  // What no text can hold, the shell reads as $'…', with bytes in hexadecimal: bash, zsh, ksh, POSIX 2024.
  return `$'${[...bytes].map(quoteByte).join('')}'`
}

const BACKSLASH = 0x5c
const MEANINGFUL = Buffer.from('\\"\'()[]{}:,!', 'ascii')

function quoteByte(byte: number): string {
  const character = String.fromCharCode(byte)
  if (character === "'" || character === '\\') return `\\${character}`
  return byte >= 0x20 && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, '0')}`
}
