import type { BigIntStats } from 'node:fs'
import { explained, fromNodeError, namedSystemError } from '../../core/errors.ts'
import { DirectoryEntry, type FileIdentity, isSame } from '../../engine/directory-entry.ts'
import type { Cleanup } from '../../engine/kernel.ts'

/** Where a socket is to be bound: the directory, and the file that has the name there so far. */
interface Site {
  readonly directory: FileIdentity
  readonly file: BigIntStats | undefined
}

/**
 * The file that bind(2) makes, told from any other: it is in the directory that was there before, under a name that no
 * file had, or another file. So nobody who moves directories and links about has us touch a file that was there before.
 */
export class SocketFile {
  readonly #path: Buffer
  readonly #text: string
  #site: Site | undefined

  /** The path is absolute; `text` is the address, for errors. */
  constructor(path: Buffer, text: string) {
    this.#path = path
    this.#text = text
  }

  /** To be called before each bind. */
  survey(): void {
    this.#site = undefined
    try {
      this.#site = DirectoryEntry.of(this.#path, (entry) => ({ directory: entry.directory, file: entry.stat() }))
    } catch (error) {
      // Any other error is the one that bind(2) is about to meet.
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EMFILE' || code === 'ENFILE') throw fromNodeError(error, 'open', this.#text)
    }
  }

  /**
   * To be called after the bind: gives the file its mode. What it returns removes it; `undefined` where the file is gone
   * already, or is not for certain ours.
   */
  claim(mode: number | undefined): Cleanup | undefined {
    let remove: Cleanup | undefined
    try {
      return DirectoryEntry.of(this.#path, (entry) => {
        const file = this.#bound(entry)
        if (file === undefined && mode !== undefined) throw namedSystemError('ENOENT', 'chmod', this.#text)
        if (file === undefined) return undefined
        remove = removal(this.#path, file)
        if (mode !== undefined && (Number(file.mode) & 0o777) !== mode) entry.chmod(file, mode)
        return remove
      })
    } catch (error) {
      remove?.()
      if (mode === undefined) return undefined
      throw fromNodeError(error, 'chmod', this.#text)
    }
  }

  #bound(entry: DirectoryEntry): BigIntStats | undefined {
    const site = this.#site
    const file = entry.stat()
    if (site === undefined || file === undefined || !file.isSocket()) return undefined
    const isNew = !isSame(file, site.file) || file.birthtimeNs !== site.file?.birthtimeNs
    return isNew && isSame(entry.directory, site.directory) ? file : undefined
  }
}

/** Removes the socket file at an absolute path when the socket is closed, here or in the process that inherits it. */
function removal(path: Buffer, { dev, ino }: FileIdentity): Cleanup {
  const remove = (): void => unlinkIfSame(path, { dev, ino })
  return Object.assign(remove, { inheritance: `${dev} ${ino} ${path.toString('base64')}` })
}

/**
 * The removal that another process wrote down as its `inheritance`, of the file of a socket that is bound to the path
 * `local`: that file, and no other.
 */
export function inheritedRemoval(inheritance: string, local: Uint8Array | undefined): Cleanup {
  const [, dev, ino, base64] = /^(\d{1,20}) (\d{1,20}) ([\w+/]+={0,2})$/.exec(inheritance) ?? []
  const path = Buffer.from(base64 ?? '', 'base64')
  if (dev === undefined || ino === undefined || local === undefined || !isFor(path, local)) {
    throw explained('EPROTO', 'takeOver', undefined, 'what came with the socket is not its file')
  }
  return removal(path, { dev: BigInt(dev), ino: BigInt(ino) })
}

const SLASH = 0x2f

/** Whether an absolute path is one that a socket is bound to, which may be relative to a directory that we do not know. */
function isFor(path: Buffer, bound: Uint8Array): boolean {
  if (bound[0] === SLASH) return path.equals(bound)
  return path[0] === SLASH && path.subarray(-bound.length - 1).equals(Buffer.concat([Buffer.of(SLASH), bound]))
}

/** Where it cannot be removed, the file stays, as it would have without us. */
export function unlinkIfSame(path: Buffer, ours: FileIdentity): void {
  try {
    DirectoryEntry.of(path, (entry) => {
      const now = entry.stat()
      if (now?.isSocket() && isSame(now, ours)) entry.unlink()
    })
  } catch {
    return
  }
}
