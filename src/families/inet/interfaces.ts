import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { ipv6Bytes, ipv6Text } from './ip.ts'

/** The number of a network interface: of its name, or of a text that is its number already. */
export function interfaceIndex(name: string): number | undefined {
  if (/^[0-9]+$/.test(name)) {
    const index = Number(name)
    return index < 2 ** 31 ? index : undefined
  }
  return scopeOf(name) ?? indexInSysfs(name)
}

/** The name of the interface with this number; `undefined` where the system does not list one. */
export function interfaceName(index: number): string | undefined {
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some((one) => one.family === 'IPv6' && one.scopeid === index)) return name
  }
  return undefined
}

/** The name of the interface that has this IP address. */
export function interfaceOfAddress(address: string): string | undefined {
  const wanted = canonical(address)
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (addresses?.some((one) => canonical(one.address) === wanted)) return name
  }
  return undefined
}

function canonical(address: string): string {
  const bytes = isIP(address) === 6 ? ipv6Bytes(address) : undefined
  return bytes === undefined ? address : ipv6Text(bytes)
}

/** Node gives an interface's number only with a link-local address, as that address's scope. */
function scopeOf(name: string): number | undefined {
  const addresses = networkInterfaces()[name] ?? []
  for (const one of addresses) {
    if (one.family === 'IPv6' && one.scopeid > 0) return one.scopeid
  }
  return undefined
}

function indexInSysfs(name: string): number | undefined {
  if (!isInterfaceName(name)) return undefined
  try {
    return Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'ascii'))
  } catch {
    return undefined
  }
}

/** What the kernel takes for a name (`dev_valid_name`): at most 15 bytes, no slash, colon or space, not `.` or `..`. */
export function isInterfaceName(name: string): boolean {
  return /^[^\s/:%[\]\0]+$/.test(name) && Buffer.byteLength(name) <= 15 && name !== '.' && name !== '..'
}
