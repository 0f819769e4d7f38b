import { loadAddon } from '../engine/addon.ts'
import { decodeInt, SO_DOMAIN, SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from '../engine/kernel-options.ts'
import { AF_INET, AF_INET6 } from '../families/inet/sockaddr.ts'

/** As given to socket(2). */
export interface SocketNumbers {
  readonly domain: number
  readonly type: number
}

/** `undefined` where the system does not say, or cannot be asked. */
export function socketNumbers(fd: number): SocketNumbers | undefined {
  const [domain, type] = [readSocketOption(fd, SO_DOMAIN), readSocketOption(fd, SO_TYPE)]
  return domain === undefined || type === undefined ? undefined : { domain, type }
}

/** What libuv calls such a socket. A stream of a family that libuv does not know counts as a `'PIPE'`. */
export function socketType({ domain, type }: SocketNumbers): 'TCP' | 'PIPE' | 'UDP' | 'UNKNOWN' {
  const isInet = domain === AF_INET || domain === AF_INET6
  if (type === SOCK_STREAM) return isInet ? 'TCP' : 'PIPE'
  return isInet && type === SOCK_DGRAM ? 'UDP' : 'UNKNOWN'
}

/** An option of SOL_SOCKET. `undefined` where the system does not say, or cannot be asked. */
export function readSocketOption(fd: number, option: number): number | undefined {
  const value = new Uint8Array(4)
  const result = loadAddon().addon?.getsockopt(fd, SOL_SOCKET, option, value)
  return result === undefined || result < 0 ? undefined : decodeInt(value)
}
