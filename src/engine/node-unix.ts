import { randomBytes } from 'node:crypto'
import { type BigIntStats, lstatSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { invalidAddress } from '../core/address.ts'
import { unsupported } from '../core/errors.ts'

/** `sun_path`, all of which may be used: the kernel needs no NUL at its end. */
const MAX_PATH = process.platform === 'linux' ? 108 : 104

/** A path that Node hands to the system as it is. Where it is longer, libuv cuts it; at a NUL, the kernel does. */
export function checkPath(path: string, address: string): string {
  // Windows has named pipes in place of Unix sockets, and another limit.
  if (process.platform === 'win32') return path
  if (path.startsWith('\0'))
    throw unsupported(address, 'some versions of Node pad abstract names; the kernel engine does not')
  const bytes = Buffer.from(path)
  if (bytes.length === 0) throw invalidAddress(address, 'the path is empty')
  if (bytes.includes(0)) throw invalidAddress(address, 'the path has a NUL in it')
  if (bytes.toString() !== path) throw invalidAddress(address, 'the path is not Unicode')
  if (bytes.length > MAX_PATH)
    throw invalidAddress(address, `the path is ${bytes.length} bytes long, and has at most ${MAX_PATH}`)
  return path
}

/** The file at a path; `undefined` where there is none, or none that we may see. */
export function fileAt(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true })
  } catch {
    return undefined
  }
}

/** libuv says EACCES for a directory that is missing, since Windows does. */
export function isDirectoryMissing(path: string): boolean {
  try {
    return !statSync(dirname(path)).isDirectory()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  }
}

/**
 * Runs `close`, in which libuv removes the path that it had bound, whatever is there by now: a relative path from
 * the working directory of now, the file of a server that took our place. What is not `ours` is moved out of the way
 * for that moment.
 */
export function keepingSuccessor(path: string, ours: BigIntStats | undefined, close: () => void): void {
  const now = fileAt(path)
  const isOurs = now === undefined || (now.dev === ours?.dev && now.ino === ours.ino)
  const aside = isOurs ? undefined : moveAside(path)
  close()
  if (aside !== undefined) renameSync(aside, path)
}

/** Where it cannot be moved, it cannot be removed either. */
function moveAside(path: string): string | undefined {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    renameSync(path, aside)
    return aside
  } catch {
    return undefined
  }
}
