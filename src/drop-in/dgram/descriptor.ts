import type { AddressBase } from '../../core/address.ts'
import { unsupported } from '../../core/errors.ts'
import type { DatagramHandle } from '../../core/family.ts'
import { loadAddon } from '../../engine/addon.ts'
import { decodeInt, SO_DOMAIN, SO_TYPE, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET } from '../../engine/kernel-options.ts'
import { AF_INET, AF_INET6 } from '../../families/inet/sockaddr.ts'
import { adoptDescriptor } from '../adopt-descriptor.ts'
import { descriptorType } from '../descriptor-type.ts'
import type { SocketKind } from './kind.ts'

/** Whether the descriptor is such a socket, and if not, what it is, in libuv's words: `'TCP'`, `'FILE'`. */
export function isOfKind(fd: number, kind: SocketKind): true | string {
  const found = descriptorType(fd)
  if (found !== 'SOCKET') return found
  const [domain, type] = [readOption(fd, SO_DOMAIN), readOption(fd, SO_TYPE)]
  if (domain === undefined || type === undefined) return 'UNKNOWN'
  if (kind.takes(domain, type)) return true
  const isInet = domain === AF_INET || domain === AF_INET6
  if (type === SOCK_STREAM) return isInet ? 'TCP' : 'PIPE'
  return isInet && type === SOCK_DGRAM ? 'UDP' : 'UNKNOWN'
}

/** `undefined` where the system does not say, or cannot be asked. */
function readOption(fd: number, option: number): number | undefined {
  const value = new Uint8Array(4)
  const result = loadAddon().addon?.getsockopt(fd, SOL_SOCKET, option, value)
  return result === undefined || result < 0 ? undefined : decodeInt(value)
}

/** Of a descriptor that `isOfKind` has found to be right, or of one of Node's own. Throws the system's error. */
export function openDatagram(fd: number, what: 'itself' | 'duplicate'): DatagramHandle<AddressBase> {
  const adopted = adoptDescriptor(fd, what)
  if (adopted === undefined) throw unsupported(`descriptor ${fd}`, 'it is of no family known here')
  return adopted.handle as DatagramHandle<AddressBase>
}
