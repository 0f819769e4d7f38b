// What /proc/self/fd says.
import { readdirSync, readlinkSync } from 'node:fs'

/** What a descriptor stands for, `socket:[INODE]` for a socket; `undefined` where it is not open. */
export function identityOf(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

/** @returns {Map<number, string>} all that are open */
export function openDescriptors() {
  const open = new Map()
  for (const name of readdirSync('/proc/self/fd')) {
    const identity = identityOf(Number(name))
    // That of this look itself is closed by now.
    if (identity !== undefined) open.set(Number(name), identity)
  }
  return open
}
