import { fstatSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { AddressBase } from '../../core/address.ts'
import { systemError, unsupported } from '../../core/errors.ts'
import type { DatagramHandle } from '../../core/family.ts'
import { loadAddon } from '../../engine/addon.ts'
import { decodeInt, SO_DOMAIN, SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from '../../engine/kernel-options.ts'
import { builtinFamilies } from '../../families/index.ts'
import { AF_INET, AF_INET6 } from '../../families/inet/sockaddr.ts'
import type { SocketKind } from './kind.ts'

/** Whether the descriptor is such a socket, and if not, what it is, in libuv's words: `'TCP'`, `'FILE'`. */
export function isOfKind(fd: number, kind: SocketKind): true | string {
  try {
    const stats = fstatSync(fd)
    if (stats.isSocket()) return ofSocket(fd, kind)
    if (stats.isFIFO()) return 'PIPE'
    if (stats.isFile()) return 'FILE'
    if (stats.isCharacterDevice()) return isatty(fd) ? 'TTY' : 'FILE'
    return 'UNKNOWN'
  } catch {
    return 'UNKNOWN'
  }
}

function ofSocket(fd: number, kind: SocketKind): true | string {
  const { addon } = loadAddon()
  if (addon === undefined) throw unsupported('bind to a descriptor', 'it takes the native addon, which is not here')
  const read = (option: number): number => {
    const value = new Uint8Array(4)
    const result = addon.getsockopt(fd, SOL_SOCKET, option, value)
    if (result < 0) throw systemError(result, 'getsockopt')
    return decodeInt(value)
  }
  const [domain, type] = [read(SO_DOMAIN), read(SO_TYPE)]
  if (kind.takes(domain, type)) return true
  const isInet = domain === AF_INET || domain === AF_INET6
  if (type === SOCK_STREAM) return isInet ? 'TCP' : 'PIPE'
  return isInet && type === SOCK_DGRAM ? 'UDP' : 'UNKNOWN'
}

/**
 * Takes over a descriptor that `isOfKind` has found to be right, or a duplicate of one that somebody else keeps open. Throws the system's error: EEXIST for one in
 * use here.
 */
export function adoptDescriptor(fd: number, what: 'itself' | 'duplicate'): DatagramHandle<AddressBase> {
  for (const family of builtinFamilies) {
    const handle = family.adopt?.(fd, { what })
    if (handle !== undefined) return handle as DatagramHandle<AddressBase>
  }
  throw unsupported(`descriptor ${fd}`, 'it is of no family known here')
}
