import type { AddressBase } from '../../core/address.ts'
import { unsupported } from '../../core/errors.ts'
import type { DatagramHandle } from '../../core/family.ts'
import { adoptDescriptor } from '../adopt-descriptor.ts'
import { descriptorType } from '../descriptor-type.ts'
import { socketNumbers, socketType } from '../socket-type.ts'
import type { SocketKind } from './kind.ts'

/** Whether the descriptor is such a socket, and if not, what it is, in libuv's words: `'TCP'`, `'FILE'`. */
export function isOfKind(fd: number, kind: SocketKind): true | string {
  const found = descriptorType(fd)
  if (found !== 'SOCKET') return found
  const numbers = socketNumbers(fd)
  if (numbers === undefined) return 'UNKNOWN'
  return kind.takes(numbers.domain, numbers.type) || socketType(numbers)
}

/** Of a descriptor that `isOfKind` has found to be right, or of one of Node's own. Throws the system's error. */
export function openDatagram(fd: number, what: 'itself' | 'duplicate'): DatagramHandle<AddressBase> {
  const adopted = adoptDescriptor(fd, what)
  if (adopted === undefined) throw unsupported(`descriptor ${fd}`, 'it is of no family known here')
  return adopted.handle as DatagramHandle<AddressBase>
}
