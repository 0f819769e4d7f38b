import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { invalidAddress } from '../core/address.ts'
import { unsupported } from '../core/errors.ts'
import { DirectoryEntry, type FileIdentity, isSame } from './directory-entry.ts'

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
export function fileAt(path: string): FileIdentity | undefined {
  try {
    return DirectoryEntry.of(Buffer.from(path), (entry) => entry.stat())
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
export function keepingSuccessor(path: string, ours: FileIdentity | undefined, close: () => void): void {
  let isClosed = false
  const closeOnce = (): void => {
    isClosed = true
    close()
  }
  try {
    DirectoryEntry.of(Buffer.from(path), (entry) => {
      const now = entry.stat()
      const aside = now === undefined || isSame(now, ours) ? undefined : moveAside(entry)
      closeOnce()
      if (aside !== undefined) entry.renameBack(aside)
    })
  } catch (error) {
    if (isClosed) throw error
    close()
  }
}

/** Where it cannot be moved, it cannot be removed either. */
function moveAside(entry: DirectoryEntry): string | undefined {
  const aside = `.${randomBytes(6).toString('hex')}`
  try {
    entry.rename(aside)
    return aside
  } catch {
    return undefined
  }
}
