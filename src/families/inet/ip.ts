import { isIPv4, isIPv6 } from 'node:net'

/**
 * The four bytes of a dotted address; `undefined` for anything but exactly four decimal parts without leading zeros.
 */
export function ipv4Bytes(text: string): Uint8Array | undefined {
  return isIPv4(text) ? Uint8Array.from(text.split('.'), Number) : undefined
}

export function ipv4Text(bytes: Uint8Array): string {
  return bytes.join('.')
}

/** The sixteen bytes of an IPv6 address in any of the forms of RFC 4291 section 2.2, without a zone. */
export function ipv6Bytes(text: string): Uint8Array | undefined {
  if (text.includes('%') || !isIPv6(text)) return undefined
  const [head = '', tail = ''] = text.split('::')
  const first = groupBytes(head)
  const last = groupBytes(tail)
  const bytes = new Uint8Array(16)
  bytes.set(first, 0)
  bytes.set(last, bytes.length - last.length)
  return bytes
}

function groupBytes(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number)
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 0xff]
  })
}

/** The canonical text of RFC 5952: lower case, the longest run of zeros shortened, IPv4-mapped addresses dotted. */
export function ipv6Text(bytes: Uint8Array): string {
  if (isMapped(bytes)) return `::ffff:${ipv4Text(bytes.subarray(12))}`
  const groups: number[] = []
  for (let at = 0; at < 16; at += 2) groups.push(((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0))
  const { start, length } = longestRunOfZeros(groups)
  const text = (part: number[]): string => part.map((group) => group.toString(16)).join(':')
  if (length < 2) return text(groups)
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`
}

/** `::ffff:0:0/96`, RFC 4291 section 2.5.5.2: an IPv4 address as an IPv6 socket sees it. */
export function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff
}

function longestRunOfZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  groups.forEach((group, at) => {
    if (group !== 0) start = at + 1
    else if (at + 1 - start > best.length) best = { start, length: at + 1 - start }
  })
  return best
}
