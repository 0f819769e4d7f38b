import { chmodSync, constants, fchmodSync } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { connect } from 'node:net'
import { inspect } from 'node:util'
import { wrongNumber, wrongType } from '../../core/argument-errors.ts'
import { fromNodeError, unsupported } from '../../core/errors.ts'
import type { Binding, BindSteps } from '../../engine/bind-steps.ts'
import type { Cleanup } from '../../engine/kernel.ts'
import type { Name } from './name.ts'
import { removal, statOf, unlinkIfSame } from './socket-file.ts'

/** Options of unix, unixgram and unixpacket, for the addresses that are paths. */
export interface UnixSocketOptions {
  /**
   * Permissions of the socket file, such as 0o660, whatever the umask; who may write it may connect. With the kernel
   * engine there is no moment at which it has wider ones. Default: 0o777 less the umask. unix(7).
   */
  mode?: number
  /**
   * Where the address is in use by a socket file that nobody listens on any more, removes it and binds. Found out by
   * connecting, so a live server sees one connection that ends at once. Anything else is left alone: `EADDRINUSE`.
   * Default false.
   */
  unlinkStale?: boolean
}

/** open(2)'s O_PATH, which Node does not name: a descriptor of the file itself, whatever the file is. */
const O_PATH = 0o10000000

/** What `mode` and `unlinkStale` ask for, and the removal of the socket file while it is still ours. */
export function bindSteps(name: Name, text: string, { fd, options }: Binding): BindSteps {
  const { mode, unlinkStale }: BindOptions = options
  if (name.kind !== 'path') {
    if (mode !== undefined) throw unsupported(`mode for ${text}`, 'only a path has permissions')
    // bind(2) to no name is the kernel's autobind, and an unnamed socket is one that was never bound.
    return { skip: name.kind === 'unnamed' }
  }
  const path = absolute(name.path)
  // The kernel creates the file with the permissions of the socket, less the umask.
  if (mode !== undefined && fd !== undefined) fchmodSync(fd, mode)
  return {
    ...(unlinkStale && {
      retry: async (error) =>
        error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && (await unlinkIfStale(path)),
    }),
    bound: () => keepFile(path, mode, text),
  }
}

/** Gives the file that was bound its permissions; what it returns removes the file while it is still ours. */
function keepFile(path: Buffer, mode: number | undefined, text: string): Cleanup | undefined {
  const ours = statOf(path)
  if (ours === undefined) return undefined
  const remove = removal(path, ours)
  if (mode !== undefined && (Number(ours.mode) & 0o777) !== mode) {
    try {
      chmodSync(path, mode)
    } catch (error) {
      remove()
      throw fromNodeError(error, 'chmod', text)
    }
  }
  return remove
}

export function checkUnlinkStale(value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw wrongType(`unlinkStale must be true or false, not ${inspect(value)}`)
}

export function checkMode(value: unknown): asserts value is number {
  const isMode = typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0o777
  if (!isMode) throw wrongNumber(value, `mode must be permissions, 0 to 0o777, not ${inspect(value)}`)
}

/** What was checked before the socket was opened. */
interface BindOptions {
  readonly mode?: number
  readonly unlinkStale?: boolean
}

/**
 * A relative path means the working directory of now, also when the socket is closed. Not normalised: `..` after a
 * symlink.
 */
function absolute(path: Buffer): Buffer {
  return path[0] === SLASH ? path : Buffer.concat([Buffer.from(`${process.cwd()}/`), path])
}

const SLASH = 0x2f

/** Whether there is room to bind again: the file is gone, or was a socket that refused connections and is removed. */
async function unlinkIfStale(path: Buffer): Promise<boolean> {
  let pin: FileHandle | undefined
  try {
    // The open descriptor keeps the inode from being used again, so that what is removed is what was probed, and it
    // can be reached under a short name of ASCII, whatever its own is.
    if (process.platform === 'linux') pin = await open(path, O_PATH | constants.O_NOFOLLOW)
    const found = await (pin?.stat({ bigint: true }) ?? lstat(path, { bigint: true }))
    if (!found.isSocket()) return false
    if (!(await refusesConnections(pin === undefined ? path.toString() : `/proc/self/fd/${pin.fd}`))) return false
    unlinkIfSame(path, found)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  } finally {
    await pin?.close()
  }
}

/**
 * One stream socket asks for all three types: a socket of another type answers EPROTOTYPE, and is alive. EAGAIN is a
 * full backlog, and alive too.
 */
function refusesConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path })
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'))
    probe.once('connect', () => {
      probe.destroy()
      resolve(false)
    })
  })
}
