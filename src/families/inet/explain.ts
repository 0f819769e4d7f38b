import type { SocketError } from '../../core/errors.ts'
import { isOfBind } from '../../engine/bind-steps.ts'
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
