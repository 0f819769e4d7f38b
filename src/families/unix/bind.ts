import { type BigIntStats, constants, fchmodSync } from 'node:fs'
import { type FileHandle, lstat, open } from 'node:fs/promises'
import { connect } from 'node:net'
import { inspect } from 'node:util'
import { wrongNumber, wrongType } from '../../core/argument-errors.ts'
import { unsupported } from '../../core/errors.ts'
import { sleep } from '../../core/timers.ts'
import type { Binding, BindSteps } from '../../engine/bind-steps.ts'
import { O_PATH } from '../../engine/directory-entry.ts'
import type { Name } from './name.ts'
import { SocketFile, unlinkIfSame } from './socket-file.ts'
import { exclusively } from './stale-lock.ts'

/** Options of unix, unixgram and unixpacket, for the addresses that are paths. */
export interface UnixSocketOptions {
  /**
   * Permissions of the socket file, such as 0o660, whatever the umask; who may write it may connect. With the kernel
   * engine there is no moment at which it has wider ones. Default: 0o777 less the umask. unix(7).
   */
  mode?: number
  /**
   * Where the address is in use by a socket file that nobody listens on any more, removes it and binds. Found out by
   * connecting, so a live server sees one connection that ends at once. Anything else is left alone: `EADDRINUSE`. Of
   * several processes that do so at once (in one network namespace), one gets the address. Default false.
   */
  unlinkStale?: boolean
}

/** Milliseconds after which a bound socket that refuses connections is no server that is about to listen. */
const YOUNG = 100n

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
  const file = new SocketFile(path, text)
  return {
    ...(unlinkStale && {
      exclusively: (work) => exclusively(path, work),
      retry: async (error) =>
        error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' && (await unlinkIfStale(path)),
    }),
    before: () => file.survey(),
    bound: () => file.claim(mode),
  }
}

export function checkUnlinkStale(value: unknown): void {
  if (typeof value !== 'boolean') throw wrongType(`unlinkStale must be true or false, not ${inspect(value)}`)
}

export function checkMode(value: unknown): void {
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
    const where = pin === undefined ? path.toString() : `/proc/self/fd/${pin.fd}`
    if (!(await refusesConnections(where))) return false
    if (isYoung(found)) {
      await sleep(Number(YOUNG))
      if (!(await refusesConnections(where))) return false
    }
    unlinkIfSame(path, found)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT'
  } finally {
    await pin?.close()
  }
}

/** Whether the server may be one that has bound its socket and not yet called listen(2), which nobody can tell from a dead one. */
function isYoung({ ctimeMs }: BigIntStats): boolean {
  const age = BigInt(Date.now()) - ctimeMs
  return age >= 0n && age < YOUNG
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
