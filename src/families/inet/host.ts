import { domainToASCII } from 'node:url'
import { isInterfaceName } from './interfaces.ts'
import { ipv4Bytes, ipv6Bytes, ipv6Text } from './ip.ts'

/** Throws the address's error; told which part is wrong and why. */
export type Fail = (part: string) => never

/** The wildcard: every address of this machine, IPv4 and IPv6. */
export const ANY = '*'

export interface Host {
  /** Canonical: `*`, an IPv4 address, an IPv6 address with or without a zone, or a name in lower case. */
  readonly text: string
  /** 4 or 16 bytes; absent for `*` and a name. */
  readonly address?: Uint8Array
  /** The interface that an IPv6 address is meant on, by name or number. */
  readonly zone?: string
}

/** Every message that is sent names its host, and mostly the same ones. */
const read = new Map<string, Host>()
const REMEMBERED = 1024

/** Reads a host without brackets. */
export function readHost(host: string, fail: Fail): Host {
  const before = read.get(host)
  if (before !== undefined) return before
  const found = readAny(host, fail)
  if (read.size >= REMEMBERED) read.clear()
  read.set(host, found)
  return found
}

function readAny(host: string, fail: Fail): Host {
  const ipv4 = ipv4Bytes(host)
  if (ipv4 !== undefined) return { text: host, address: ipv4 }
  if (host === '') fail('the host is empty; * stands for every address')
  if (host === ANY) return { text: host }
  if (host.includes('\0')) fail('the host has a NUL in it')
  if (host.includes(':') || host.includes('%')) return readIPv6(host, fail)
  if (looksLikeIPv4(host)) fail(`the host ${host} is no IPv4 address: four numbers from 0 to 255, no leading zeros`)
  return { text: canonicalName(host, fail) }
}

function readIPv6(host: string, fail: Fail): Host {
  const percent = host.indexOf('%')
  const address = ipv6Bytes(percent < 0 ? host : host.slice(0, percent))
  if (address === undefined) return fail(`the host ${host} is no IPv6 address`)
  const text = ipv6Text(address)
  if (percent < 0) return { text, address }
  const zone = canonicalZone(host.slice(percent + 1), fail)
  return { text: `${text}%${zone}`, address, zone }
}

/** An interface, by name or number: RFC 4007 section 11. Zone 0 would mean none. */
function canonicalZone(zone: string, fail: Fail): string {
  if (/^[0-9]+$/.test(zone)) {
    const index = Number(zone)
    return index > 0 && index < 2 ** 31 ? String(index) : fail(`the zone ${zone} is no interface number`)
  }
  return isInterfaceName(zone) ? zone : fail(`the zone ${JSON.stringify(zone)} is no interface name or number`)
}

/**
 * getaddrinfo(3) takes whatever inet_aton(3) takes, so that 1.2.3 is 1.2.0.3 and 01.2.3.4 is octal. No host name ends
 * in a number (RFC 3696 section 2), so what does is meant as an address and has to be a whole one.
 */
function looksLikeIPv4(host: string): boolean {
  const labels = host.replace(/\.$/, '').split('.')
  return /^([0-9]+|0x[0-9a-f]*)$/i.test(labels.at(-1) ?? '')
}

/** RFC 1123 section 2.1 and RFC 1035 section 2.3.4, with the underscore that many real names have. */
function canonicalName(host: string, fail: Fail): string {
  const name = host.toLowerCase()
  if (/\P{ASCII}/u.test(name)) {
    const ascii = domainToASCII(host)
    const hint = ascii === '' ? 'write it in punycode (xn--…)' : `write it in punycode: ${ascii}`
    fail(`the host ${JSON.stringify(host)} is not ASCII; ${hint}`)
  }
  const wrong = /[^a-z0-9._-]/.exec(name)
  if (wrong !== null) {
    const why = wrong[0] === '@' ? 'an address names no user' : 'a host name has letters, digits, hyphens and dots'
    fail(`the host has ${JSON.stringify(wrong[0])} in it; ${why}`)
  }
  const whole = name.replace(/\.$/, '')
  if (whole.length > 253) fail(`the host is ${whole.length} characters long, and a name has at most 253`)
  for (const label of whole.split('.')) {
    if (label === '') fail('the host has an empty label: a dot too many')
    if (label.length > 63) fail(`the host has a label of ${label.length} characters, and a label has at most 63`)
  }
  return name
}
