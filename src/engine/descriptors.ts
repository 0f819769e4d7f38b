import { constants } from 'node:os'
import { SocketError, systemError } from '../core/errors.ts'
import type { HeldDescriptors } from '../core/family.ts'
import { type Addon, MAX_FDS } from './addon.ts'
import { type ControlPart, encodeControl } from './control.ts'
import { EBADF } from './errno.ts'
import { decodeInt, SOL_SOCKET } from './kernel-options.ts'

const MSG_CTRUNC = 8
/** The part of a message that carries descriptors: unix(7). */
const SCM_RIGHTS = 1
/** The part that carries the sender's process, of SO_PASSPIDFD. */
const SCM_PIDFD = 4

/**
 * Reads that take the descriptors which came with the bytes. One serves every socket of the thread: what it holds is what
 * the last read brought.
 */
export class DescriptorIntake {
  readonly #fds = new Int32Array(MAX_FDS)
  readonly #meta = new Int32Array(2)

  /** Like `Addon.recv`, into all of the block. */
  recv(addon: Addon, fd: number, block: Buffer): number {
    this.#meta.fill(0)
    return addon.recvfds(fd, block, 0, block.length, this.#fds, this.#meta)
  }

  get fds(): number[] {
    return [...this.#fds.subarray(0, this.#meta[0])]
  }

  /** The system could not hand over all of them. */
  get lost(): boolean {
    return ((this.#meta[1] as number) & MSG_CTRUNC) !== 0
  }
}

/**
 * For descriptors that came with data and were lost. There is room for as many as a message can carry, so what was lacking
 * is descriptors of this process; a security module that refuses one cannot be told apart.
 */
export function descriptorsLost(syscall: string): SocketError {
  const why = 'descriptors that came with the data were lost (MSG_CTRUNC), as this process has too many open'
  return new SocketError('EMFILE', `${syscall} EMFILE: ${why}`, { errno: -constants.errno.EMFILE, syscall })
}

export function isRights({ level, type }: ControlPart): boolean {
  return level === SOL_SOCKET && type === SCM_RIGHTS
}

/** Nobody can ask for it, but whoever opened an adopted socket may have. */
export function isPidfd({ level, type }: ControlPart): boolean {
  return level === SOL_SOCKET && type === SCM_PIDFD
}

export function decodeFds({ data }: ControlPart): number[] {
  return Array.from({ length: Math.floor(data.length / 4) }, (_, index) => decodeInt(data, 4 * index))
}

export function rightsOf(fds: HeldDescriptors): ControlPart {
  return { level: SOL_SOCKET, type: SCM_RIGHTS, data: new Uint8Array(fds.buffer, fds.byteOffset, fds.byteLength) }
}

/** The ancillary data of a message that carries nothing but descriptors. */
export function encodeRights(fds: HeldDescriptors): Uint8Array {
  return encodeControl([rightsOf(fds)])
}

/** Closes duplicates that `holdDescriptors` made. */
export function dropDescriptors(addon: Addon, held: HeldDescriptors): void {
  for (const fd of held) addon.close(fd)
}

/** Duplicates of descriptors, to be sent; none when one of them cannot be had. */
export function holdDescriptors(addon: Addon, fds: readonly number[]): HeldDescriptors {
  if (fds.length > MAX_FDS) {
    const why = `one message carries at most ${MAX_FDS} descriptors, not ${fds.length}`
    throw new SocketError('EINVAL', `write EINVAL: ${why}`, { errno: -constants.errno.EINVAL, syscall: 'write' })
  }
  const held: number[] = []
  for (const fd of fds) {
    // A number that was not open may be the one that an earlier copy has got by now.
    const copy = held.includes(fd) ? EBADF : addon.duplicate(fd)
    if (copy < 0) {
      for (const each of held) addon.close(each)
      throw systemError(copy, 'dup')
    }
    held.push(copy)
  }
  return Int32Array.from(held)
}
