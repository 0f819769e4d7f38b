import type { AddressBase } from './address.ts'
import { unsupported } from './errors.ts'
import type { Handle } from './family.ts'

/** A process, as the kernel vouches for it: `struct ucred` of unix(7). */
export interface Credentials {
  /** The process; 0 where it is of a PID namespace that ours does not see. */
  readonly pid: number
  /** Its effective user and group, in our user namespace; 65534 where they have no name there. */
  readonly uid: number
  readonly gid: number
}

/** Who is at the other end, as it was when the connection was made: SO_PEERCRED of unix(7). */
export interface PeerCredentials extends Credentials {
  /**
   * Where it was asked for: a descriptor of the process itself, which stays true when its number is used again
   * (SO_PEERPIDFD, Linux 6.5). Close-on-exec, and the caller's to close. Absent where the kernel has none.
   */
  readonly pidfd?: number
}

export interface PeerCredentialsOptions {
  /** Also a pidfd. Default false. */
  readonly pidfd?: boolean | undefined
}

/** Throws `ERR_UNSUPPORTED` where the handle does not know its peer, else the system's error. */
export function peerCredentialsOf(handle: Handle<AddressBase>, options: PeerCredentialsOptions): PeerCredentials {
  if (handle.peerCredentials === undefined) {
    throw unsupported('peerCredentials', `the ${handle.engine} engine does not tell which process is at the other end`)
  }
  return handle.peerCredentials(options)
}
