import type { AddressBase } from '../../core/address.ts'
import { SocketError } from '../../core/errors.ts'
import type { ListenerHandle } from '../../core/family.ts'
import { loadAddon } from '../../engine/addon.ts'
import { SO_ACCEPTCONN } from '../../engine/kernel-options.ts'
import { type Adopted, adoptDescriptor } from '../adopt-descriptor.ts'
import { descriptorType } from '../descriptor-type.ts'
import { invalidDescriptor } from '../errors/argument-errors.ts'
import { checkInt32 } from '../errors/checks.ts'
import { callFailed } from '../errors/system-error.ts'
import { readSocketOption, socketNumbers, socketType } from '../socket-type.ts'
import type { Wording } from './addresses.ts'
import { refuseBoundSocket } from './bound-socket.ts'
import { SocketHandle } from './socket-handle.ts'
import { failureIn } from './system-errors.ts'

/** One of Node's own handles, as far as it matters here. */
export interface ForeignHandle {
  readonly fd?: number
  close(onClosed?: () => void): void
}

/** Takes over a connected socket. Throws `ERR_INVALID_FD_TYPE` for a descriptor of anything else. */
export function openDescriptor(fd: unknown): SocketHandle {
  checkInt32(fd, 'fd', 0)
  const type = descriptorType(fd)
  if (type !== 'SOCKET') throw invalidDescriptor(type)
  leaveOthers(fd)
  if (readSocketOption(fd, SO_ACCEPTCONN) === 1) throw invalidDescriptor('UNKNOWN')
  try {
    return streamOn(fd, 'itself')
  } catch (error) {
    throw error instanceof SocketError ? callFailed(failureIn(error), 'open') : error
  }
}

/** A handle of ours; or one of Node's, of which we take a duplicate of its descriptor before it is closed. */
export function takeHandle(handle: SocketHandle | ForeignHandle): SocketHandle {
  if (handle instanceof SocketHandle) return handle
  refuseBoundSocket(handle, 'options.handle')
  if (handle.fd === undefined || handle.fd < 0) throw invalidDescriptor('UNKNOWN')
  const ours = streamOn(handle.fd, 'duplicate')
  handle.close()
  return ours
}

/** Listens on a socket that is bound, and may be listening already. Throws the engine's errors. */
export function listenOnDescriptor(
  fd: number,
  backlog: number,
): { handle: ListenerHandle<AddressBase>; wording: Wording } {
  const type = descriptorType(fd)
  // Of the others Node does not even try.
  if (type !== 'SOCKET' && type !== 'PIPE') throw invalidDescriptor(type)
  leaveOthers(fd)
  // Refused by what is no socket, or is one that cannot listen: the adoption then says why.
  loadAddon().addon?.listen(fd, backlog)
  const { handle, wording } = take(fd, 'itself')
  if (handle.type === 'listener') return { handle, wording }
  handle.close()
  throw invalidDescriptor('UNKNOWN')
}

/** Throws for a socket of anything but a stream, before it is ours: the caller keeps it, and closes it. */
function leaveOthers(fd: number): void {
  const numbers = socketNumbers(fd)
  const type = numbers && socketType(numbers)
  if (type === 'UDP' || type === 'UNKNOWN') throw invalidDescriptor(type)
}

function streamOn(fd: number, what: 'itself' | 'duplicate'): SocketHandle {
  const { handle, wording } = take(fd, what)
  if (handle.type === 'stream') return new SocketHandle(wording, handle)
  handle.close()
  throw invalidDescriptor('UNKNOWN')
}

function take(fd: number, what: 'itself' | 'duplicate'): { handle: Adopted['handle']; wording: Wording } {
  const adopted = adoptDescriptor(fd, what)
  if (adopted === undefined) throw invalidDescriptor('UNKNOWN')
  return { handle: adopted.handle, wording: WORDINGS[adopted.family] ?? 'address' }
}

const WORDINGS: Readonly<Record<string, Wording>> = { inet: 'tcp', unix: 'pipe' }
