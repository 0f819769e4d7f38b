import type { SocketError } from '../../core/errors.ts'
import type { RawOption } from '../../core/options.ts'
import { isOfBind } from '../../engine/bind-steps.ts'
import { decodeInt } from '../../engine/kernel-options.ts'
import type { HostAndPort } from './text.ts'

/** Ports below it take a capability; ip_unprivileged_port_start of ip(7) changes the limit. */
const FIRST_FREE_PORT = 1024

/** Why a bind or send failed, where the system's words do not say. */
export function explainInet(error: SocketError, scheme: string, to: HostAndPort): string | undefined {
  const { code } = error
  if (!isOfBind(error)) {
    return code === 'EACCES' && scheme === 'udp' ? 'a broadcast address takes the option broadcast' : undefined
  }
  if (code === 'EADDRNOTAVAIL') return `no interface of this machine has the address ${to.host.text}`
  if (code !== 'EACCES' || to.port >= FIRST_FREE_PORT) return undefined
  return `ports below ${FIRST_FREE_PORT} take CAP_NET_BIND_SERVICE, or a lower net.ipv4.ip_unprivileged_port_start`
}

/** IP_MTU of ip(7) and IPV6_MTU of ipv6(7), which a connected socket has, and the bytes of the headers of IP and UDP. */
const IPV4_PATH = { option: { level: 0, name: 14 }, headers: 28 }
const IPV6_PATH = { option: { level: 41, name: 24 }, headers: 48 }

/** The largest udp message that fits into one packet on the way of a connected socket. */
export function pathLimit(isIPv6: boolean, read: (option: RawOption) => Buffer): number {
  const { option, headers } = isIPv6 ? IPV6_PATH : IPV4_PATH
  return decodeInt(read(option)) - headers
}
