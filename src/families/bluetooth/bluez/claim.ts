import type { Message } from 'dbus-native'
import { loadAddon } from '../../../engine/addon.ts'

const TAKEN = -1

/** Makes this thread the owner of descriptors that arrived from the bus, so that a worker that is terminated closes them. */
export function ownArrived(fds: readonly number[]): void {
  for (const fd of fds) loadAddon().addon?.own(fd)
}

/** Takes a descriptor out of a message: `index` is what the body has in the place of an `h`. It is the caller's to close. */
export function takeFd(message: Message, index: unknown): number | undefined {
  const { fds } = message
  if (fds === undefined || typeof index !== 'number') return undefined
  const fd = fds[index]
  if (fd === undefined || fd === TAKEN) return undefined
  fds[index] = TAKEN
  loadAddon().addon?.release(fd)
  return fd
}

/**
 * Closes what nobody took out of a message: anybody on the bus may send descriptors, and those of a message that nobody
 * wants would stay open for good.
 */
export function closeUnclaimed(fds: number[]): void {
  for (const [index, fd] of fds.entries()) {
    fds[index] = TAKEN
    if (fd !== TAKEN) loadAddon().addon?.close(fd)
  }
}
