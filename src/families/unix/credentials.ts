import { wrongType } from '../../core/argument-errors.ts'
import type { Credentials, PeerCredentials, PeerCredentialsOptions } from '../../core/credentials.ts'
import { namedSystemError, SocketError } from '../../core/errors.ts'
import type { RawOption } from '../../core/options.ts'
import type { AncillaryField } from '../../engine/ancillary-field.ts'
import { boolean, decodeInt, encodeInt, type KernelOption, SOL_SOCKET } from '../../engine/kernel-options.ts'

/** Options of unixgram and unixpacket. */
export interface CredentialOptions {
  /**
   * unixgram, unixpacket: messages tell who sent them, as `credentials`; the kernel vouches for it. A socket that is not
   * bound gets an abstract name by it. Default false. SO_PASSCRED, unix(7).
   */
  receiveCredentials?: boolean
}

declare module '../../core/ancillary.ts' {
  interface ReceivedAncillary {
    /** `receiveCredentials`: who sent the message. SCM_CREDENTIALS, unix(7). */
    readonly credentials?: Credentials
  }
  interface SentAncillary {
    /**
     * unixgram, unixpacket: as whom to send, for a receiver that asks. Default: as what we are. Another process or user than
     * ours is EPERM without CAP_SYS_ADMIN, CAP_SETUID or CAP_SETGID. SCM_CREDENTIALS, unix(7).
     */
    readonly credentials?: Credentials | undefined
  }
}

const SO_PASSCRED = 16
const SO_PEERCRED = 17
const SO_PEERPIDFD = 77
const SCM_CREDENTIALS = 2
/** `struct ucred`: pid, uid and gid, of 32 bits each. */
const UCRED_SIZE = 12
/** What the kernel tells of a peer that there is not. */
const NOBODY = 2 ** 32 - 1

export const receiveCredentials: KernelOption = {
  level: SOL_SOCKET,
  name: SO_PASSCRED,
  codec: boolean,
  phase: 'socket',
  isInherited: true,
  schemes: ['unixgram', 'unixpacket'],
  brings: 'credentials',
}

export const credentialsField: AncillaryField = {
  received: [{ level: SOL_SOCKET, type: SCM_CREDENTIALS, decode: decodeCredentials }],
  encode: (value) => ({ level: SOL_SOCKET, type: SCM_CREDENTIALS, data: encodeCredentials(value) }),
}

/** SO_PEERCRED, and SO_PEERPIDFD where it is asked for. */
export function peerCredentials(
  read: (option: RawOption) => Buffer,
  { pidfd = false }: PeerCredentialsOptions,
): PeerCredentials {
  const credentials = decodeCredentials(read({ level: SOL_SOCKET, name: SO_PEERCRED, length: UCRED_SIZE }))
  if (credentials.uid === NOBODY) throw namedSystemError('ENOTCONN', 'getsockopt')
  if (!pidfd) return credentials
  try {
    return { ...credentials, pidfd: decodeInt(read({ level: SOL_SOCKET, name: SO_PEERPIDFD })) }
  } catch (error) {
    if (error instanceof SocketError && error.code === 'ENOPROTOOPT') return credentials
    throw error
  }
}

function decodeCredentials(bytes: Uint8Array): Credentials {
  return { pid: decodeInt(bytes), uid: decodeInt(bytes, 4) >>> 0, gid: decodeInt(bytes, 8) >>> 0 }
}

function encodeCredentials(value: unknown): Uint8Array {
  const { pid, uid, gid } = (value ?? {}) as Partial<Record<keyof Credentials, unknown>>
  const bytes = new Uint8Array(UCRED_SIZE)
  for (const [index, id] of [pid, uid, gid].entries()) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id > NOBODY) {
      throw wrongType('credentials must be { pid, uid, gid }, each a whole number, 0 or more')
    }
    bytes.set(encodeInt(id | 0), 4 * index)
  }
  return bytes
}
