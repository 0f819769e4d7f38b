import { fstatSync, type Stats } from 'node:fs'
import { isatty } from 'node:tty'

/** Libuv's words for what a descriptor is of, of which Node's messages speak. */
export type DescriptorType = 'SOCKET' | 'PIPE' | 'TTY' | 'FILE' | 'UNKNOWN'

/** `'UNKNOWN'` for a descriptor that is not open, too. */
export function descriptorType(fd: number): DescriptorType {
  const stats = statsOf(fd)
  if (stats?.isSocket()) return 'SOCKET'
  if (stats?.isFIFO()) return 'PIPE'
  if (stats?.isCharacterDevice()) return isatty(fd) ? 'TTY' : 'FILE'
  return stats?.isFile() ? 'FILE' : 'UNKNOWN'
}

function statsOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd)
  } catch {
    return undefined
  }
}
