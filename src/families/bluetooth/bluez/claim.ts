import { closeSync } from 'node:fs'
import type { Message } from 'dbus-native'

const TAKEN = -1

/** Takes a descriptor out of a message: `index` is what the body has in the place of an `h`. It is the caller's to close. */
export function takeFd(message: Message, index: unknown): number | undefined {
  const { fds } = message
  if (fds === undefined || typeof index !== 'number') return undefined
  const fd = fds[index]
  if (fd === undefined || fd === TAKEN) return undefined
  fds[index] = TAKEN
  return fd
}

/**
 * Closes what nobody took out of a message: anybody on the bus may send descriptors, and those of a message that nobody
 * wants would stay open for good.
 */
export function closeUnclaimed(fds: readonly number[]): void {
  for (const fd of fds) if (fd !== TAKEN) closeSync(fd)
}
