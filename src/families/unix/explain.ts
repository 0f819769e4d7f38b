import { statSync } from 'node:fs'
import type { SocketError } from '../../core/errors.ts'
import { isOfBind } from '../../engine/bind-steps.ts'
import { statOf } from '../../engine/directory-entry.ts'
import type { Name } from './name.ts'

/** Why a bind, connect or send to a path failed, where the file system tells. `triedStale`: it was bound with `unlinkStale`. */
export function explainUnix(error: SocketError, name: Name, triedStale: boolean): string | undefined {
  const { code } = error
  if (name.kind !== 'path') return undefined
  if (code === 'ENOENT' || code === 'ENOTDIR') return badDirectory(name.path)
  if (!isOfBind(error)) return code === 'ECONNREFUSED' ? explainRefusal(name.path) : undefined
  if (code === 'EADDRINUSE') return explainUse(name.path, triedStale)
  if (code !== 'EACCES') return undefined
  return `making a file takes write and search permission for the directory ${parentOf(name.path)}`
}

function explainUse(path: Buffer, triedStale: boolean): string {
  if (statOf(path)?.isSocket() === false) return 'a file is there that is no socket'
  return triedStale
    ? 'somebody listens on the socket file that is there'
    : 'a socket file is there; the option unlinkStale removes it where nobody listens on it any more'
}

function explainRefusal(path: Buffer): string | undefined {
  const isSocket = statOf(path)?.isSocket()
  if (isSocket === undefined) return undefined
  return isSocket ? 'the socket file is there, and nobody listens on it' : 'the file there is no socket'
}

/** The first directory on the way that is not there, or is none. */
function badDirectory(path: Buffer): string | undefined {
  for (let end = path.indexOf(SLASH, 1); end >= 0; end = path.indexOf(SLASH, end + 1)) {
    const directory = path.subarray(0, end)
    try {
      if (!statSync(directory).isDirectory()) return `${directory} is no directory`
    } catch (error) {
      // One that we may not look into tells nothing.
      return (error as NodeJS.ErrnoException).code === 'ENOENT' ? `there is no directory ${directory}` : undefined
    }
  }
  return undefined
}

const SLASH = 0x2f

function parentOf(path: Buffer): string {
  const end = path.lastIndexOf(SLASH)
  return end < 0 ? '.' : end === 0 ? '/' : path.toString('utf8', 0, end)
}
