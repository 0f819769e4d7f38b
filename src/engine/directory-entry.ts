import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs'

/** A file by what does not change when another one takes its name. */
export interface FileIdentity {
  readonly dev: bigint
  readonly ino: bigint
}

/** open(2)'s O_PATH, which Node does not name: a descriptor of the file itself, whatever the file is. */
export const O_PATH = 0o10000000

const SLASH = 0x2f

/**
 * A name in a directory that is held open: what is done to it is done in this directory, also when the path leads to
 * another one by now. Without /proc, as outside of Linux, it is done by the path.
 */
export class DirectoryEntry {
  readonly directory: FileIdentity
  readonly #path: Buffer
  /** Whether /proc leads from a descriptor to its file. */
  readonly #hasProc: boolean

  private constructor(path: Buffer, directory: FileIdentity, hasProc: boolean) {
    this.#path = path
    this.directory = directory
    this.#hasProc = hasProc
  }

  /** Runs `work` with the directory of the path held open. Throws what open(2) says of it. */
  static of<T>(path: Buffer, work: (entry: DirectoryEntry) => T): T {
    const nameAt = path.lastIndexOf(SLASH) + 1
    const parent = nameAt === 0 ? Buffer.from('.') : path.subarray(0, nameAt)
    if (process.platform !== 'linux') return work(new DirectoryEntry(path, statSync(parent, { bigint: true }), false))
    const fd = openSync(parent, O_PATH | constants.O_DIRECTORY)
    try {
      const held = `/proc/self/fd/${fd}/`
      const directory = statOf(`${held}.`)
      if (directory === undefined) return work(new DirectoryEntry(path, fstatSync(fd, { bigint: true }), false))
      return work(new DirectoryEntry(Buffer.concat([Buffer.from(held), path.subarray(nameAt)]), directory, true))
    } finally {
      closeSync(fd)
    }
  }

  /** The file of this name, which may be a symlink; `undefined` where there is none, or none that we may see. */
  stat(): BigIntStats | undefined {
    return statOf(this.#path)
  }

  unlink(): void {
    unlinkSync(this.#path)
  }

  rename(suffix: string): void {
    renameSync(this.#path, this.#beside(suffix))
  }

  renameBack(suffix: string): void {
    renameSync(this.#beside(suffix), this.#path)
  }

  #beside(suffix: string): Buffer {
    return Buffer.concat([this.#path, Buffer.from(suffix)])
  }

  /**
   * chmod(2) of this very file, and of no other that takes its name. Throws ENOENT where it has lost the name already. Without
   * /proc, of what has the name.
   */
  chmod(file: FileIdentity, mode: number): void {
    if (!this.#hasProc) {
      chmodSync(this.#path, mode)
      return
    }
    const fd = openSync(this.#path, O_PATH | constants.O_NOFOLLOW)
    try {
      if (!isSame(fstatSync(fd, { bigint: true }), file)) throw noSuchFile()
      chmodSync(`/proc/self/fd/${fd}`, mode)
    } finally {
      closeSync(fd)
    }
  }
}

export function isSame(one: FileIdentity | undefined, other: FileIdentity | undefined): boolean {
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino
}

/** The file at a path, which may be a symlink; `undefined` where there is none, or none that we may see. */
export function statOf(path: Buffer | string): BigIntStats | undefined {
  try {
    // An exception costs more than all the rest.
    return lstatSync(path, { bigint: true, throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

function noSuchFile(): NodeJS.ErrnoException {
  return Object.assign(new Error('the file was replaced'), { code: 'ENOENT' })
}
